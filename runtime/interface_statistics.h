#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::runtime {

struct InterfaceStatistics {
  std::string name;
  uint64_t received_bytes = 0, received_packets = 0, receive_errors = 0, receive_drops = 0;
  uint64_t sent_bytes = 0, sent_packets = 0, send_errors = 0, send_drops = 0;
};

// /proc/PID/net/dev. proc_pid_net(5)
std::vector<InterfaceStatistics> parse_interfaces(std::string_view text);
// Of the network namespace of process `pid`; nothing where that is our own, which isn't the container's.
std::vector<InterfaceStatistics> interfaces_of(pid_t pid);

}  // namespace gantry::runtime
