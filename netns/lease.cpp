#include "netns/lease.h"

#include "base/files.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"

#include <algorithm>
#include <set>

namespace gantry::netns {

template <class Visitor>
void members(Visitor& visit, PortMapping& mapping) {
  visit("hostIp", mapping.host_ip);
  visit.required("hostPort", mapping.host_port);
  visit.required("containerPort", mapping.container_port);
  visit.required("protocol", mapping.protocol);
}

namespace {

struct LeaseFile {
  std::string container_id;
  std::string name;
  std::string address;
  std::vector<PortMapping> ports;
};

struct NetworkFile {
  std::string subnet;
};

template <class Visitor>
void members(Visitor& visit, LeaseFile& file) {
  visit.required("containerId", file.container_id);
  visit("name", file.name);
  visit.required("address", file.address);
  visit("ports", file.ports);
}

template <class Visitor>
void members(Visitor& visit, NetworkFile& file) {
  visit.required("subnet", file.subnet);
}

constexpr std::string_view suffix = ".json";

}  // namespace

Result<FileLock> LeaseStore::lock() const {
  return FileLock::acquire(join_path(directory_, "network.lock"));
}

std::string LeaseStore::path(const std::string& container_id) const {
  return join_path(directory_, format("leases/{}{}", container_id, suffix));
}

Result<std::vector<std::string>> LeaseStore::ids() const {
  const auto folder = join_path(directory_, "leases");
  std::vector<std::string> ids;
  if (!path_exists(folder)) return ids;
  for (const auto& name : TRY(list_directory(folder))) {
    if (name.ends_with(suffix)) ids.push_back(name.substr(0, name.size() - suffix.size()));
  }
  return ids;
}

Result<std::optional<Lease>> LeaseStore::find(const std::string& container_id) const {
  const auto file_path = path(container_id);
  if (!path_exists(file_path)) return std::optional<Lease>{};
  const auto text = TRY(read_file(file_path));
  auto file = TRY(parse_json<LeaseFile>(text, file_path));
  const auto address = TRY(Ipv4::parse(file.address).context("{}: $.address", file_path));
  return std::optional<Lease>{
      Lease{std::move(file.container_id), std::move(file.name), address, std::move(file.ports)}};
}

Result<std::vector<Lease>> LeaseStore::load() const {
  std::vector<Lease> leases;
  for (const auto& id : TRY(ids())) {
    if (auto lease = TRY(find(id))) leases.push_back(std::move(*lease));
  }
  return leases;
}

Result<void> LeaseStore::put(const Lease& lease) const {
  TRY(make_directories(join_path(directory_, "leases")));
  const LeaseFile file{lease.container_id, lease.name, lease.address.string(), lease.ports};
  return write_file(path(lease.container_id), to_json(file));
}

Result<void> LeaseStore::remove(const std::string& container_id) const {
  return remove_file(path(container_id));
}

Result<void> LeaseStore::remove_temporaries() const {
  for (const auto& folder : {directory_, join_path(directory_, "leases")}) {
    if (!path_exists(folder)) continue;
    for (const auto& name : TRY(list_directory(folder))) {
      if (name.ends_with(".tmp")) TRY(remove_file(join_path(folder, name)));
    }
  }
  return {};
}

Result<std::optional<Subnet>> LeaseStore::subnet() const {
  const auto file_path = join_path(directory_, "network.json");
  if (!path_exists(file_path)) return std::optional<Subnet>{};
  const auto text = TRY(read_file(file_path));
  const auto file = TRY(parse_json<NetworkFile>(text, file_path));
  return std::optional<Subnet>{TRY(Subnet::parse(file.subnet).context("{}", file_path))};
}

Result<void> LeaseStore::put_subnet(const Subnet& subnet) const {
  return write_file(join_path(directory_, "network.json"), to_json(NetworkFile{subnet.string()}));
}

Result<void> check_container_id(const std::string& container_id) {
  if (container_id.size() <= 200 && is_plain_name(container_id)) return {};
  return Error::make(ErrorKind::invalid,
                     "container id \"{}\": must be letters, digits, \"_\", \".\" or \"-\"", container_id);
}

namespace {

bool any_address(const std::string& host_ip) {
  return host_ip.empty() || host_ip == "0.0.0.0";
}

const Lease* owner_of(const PortMapping& mapping, const std::vector<Lease>& leases) {
  for (const auto& lease : leases) {
    for (const auto& port : lease.ports) {
      if (collide(port, mapping)) return &lease;
    }
  }
  return nullptr;
}

bool collides_with_any(const PortMapping& mapping, const std::vector<PortMapping>& ports) {
  return std::any_of(ports.begin(), ports.end(), [&](const auto& port) { return collide(port, mapping); });
}

Result<void> check_mapping(const PortMapping& mapping) {
  if (mapping.container_port == 0) {
    return Error::make(ErrorKind::invalid, "publish {}: container port must be 1 to 65535", mapping.string());
  }
  if (mapping.host_ip.find(':') != std::string::npos) {
    return Error::make(ErrorKind::unsupported, "publish {}: IPv6 host addresses aren't supported",
                       mapping.string());
  }
  if (!mapping.host_ip.empty()) TRY(Ipv4::parse(mapping.host_ip).context("publish {}", mapping.string()));
  return {};
}

Result<void> check_fixed(const PortMapping& mapping, const std::vector<Lease>& others,
                         const std::vector<PortMapping>& taken) {
  if (const auto* owner = owner_of(mapping, others)) {
    return Error::make(ErrorKind::conflict, "port {}/{} is already published by container {}",
                       mapping.host_port, protocol_name(mapping.protocol),
                       owner->name.empty() ? owner->container_id : owner->name);
  }
  if (collides_with_any(mapping, taken)) {
    return Error::make(ErrorKind::invalid, "port {}/{} is published twice by the same container",
                       mapping.host_port, protocol_name(mapping.protocol));
  }
  return check_bindable(mapping);
}

Result<PortMapping> choose_dynamic(PortMapping mapping, const std::vector<Lease>& others,
                                   const std::vector<PortMapping>& taken, PortRange range) {
  const uint32_t size = uint32_t{range.last} - range.first + 1;
  // From a random place on, so that a port just freed isn't given out again at once.
  const auto start = static_cast<uint32_t>(random_below(size));
  for (uint32_t i = 0; i < size; ++i) {
    mapping.host_port = static_cast<uint16_t>(range.first + (start + i) % size);
    if (owner_of(mapping, others) != nullptr || collides_with_any(mapping, taken)) continue;
    const auto free = check_bindable(mapping);
    if (free) return mapping;
    if (free.error().kind() != ErrorKind::conflict) return free.error();
  }
  return Error::make(ErrorKind::conflict, "no dynamic {} port is left in {}-{}",
                     protocol_name(mapping.protocol), range.first, range.last);
}

const PortMapping* former_choice(const PortMapping& wanted, const std::optional<Lease>& former,
                                 const std::vector<PortMapping>& taken) {
  if (!former) return nullptr;
  for (const auto& port : former->ports) {
    if (port.container_port == wanted.container_port && port.protocol == wanted.protocol &&
        port.host_ip == wanted.host_ip && !collides_with_any(port, taken)) {
      return &port;
    }
  }
  return nullptr;
}

}  // namespace

bool collide(const PortMapping& left, const PortMapping& right) {
  return left.protocol == right.protocol && left.host_port == right.host_port &&
         (any_address(left.host_ip) || any_address(right.host_ip) || left.host_ip == right.host_ip);
}

Result<Ipv4> free_address(const Subnet& subnet, const std::vector<Lease>& leases) {
  std::set<uint32_t> used;
  for (const auto& lease : leases) used.insert(lease.address.value);
  for (uint32_t value = subnet.first_lease().value; value <= subnet.last_lease().value; ++value) {
    if (!used.contains(value)) return Ipv4{value};
  }
  return Error::make(ErrorKind::conflict, "no address is left in subnet {}: {} containers have one",
                     subnet.string(), used.size());
}

Result<std::vector<PortMapping>> resolve_ports(const std::vector<PortMapping>& wanted,
                                               const std::vector<Lease>& others,
                                               const std::optional<Lease>& former, PortRange range) {
  std::vector<PortMapping> resolved;
  for (const auto& mapping : wanted) TRY(check_mapping(mapping));
  for (const auto& mapping : wanted) {  // fixed ones first, so that no dynamic choice takes one of them
    if (mapping.host_port == 0) continue;
    TRY(check_fixed(mapping, others, resolved));
    resolved.push_back(mapping);
  }
  for (const auto& mapping : wanted) {
    if (mapping.host_port != 0) continue;
    const auto* kept = former_choice(mapping, former, resolved);
    const bool keep = kept != nullptr && check_fixed(*kept, others, resolved);
    resolved.push_back(keep ? *kept : TRY(choose_dynamic(mapping, others, resolved, range)));
  }
  return resolved;
}

}  // namespace gantry::netns
