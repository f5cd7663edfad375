#include "netns/firewall.h"

#include "base/text.h"

#include <memory>
#include <nftables/libnftables.h>

namespace gantry::netns {

namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// A new context each time: its socket belongs to the network namespace of the calling thread.
Result<std::string> run(const std::string& commands) {
  const std::unique_ptr<nft_ctx, FreeContext> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context) return Error::make(ErrorKind::system, "nftables: out of memory");
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  const int status = nft_run_cmd_from_buffer(context.get(), commands.c_str());
  if (status == 0) return std::string(nft_ctx_get_output_buffer(context.get()));
  const auto lines = split(nft_ctx_get_error_buffer(context.get()), '\n');
  return Error::make(ErrorKind::system, "nftables: {}", lines.front());
}

bool every_address(const PortMapping& port) {
  return port.host_ip.empty() || port.host_ip == "0.0.0.0";
}

// The element of a port map: "80 : 10.88.0.2 . 8080", or "192.0.2.1 . 80 : 10.88.0.2 . 8080".
std::string key_of(const PortMapping& port) {
  if (every_address(port)) return format("{}", port.host_port);
  return format("{} . {}", port.host_ip, port.host_port);
}

std::string map_of(const PortMapping& port) {
  return format("{}_{}", protocol_name(port.protocol), every_address(port) ? "ports" : "address_ports");
}

constexpr std::string_view sets = R"(
  set addresses { type ipv4_addr; }
  map tcp_ports { type inet_service : ipv4_addr . inet_service; }
  map udp_ports { type inet_service : ipv4_addr . inet_service; }
  map tcp_address_ports { type ipv4_addr . inet_service : ipv4_addr . inet_service; }
  map udp_address_ports { type ipv4_addr . inet_service : ipv4_addr . inet_service; }
  chain published {
    dnat ip to ip daddr . tcp dport map @tcp_address_ports
    dnat ip to ip daddr . udp dport map @udp_address_ports
    dnat ip to tcp dport map @tcp_ports
    dnat ip to udp dport map @udp_ports
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
)";

// guard: route_localnet on the bridge would else let neighbours reach what listens at 127.0.0.1 only.
// postrouting's last two: 127.0.0.1 to a container, and a container to a published port (hairpin).
constexpr std::string_view chains = R"(
  chain guard {{
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    oifname "{0}" iifname != "{0}" ct state established,related accept
    oifname "{0}" iifname != "{0}" ct status dnat accept
    oifname "{0}" iifname != "{0}" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @addresses oifname != "{0}" masquerade
    ip saddr 127.0.0.0/8 oifname "{0}" masquerade
    ip saddr @addresses oifname "{0}" ct status dnat masquerade
  }}
)";

}  // namespace

std::string Firewall::elements(std::string_view verb, const Lease& lease) const {
  auto text = format("{} element inet {} addresses {{ {} }}\n", verb, table_, lease.address.string());
  for (const auto& port : lease.ports) {
    text += format("{} element inet {} {} {{ {} : {} . {} }}\n", verb, table_, map_of(port), key_of(port),
                   lease.address.string(), port.container_port);
  }
  return text;
}

Result<void> Firewall::rewrite(const std::vector<Lease>& leases) const {
  auto text = format("add table inet {0}\ndelete table inet {0}\ntable inet {0} {{{1}{2}}}\n", table_, sets,
                     fmt::format(chains, bridge_));
  for (const auto& lease : leases) text += elements("add", lease);
  TRY(run(text).context("set up table inet {}", table_));
  return {};
}

Result<void> Firewall::add(const Lease& lease) const {
  TRY(run(elements("add", lease)).context("publish ports of container {}", lease.container_id));
  return {};
}

Result<void> Firewall::erase(const Lease& lease) const {
  TRY(run(elements("delete", lease)).context("take back ports of container {}", lease.container_id));
  return {};
}

Result<void> Firewall::remove() const {
  TRY(run(format("add table inet {0}\ndelete table inet {0}\n", table_)).context("remove table {}", table_));
  return {};
}

Result<std::vector<std::string>> dropping_forward_chains(const std::string& table) {
  std::vector<std::string> found;
  std::string current_table;
  std::string current_chain;
  for (const auto& line : split(TRY(run("list chains")), '\n')) {
    const auto words = split(trim(line), ' ');
    if (words.size() >= 3 && words[0] == "table") current_table = words[1] + " " + words[2];
    if (words.size() >= 2 && words[0] == "chain") current_chain = words[1];
    const bool drops = line.find("hook forward") != std::string::npos &&
                       line.find("policy drop") != std::string::npos && current_table != "inet " + table;
    if (drops) found.push_back(current_table + " " + current_chain);
  }
  return found;
}

}  // namespace gantry::netns
