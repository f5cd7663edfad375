#pragma once

#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>

namespace gantry {
template <class E>
struct EnumName;
}

namespace gantry::netns {

enum class Protocol { tcp, udp };
std::span<const EnumName<Protocol>> enum_names(Protocol);
std::string_view protocol_name(Protocol protocol);  // "tcp", "udp"

// One published port: traffic to host_ip:host_port goes to container_port.
struct PortMapping {
  std::string host_ip;          // IPv4 in dotted form; empty or 0.0.0.0: every address of the host
  uint16_t host_port = 0;       // 0: one of the dynamic range
  uint16_t container_port = 0;  // 1 to 65535
  Protocol protocol = Protocol::tcp;

  std::string string() const;  // "127.0.0.1:8080->80/tcp"
};

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;  // inclusive
  bool empty() const { return first == 0; }
};

// The range that the kernel takes ports of outgoing connections from: net.ipv4.ip_local_port_range.
Result<PortRange> kernel_port_range();

// Whether a socket can be bound to the port now. Errors: conflict when another socket has it; invalid when
// host_ip isn't an address of this host.
Result<void> check_bindable(const PortMapping& mapping);

}  // namespace gantry::netns
