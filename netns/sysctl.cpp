#include "netns/sysctl.h"

#include "base/files.h"
#include "base/text.h"

namespace gantry::netns {

namespace {

// Reads first: on a read-only /proc/sys a right value is good enough.
Result<void> ensure_one(const std::string& path) {
  const auto now = TRY(read_file(path));
  if (trim(now) == "1") return {};
  return write_existing(path, "1");
}

}  // namespace

Result<void> ensure_forwarding() {
  const auto set = ensure_one("/proc/sys/net/ipv4/ip_forward");
  if (set) return {};
  return Error::make(
      ErrorKind::unsupported,
      "net.ipv4.ip_forward is off and can't be set here, so bridge networks would reach nothing; "
      "set it with sysctl -w net.ipv4.ip_forward=1, or use --network host: {}",
      set.error().message());
}

Result<void> ensure_route_localnet(const std::string& bridge) {
  return ensure_one("/proc/sys/net/ipv4/conf/" + bridge + "/route_localnet")
      .context("published ports at 127.0.0.1 need net.ipv4.conf.{}.route_localnet=1", bridge);
}

}  // namespace gantry::netns
