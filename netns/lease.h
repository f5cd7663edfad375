#pragma once

#include "base/lock.h"
#include "base/result.h"
#include "netns/port.h"
#include "netns/subnet.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::netns {

// What one container holds of the network. STATE/leases/ID.json.
struct Lease {
  std::string container_id;
  std::string name;
  Ipv4 address;
  std::vector<PortMapping> ports;  // all resolved
};

// The files of a state directory. Its functions other than lock() want the lock to be held.
class LeaseStore {
 public:
  explicit LeaseStore(std::string directory) : directory_(std::move(directory)) {}

  Result<FileLock> lock() const;
  Result<std::vector<Lease>> load()
      const;  // in the order of ids; errors: corrupt or invalid, naming the file
  Result<std::optional<Lease>> find(const std::string& container_id) const;
  Result<void> put(const Lease& lease) const;
  Result<void> remove(const std::string& container_id) const;
  Result<std::vector<std::string>> ids() const;  // by file names alone, so that unreadable ones show too

  Result<void> remove_temporaries() const;  // what a kill in the middle of put() left

  // The subnet chosen for the bridge, kept so that it stays the same from start to start.
  Result<std::optional<Subnet>> subnet() const;
  Result<void> put_subnet(const Subnet& subnet) const;

 private:
  std::string path(const std::string& container_id) const;
  std::string directory_;
};

// Errors: invalid unless it is letters, digits, "_", ".", "-", and begins with a letter or digit.
Result<void> check_container_id(const std::string& container_id);

// Whether two mappings would take the same packets of the host.
bool collide(const PortMapping& left, const PortMapping& right);

// The lowest address that no lease has. Errors: conflict when none is left.
Result<Ipv4> free_address(const Subnet& subnet, const std::vector<Lease>& leases);

// `wanted` with every host port 0 replaced, none of them taken by a lease of another container, by another of
// `wanted`, or by a socket of this host. `former`: the container's own lease, whose dynamic ports are kept.
// Errors: conflict, naming the container that has the port; invalid.
Result<std::vector<PortMapping>> resolve_ports(const std::vector<PortMapping>& wanted,
                                               const std::vector<Lease>& others,
                                               const std::optional<Lease>& former, PortRange range);

}  // namespace gantry::netns
