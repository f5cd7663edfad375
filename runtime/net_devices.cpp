#include "runtime/net_devices.h"

#include "base/files.h"
#include "runtime/rtnetlink.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

// Source: kernel net/core/dev.c dev_valid_name.
bool is_device_name(const std::string& name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         name.find_first_of("/: \t\n\v\f\r") == std::string::npos;
}

struct Address {
  ifaddrmsg fixed{};
  std::vector<std::pair<uint16_t, std::string>> attributes;
};

// A netlink socket of another network namespace: it stays there when this process is back in its own.
Result<NetlinkSocket> open_netlink_in(BorrowedFd netns) {
  const UniqueFd own = TRY(open_file("/proc/self/ns/net", O_RDONLY));
  if (::setns(netns.get(), CLONE_NEWNET) != 0) return Error::system(errno, "enter the network namespace");
  auto socket = NetlinkSocket::open();
  if (::setns(own.get(), CLONE_NEWNET) != 0) return Error::system(errno, "return to the network namespace");
  return socket;
}

Result<int> find_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkRequest request(RTM_GETLINK, 0, ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  int index = 0;
  TRY(socket.request(std::move(request), [&](const NetlinkMessage& message, bool answers) {
    if (answers && message.type() == RTM_NEWLINK) index = message.fixed<ifinfomsg>().ifi_index;
  }));
  return index;
}

bool is_permanent(const NetlinkMessage& message) {
  const auto& fixed = message.fixed<ifaddrmsg>();
  uint32_t flags = fixed.ifa_flags;
  const auto wide = message.attribute(sizeof(ifaddrmsg), IFA_FLAGS);
  if (wide.size() == sizeof flags) std::memcpy(&flags, wide.data(), sizeof flags);
  return (flags & IFA_F_PERMANENT) != 0 && fixed.ifa_scope == RT_SCOPE_UNIVERSE;
}

// A label that is the name only repeats it, and a new name needs another.
Address copy_address(const NetlinkMessage& message, const std::string& name) {
  Address address;
  address.fixed = message.fixed<ifaddrmsg>();
  for (const auto& [type, data] : message.attributes(sizeof(ifaddrmsg))) {
    if (type == IFA_LABEL && data.substr(0, data.find('\0')) == name) continue;
    address.attributes.emplace_back(type, std::string(data));
  }
  return address;
}

Result<std::vector<Address>> addresses_of(NetlinkSocket& socket, int index, const std::string& name) {
  std::vector<Address> found;
  NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  TRY(socket.request(std::move(request), [&](const NetlinkMessage& message, bool answers) {
    if (!answers || message.type() != RTM_NEWADDR) return;
    if (static_cast<int>(message.fixed<ifaddrmsg>().ifa_index) != index || !is_permanent(message)) return;
    found.push_back(copy_address(message, name));
  }));
  return found;
}

// Its index in the other namespace, which may be another one: the kernel tells those who watch links here.
Result<int> move_link(NetlinkSocket& socket, int index, BorrowedFd netns, const std::string& name) {
  ifinfomsg link{};
  link.ifi_index = index;
  NetlinkRequest request(RTM_NEWLINK, 0, link);
  const int fd = netns.get();
  request.attribute(IFLA_NET_NS_FD, &fd, sizeof fd);
  request.attribute(IFLA_IFNAME, name);
  int there = index;
  TRY(socket.request(std::move(request), [&](const NetlinkMessage& message, bool) {
    if (message.type() != RTM_DELLINK || message.fixed<ifinfomsg>().ifi_index != index) return;
    const auto data = message.attribute(sizeof(ifinfomsg), IFLA_NEW_IFINDEX);
    if (data.size() == sizeof there) std::memcpy(&there, data.data(), sizeof there);
  }));
  return there;
}

Result<void> add_address(NetlinkSocket& socket, int index, const Address& address) {
  ifaddrmsg fixed = address.fixed;
  fixed.ifa_index = static_cast<uint32_t>(index);
  NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, fixed);
  for (const auto& [type, data] : address.attributes) request.attribute(type, data.data(), data.size());
  return socket.request(std::move(request));
}

Result<void> set_link_up(NetlinkSocket& socket, int index) {
  ifinfomsg link{};
  link.ifi_index = index;
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  return socket.request(NetlinkRequest(RTM_NEWLINK, 0, link));
}

Result<void> move_device(NetlinkSocket& here, NetlinkSocket& there, BorrowedFd netns, const std::string& name,
                         const std::string& new_name) {
  const int index = TRY(find_link(here, name).context("find it on the host"));
  // The kernel would move it first and fail to rename it then.
  const bool template_name = new_name.find('%') != std::string::npos;
  if (!template_name && find_link(there, new_name)) {
    return Error::make(ErrorKind::exists, "the container has a device {} already", new_name);
  }
  const auto addresses = TRY(addresses_of(here, index, name).context("read its addresses"));
  const int inside = TRY(move_link(here, index, netns, new_name).context("move it"));
  for (const auto& address : addresses) {
    TRY(add_address(there, inside, address).context("add its addresses again"));
  }
  return set_link_up(there, inside).context("set it up");
}

}  // namespace

Result<void> check_net_devices(const oci::Linux& config, const Place& place) {
  if (config.net_devices.empty()) return {};
  const bool own_network =
      std::any_of(config.namespaces.begin(), config.namespaces.end(),
                  [](const auto& space) { return space.type == oci::NamespaceType::network; });
  if (!own_network) {
    return place.invalid(".netDevices", "unable to move network devices without a NET namespace");
  }
  if (::geteuid() != 0) {
    return place.unsupported(".netDevices", "network devices are not supported for rootless containers");
  }
  for (const auto& [name, device] : config.net_devices) {
    const std::string& new_name = device.name.empty() ? name : device.name;
    for (const auto& each : {name, new_name}) {
      if (is_device_name(each)) continue;
      return place.invalid(format(".netDevices[\"{}\"]", name), "invalid network device name \"{}\"", each);
    }
  }
  return {};
}

Result<void> move_net_devices(const std::map<std::string, oci::NetDevice>& devices, BorrowedFd netns) {
  NetlinkSocket here = TRY(NetlinkSocket::open());
  TRY(here.watch_links());
  NetlinkSocket there = TRY(open_netlink_in(netns));
  for (const auto& [name, device] : devices) {
    const std::string& new_name = device.name.empty() ? name : device.name;
    TRY(move_device(here, there, netns, name, new_name).context("network device {}", name));
  }
  return {};
}

}  // namespace gantry::runtime
