#pragma once

#include "base/result.h"
#include "netns/port.h"
#include "netns/subnet.h"

#include <functional>
#include <string>
#include <vector>

namespace gantry::netns {

enum class NetworkKind { bridge, host, none, container };

// Which network a container sees. Only `bridge` takes anything from a Network; `none` is a namespace with
// nothing but its loopback, `host` the host's own, `container` the namespace of another container.
struct NetworkMode {
  NetworkKind kind = NetworkKind::bridge;
  std::string container;  // id or name, for `container` only

  bool makes_namespace() const { return kind == NetworkKind::bridge || kind == NetworkKind::none; }
  // "bridge" (also "default" and ""), "host", "none", "container:NAME". Errors: unsupported, naming it.
  static Result<NetworkMode> parse(std::string_view text);
  std::string string() const;
};

struct NetworkOptions {
  std::string state_directory;     // leases and the lock; made if missing; best on a tmpfs such as /run
  std::string bridge = "gantry0";  // at most 15 bytes; one state directory for a bridge, others are refused
  std::string subnet;              // CIDR, /8 to /29; empty: the first of a list that no host route overlaps
  std::string table;               // nftables table of family inet; empty: "gantry", or "gantry-BRIDGE"
  uint32_t mtu = 1500;
  PortRange dynamic_ports;  // for host port 0; empty: net.ipv4.ip_local_port_range
};

struct AttachRequest {
  std::string container_id;
  std::string name;            // for messages such as "port 80/tcp is already published by NAME"
  std::string namespace_path;  // from create_namespace, or /proc/PID/ns/net
  std::vector<PortMapping> ports;
};

struct Attachment {
  Ipv4 address;
  Ipv4 gateway;
  int prefix = 0;
  std::string mac;                 // of eth0 in the container, derived from the address
  std::vector<PortMapping> ports;  // host_port is resolved
};

struct SweepReport {
  std::vector<std::string> leases;      // container ids (or unreadable files) whose lease was taken back
  std::vector<std::string> interfaces;  // host ends that no lease owned
};

using IsLive = std::function<bool(const std::string& container_id)>;

// The bridge network of a host: one bridge, a veth pair for each container, one nftables table for
// masquerading and published ports. Works in the network namespace of the thread that calls it. Needs
// CAP_NET_ADMIN and CAP_SYS_ADMIN. Holds no state but its options: all is in the kernel and in the state
// directory, under a file lock, so that any number of processes may use the same one.
//
// A lease is written before anything in the kernel is made for it, and removed after all of it is gone, so
// sweep() repairs whatever a kill -9 at any step leaves.
class Network {
 public:
  // Checks the options; makes only the state directory. Errors: invalid.
  static Result<Network> open(NetworkOptions options);

  // Gives the namespace an eth0 with an address of the subnet, a default route, lo up, and publishes the
  // ports. Repeated for the same container it replaces what was there and keeps address and dynamic ports.
  // On error nothing stays behind.
  // Errors: conflict (a port is taken: says by whom if it is ours; no address or dynamic port is left; the
  // bridge belongs to another state directory; the subnet overlaps a host route), unsupported
  // (net.ipv4.ip_forward is off and can't be set; IPv6 host address), invalid, system.
  Result<Attachment> attach(const AttachRequest& request);

  // Takes back the ports, the pair and the address. A container that has none: fine.
  Result<void> detach(const std::string& container_id);

  // What attach returned, from the lease. Errors: not_found.
  Result<Attachment> inspect(const std::string& container_id);

  // Takes back whatever no live container owns, and rewrites the whole table from the leases that stay.
  // `is_live` is asked under the lock: a container whose folder was made before attach() is never swept.
  Result<SweepReport> sweep(const IsLive& is_live);

  // Removes the bridge and the table. Errors: conflict while leases exist.
  Result<void> remove();

  // What on this host may stop packets although all is set up: a forward chain of others that drops by
  // policy. Empty: nothing found.
  Result<std::vector<std::string>> warnings();

 private:
  explicit Network(NetworkOptions options) : options_(std::move(options)) {}

  NetworkOptions options_;
};

}  // namespace gantry::netns
