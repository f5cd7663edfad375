#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "netns/subnet.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

struct nl_sock;

namespace gantry::netns {

struct Link {
  int index = 0;
  int master = 0;  // index of the bridge it is a port of, 0: none
  std::string name;
  std::string kind;   // "bridge", "veth", "" for physical ones
  std::string alias;  // ip link … alias
};

struct RouteEntry {
  Subnet destination;
  std::string interface;
};

struct VethPair {
  std::string host_name;
  std::string bridge;  // whose port the host end becomes
  std::string peer_name;
  std::string peer_mac;
  uint32_t mtu = 1500;
};

// A NETLINK_ROUTE socket: it acts in the network namespace in which it was opened. rtnetlink(7).
class Netlink {
 public:
  // In the namespace of the calling thread.
  static Result<Netlink> open();
  // In another; the calling thread stays where it is.
  static Result<Netlink> open_in(BorrowedFd network_namespace);

  Result<std::optional<Link>> find(const std::string& name);
  Result<std::vector<Link>> links();
  Result<std::vector<RouteEntry>> routes();  // IPv4, all tables, without default routes

  Result<void> create_bridge(const std::string& name, const std::string& mac, uint32_t mtu,
                             const std::string& alias);
  // Both ends in one request: the peer is born inside the namespace, so nothing on the host sees it.
  Result<void> create_veth(const VethPair& pair, BorrowedFd peer_namespace);
  // A frame may leave by the port it came from. Wanted where br_netfilter is loaded: there a container's call
  // of its own published port is translated while it is bridged. IFLA_BRPORT_MODE.
  Result<void> set_hairpin(const std::string& port);
  Result<void> set_alias(const std::string& name, const std::string& alias);
  Result<void> set_up(const std::string& name);
  Result<void> add_address(const std::string& name, Ipv4 address, int prefix);  // there already: fine
  Result<void> add_default_route(const std::string& name, Ipv4 gateway);
  Result<void> remove(const std::string& name);  // missing: fine

 private:
  struct Free {
    void operator()(nl_sock* socket) const;
  };
  explicit Netlink(nl_sock* socket) : socket_(socket) {}
  Result<int> index_of(const std::string& name);

  std::unique_ptr<nl_sock, Free> socket_;
};

}  // namespace gantry::netns
