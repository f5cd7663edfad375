#include "netns/network.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "netns/bridge.h"
#include "netns/conntrack.h"
#include "netns/firewall.h"
#include "netns/lease.h"
#include "netns/link.h"
#include "netns/sysctl.h"

#include <algorithm>
#include <fcntl.h>

namespace gantry::netns {

namespace {

constexpr const char* inner_name = "eth0";
constexpr std::string_view host_prefix = "gv";

// "gv" and 48 bits of FNV-1a of the id: 14 of the 15 bytes that a name may have.
std::string host_end(const std::string& container_id) {
  return format("{}{:012x}", host_prefix, fnv1a(container_id) & 0xffffffffffff);
}

std::string mac_of(Ipv4 address) {
  return format("02:67:{:02x}:{:02x}:{:02x}:{:02x}", address.value >> 24, address.value >> 16 & 255,
                address.value >> 8 & 255, address.value & 255);
}

std::vector<Lease> without(std::vector<Lease> leases, const std::string& container_id) {
  std::erase_if(leases, [&](const Lease& lease) { return lease.container_id == container_id; });
  return leases;
}

std::optional<Lease> lease_of(const std::vector<Lease>& leases, const std::string& container_id) {
  for (const auto& lease : leases) {
    if (lease.container_id == container_id) return lease;
  }
  return std::nullopt;
}

Attachment describe(const Lease& lease, const Subnet& subnet) {
  return {lease.address, subnet.gateway(), subnet.prefix, mac_of(lease.address), lease.ports};
}

BridgeSettings settings_of(const NetworkOptions& options) {
  return {options.bridge, options.subnet, options.mtu, options.state_directory};
}

Result<void> check_options(const NetworkOptions& options) {
  const auto& name = options.bridge;
  const bool plain = check_container_id(name) && name.size() <= 15;
  if (!plain) {
    return Error::make(ErrorKind::invalid,
                       "bridge name \"{}\": must be at most 15 letters, digits, \"_\", \".\" or \"-\"", name);
  }
  if (!options.table.empty()) TRY(check_container_id(options.table).context("nftables table"));
  if (options.dynamic_ports.last < options.dynamic_ports.first) {
    return Error::make(ErrorKind::invalid, "dynamic port range {}-{}: ends before it begins",
                       options.dynamic_ports.first, options.dynamic_ports.last);
  }
  if (options.mtu < 576 || options.mtu > 65535) {
    return Error::make(ErrorKind::invalid, "mtu {}: must be 576 to 65535", options.mtu);
  }
  if (options.subnet.empty()) return {};
  const auto subnet = TRY(Subnet::parse(options.subnet));
  if (subnet.prefix >= 8 && subnet.prefix <= 29) return {};
  return Error::make(ErrorKind::invalid, "subnet {}: prefix must be 8 to 29", options.subnet);
}

// The pair, and all that is configured inside the namespace.
Result<void> connect(const NetworkOptions& options, const AttachRequest& request, const Lease& lease,
                     const Subnet& subnet) {
  const auto ns = TRY(open_file(request.namespace_path, O_RDONLY).context("network namespace"));
  auto host = TRY(Netlink::open());
  const VethPair pair{host_end(lease.container_id), options.bridge, inner_name, mac_of(lease.address),
                      options.mtu};
  TRY(host.remove(pair.host_name));
  TRY(host.create_veth(pair, ns));
  TRY(host.set_hairpin(pair.host_name));
  TRY(host.set_up(pair.host_name));
  auto inner = TRY(Netlink::open_in(ns));
  TRY(inner.set_up("lo"));
  TRY(inner.add_address(inner_name, lease.address, subnet.prefix));
  TRY(inner.set_up(inner_name));
  return inner.add_default_route(inner_name, subnet.gateway());
}

// Adding is enough for a new container, unless somebody flushed the ruleset or left something in it.
Result<void> publish(const Firewall& firewall, const Lease& lease, const std::vector<Lease>& others,
                     bool replaces) {
  if (!replaces && firewall.add(lease)) return {};
  auto all = others;
  all.push_back(lease);
  return firewall.rewrite(all);
}

Result<void> take_back(const Firewall& firewall, const LeaseStore& store, const Lease& lease,
                       const std::vector<Lease>& others) {
  if (!firewall.erase(lease)) TRY(firewall.rewrite(others));
  auto netlink = TRY(Netlink::open());
  TRY(netlink.remove(host_end(lease.container_id)));
  TRY(forget_connections(lease.address));
  return store.remove(lease.container_id);
}

}  // namespace

Result<Network> Network::open(NetworkOptions options) {
  TRY(check_options(options));
  options.state_directory = TRY(absolute_path(options.state_directory));
  TRY(make_directories(options.state_directory));
  if (options.table.empty()) {
    options.table = options.bridge == "gantry0" ? "gantry" : "gantry-" + options.bridge;
  }
  return Network(std::move(options));
}

Result<Attachment> Network::attach(const AttachRequest& request) {
  TRY(check_container_id(request.container_id));
  const LeaseStore store(options_.state_directory);
  const Firewall firewall(options_.table, options_.bridge);
  const auto lock = TRY(store.lock());
  TRY(ensure_forwarding());
  const auto leases = TRY(store.load());
  const auto subnet = TRY(ensure_bridge(settings_of(options_), store, !leases.empty()));
  const auto former = lease_of(leases, request.container_id);
  const auto others = without(leases, request.container_id);
  const auto range = options_.dynamic_ports.empty() ? TRY(kernel_port_range()) : options_.dynamic_ports;
  Lease lease{request.container_id, request.name, {}, {}};
  lease.address = former ? former->address : TRY(free_address(subnet, leases));
  lease.ports = TRY(resolve_ports(request.ports, others, former, range));
  TRY(store.put(lease));
  auto done = connect(options_, request, lease, subnet);
  if (done) done = publish(firewall, lease, others, former.has_value());
  if (done) return describe(lease, subnet);
  auto error = std::move(done).error().context("attach container {}", request.container_id);
  if (const auto undone = take_back(firewall, store, lease, others); !undone) {
    return std::move(error).context("{} (left for the next sweep)", undone.error().message());
  }
  return error;
}

Result<void> Network::detach(const std::string& container_id) {
  TRY(check_container_id(container_id));
  const LeaseStore store(options_.state_directory);
  const auto lock = TRY(store.lock());
  const auto lease = TRY(store.find(container_id));
  if (!lease) return {};
  const auto others = without(TRY(store.load()), container_id);
  return take_back(Firewall(options_.table, options_.bridge), store, *lease, others)
      .context("detach container {}", container_id);
}

Result<Attachment> Network::inspect(const std::string& container_id) {
  TRY(check_container_id(container_id));
  const LeaseStore store(options_.state_directory);
  const auto lease = TRY(store.find(container_id));
  const auto subnet = TRY(store.subnet());
  if (lease && subnet) return describe(*lease, *subnet);
  return Error::make(ErrorKind::not_found, "container {} has no address on bridge {}", container_id,
                     options_.bridge);
}

namespace {

Result<void> sweep_leases(const LeaseStore& store, const IsLive& is_live, SweepReport& report) {
  auto netlink = TRY(Netlink::open());
  TRY(store.remove_temporaries());
  for (const auto& id : TRY(store.ids())) {
    const auto lease = store.find(id);
    if (is_live(id) && lease) continue;
    TRY(netlink.remove(host_end(id)));
    if (lease && *lease) TRY(forget_connections((*lease)->address));
    TRY(store.remove(id));
    report.leases.push_back(id);
  }
  return {};
}

Result<void> sweep_interfaces(const std::string& bridge, const std::vector<Lease>& leases,
                              SweepReport& report) {
  auto netlink = TRY(Netlink::open());
  const auto own = TRY(netlink.find(bridge));
  if (!own) return {};
  for (const auto& link : TRY(netlink.links())) {
    const bool leased = std::any_of(leases.begin(), leases.end(), [&](const Lease& lease) {
      return host_end(lease.container_id) == link.name;
    });
    if (leased || link.master != own->index || !link.name.starts_with(host_prefix)) continue;
    TRY(netlink.remove(link.name));
    report.interfaces.push_back(link.name);
  }
  return {};
}

}  // namespace

Result<SweepReport> Network::sweep(const IsLive& is_live) {
  const LeaseStore store(options_.state_directory);
  const Firewall firewall(options_.table, options_.bridge);
  const auto lock = TRY(store.lock());
  SweepReport report;
  TRY(check_bridge_owner(settings_of(options_)));
  TRY(sweep_leases(store, is_live, report));
  const auto leases = TRY(store.load());
  TRY(sweep_interfaces(options_.bridge, leases, report));
  if (leases.empty()) {
    TRY(firewall.remove());
    return report;
  }
  TRY(ensure_forwarding());
  TRY(ensure_bridge(settings_of(options_), store, true));
  TRY(firewall.rewrite(leases));
  return report;
}

Result<void> Network::remove() {
  const LeaseStore store(options_.state_directory);
  const auto lock = TRY(store.lock());
  if (const auto ids = TRY(store.ids()); !ids.empty()) {
    return Error::make(ErrorKind::conflict, "bridge {} is in use by {} containers", options_.bridge,
                       ids.size());
  }
  TRY(check_bridge_owner(settings_of(options_)));
  TRY(Firewall(options_.table, options_.bridge).remove());
  return TRY(Netlink::open()).remove(options_.bridge);
}

Result<std::vector<std::string>> Network::warnings() {
  std::vector<std::string> warnings;
  for (const auto& chain : TRY(dropping_forward_chains(options_.table))) {
    warnings.push_back(
        format("nftables chain {} drops forwarded packets by policy, which stops containers on "
               "bridge {} from reaching other networks unless a rule there accepts them",
               chain, options_.bridge));
  }
  return warnings;
}

Result<NetworkMode> NetworkMode::parse(std::string_view text) {
  if (text.empty() || text == "bridge" || text == "default") return NetworkMode{};
  if (text == "host") return NetworkMode{NetworkKind::host, {}};
  if (text == "none") return NetworkMode{NetworkKind::none, {}};
  constexpr std::string_view joined = "container:";
  if (text.starts_with(joined) && text.size() > joined.size()) {
    return NetworkMode{NetworkKind::container, std::string(text.substr(joined.size()))};
  }
  return Error::make(ErrorKind::unsupported,
                     "network \"{}\": only bridge, host, none and container:NAME are supported", text);
}

std::string NetworkMode::string() const {
  switch (kind) {
    case NetworkKind::bridge:
      return "bridge";
    case NetworkKind::host:
      return "host";
    case NetworkKind::none:
      return "none";
    case NetworkKind::container:
      return "container:" + container;
  }
  return {};
}

}  // namespace gantry::netns
