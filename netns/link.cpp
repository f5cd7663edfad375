#include "netns/link.h"

#include "netns/namespace.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/route.h>

namespace gantry::netns {

namespace {

template <class T, void (*Put)(T*)>
struct Deleter {
  void operator()(T* object) const { Put(object); }
};
using LinkPtr = std::unique_ptr<rtnl_link, Deleter<rtnl_link, rtnl_link_put>>;
using CachePtr = std::unique_ptr<nl_cache, Deleter<nl_cache, nl_cache_free>>;
using AddressPtr = std::unique_ptr<nl_addr, Deleter<nl_addr, nl_addr_put>>;
using RtnlAddressPtr = std::unique_ptr<rtnl_addr, Deleter<rtnl_addr, rtnl_addr_put>>;
using RoutePtr = std::unique_ptr<rtnl_route, Deleter<rtnl_route, rtnl_route_put>>;

ErrorKind kind_of(int code) {
  switch (-code) {
    case NLE_EXIST:
      return ErrorKind::exists;
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV:
      return ErrorKind::not_found;
    case NLE_PERM:
    case NLE_NOACCESS:
      return ErrorKind::denied;
    case NLE_OPNOTSUPP:
      return ErrorKind::unsupported;
    default:
      return ErrorKind::system;
  }
}

template <class... Args>
Result<void> check(int code, fmt::format_string<Args...> what, Args&&... args) {
  if (code >= 0) return {};
  return Error::make(kind_of(code), "{}: {}", format(what, std::forward<Args>(args)...), nl_geterror(code));
}

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

Link describe(rtnl_link* link) {
  return {rtnl_link_get_ifindex(link), rtnl_link_get_master(link), text_of(rtnl_link_get_name(link)),
          text_of(rtnl_link_get_type(link)), text_of(rtnl_link_get_ifalias(link))};
}

AddressPtr make_address(Ipv4 address, int prefix) {
  const uint32_t bytes = __builtin_bswap32(address.value);
  AddressPtr made(nl_addr_build(AF_INET, &bytes, sizeof(bytes)));
  nl_addr_set_prefixlen(made.get(), prefix);
  return made;
}

Result<AddressPtr> parse_mac(const std::string& mac) {
  nl_addr* address = nullptr;
  TRY(check(nl_addr_parse(mac.c_str(), AF_LLC, &address), "MAC address {}", mac));
  return AddressPtr(address);
}

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

Result<Netlink> Netlink::open() {
  nl_sock* socket = nl_socket_alloc();
  if (socket == nullptr) return Error::make(ErrorKind::system, "netlink: out of memory");
  Netlink netlink(socket);
  TRY(check(nl_connect(socket, NETLINK_ROUTE), "netlink: connect"));
  return netlink;
}

Result<Netlink> Netlink::open_in(BorrowedFd network_namespace) {
  std::optional<Netlink> opened;
  TRY(run_in_namespace(network_namespace, [&]() -> Result<void> {
    auto made = Netlink::open();
    if (!made) return std::move(made).error();
    opened = std::move(*made);
    return {};
  }));
  return std::move(*opened);
}

Result<std::optional<Link>> Netlink::find(const std::string& name) {
  rtnl_link* found = nullptr;
  const int code = rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &found);
  if (code < 0 && kind_of(code) == ErrorKind::not_found) return std::optional<Link>{};
  TRY(check(code, "look up interface {}", name));
  const LinkPtr link(found);
  return std::optional<Link>{describe(link.get())};
}

Result<int> Netlink::index_of(const std::string& name) {
  const auto link = TRY(find(name));
  if (!link) return Error::make(ErrorKind::not_found, "there is no interface {}", name);
  return link->index;
}

Result<std::vector<Link>> Netlink::links() {
  nl_cache* raw = nullptr;
  TRY(check(rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &raw), "list interfaces"));
  const CachePtr cache(raw);
  std::vector<Link> links;
  for (auto* object = nl_cache_get_first(raw); object != nullptr; object = nl_cache_get_next(object)) {
    links.push_back(describe(reinterpret_cast<rtnl_link*>(object)));
  }
  return links;
}

namespace {

std::optional<RouteEntry> describe_route(rtnl_route* route, const std::vector<Link>& links) {
  nl_addr* destination = rtnl_route_get_dst(route);
  if (destination == nullptr || nl_addr_get_len(destination) != sizeof(uint32_t)) return std::nullopt;
  uint32_t bytes = 0;
  __builtin_memcpy(&bytes, nl_addr_get_binary_addr(destination), sizeof(bytes));
  RouteEntry entry{{{__builtin_bswap32(bytes)}, static_cast<int>(nl_addr_get_prefixlen(destination))}, {}};
  auto* hop = rtnl_route_nexthop_n(route, 0);
  const int index = hop == nullptr ? 0 : rtnl_route_nh_get_ifindex(hop);
  for (const auto& link : links) {
    if (link.index == index) entry.interface = link.name;
  }
  // Two halves of everything (0/1 and 128/1) are how VPNs write a default route.
  if (entry.destination.prefix <= 1) return std::nullopt;
  return entry;
}

}  // namespace

Result<std::vector<RouteEntry>> Netlink::routes() {
  const auto known = TRY(links());
  nl_cache* raw = nullptr;
  TRY(check(rtnl_route_alloc_cache(socket_.get(), AF_INET, 0, &raw), "list routes"));
  const CachePtr cache(raw);
  std::vector<RouteEntry> routes;
  for (auto* object = nl_cache_get_first(raw); object != nullptr; object = nl_cache_get_next(object)) {
    if (auto entry = describe_route(reinterpret_cast<rtnl_route*>(object), known)) routes.push_back(*entry);
  }
  return routes;
}

Result<void> Netlink::create_bridge(const std::string& name, const std::string& mac, uint32_t mtu,
                                    const std::string& alias) {
  const LinkPtr bridge(rtnl_link_bridge_alloc());
  rtnl_link_set_name(bridge.get(), name.c_str());
  rtnl_link_set_mtu(bridge.get(), mtu);
  // Without one of its own a bridge takes the lowest MAC of its ports, and the gateway's changes with them.
  const auto address = TRY(parse_mac(mac));
  rtnl_link_set_addr(bridge.get(), address.get());
  TRY(check(rtnl_link_add(socket_.get(), bridge.get(), NLM_F_CREATE | NLM_F_EXCL), "make bridge {}", name));
  return set_alias(name, alias);
}

Result<void> Netlink::set_alias(const std::string& name, const std::string& alias) {
  const LinkPtr change(rtnl_link_alloc());
  rtnl_link_set_ifindex(change.get(), TRY(index_of(name)));
  rtnl_link_set_ifalias(change.get(), alias.c_str());
  return check(rtnl_link_change(socket_.get(), change.get(), change.get(), 0), "set alias of {}", name);
}

Result<void> Netlink::set_hairpin(const std::string& port) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = TRY(index_of(port));
  nl_msg* message = nlmsg_alloc_simple(RTM_SETLINK, 0);
  nlmsg_append(message, &header, sizeof(header), NLMSG_ALIGNTO);
  nlattr* settings = nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED);
  nla_put_u8(message, IFLA_BRPORT_MODE, 1);
  nla_nest_end(message, settings);
  return check(nl_send_sync(socket_.get(), message), "set hairpin of {}", port);  // which frees the message
}

Result<void> Netlink::create_veth(const VethPair& pair, BorrowedFd peer_namespace) {
  const LinkPtr host(rtnl_link_veth_alloc());
  rtnl_link_set_name(host.get(), pair.host_name.c_str());
  rtnl_link_set_mtu(host.get(), pair.mtu);
  rtnl_link_set_master(host.get(), TRY(index_of(pair.bridge)));
  const LinkPtr peer(rtnl_link_veth_get_peer(host.get()));  // holds a reference, dropped by LinkPtr
  rtnl_link_set_name(peer.get(), pair.peer_name.c_str());
  rtnl_link_set_mtu(peer.get(), pair.mtu);
  rtnl_link_set_ns_fd(peer.get(), peer_namespace.get());
  const auto mac = TRY(parse_mac(pair.peer_mac));
  rtnl_link_set_addr(peer.get(), mac.get());
  return check(rtnl_link_add(socket_.get(), host.get(), NLM_F_CREATE | NLM_F_EXCL),
               "make veth pair {} and {}", pair.host_name, pair.peer_name);
}

Result<void> Netlink::set_up(const std::string& name) {
  const LinkPtr change(rtnl_link_alloc());
  const LinkPtr original(rtnl_link_alloc());
  rtnl_link_set_ifindex(original.get(), TRY(index_of(name)));
  rtnl_link_set_flags(change.get(), IFF_UP);
  return check(rtnl_link_change(socket_.get(), original.get(), change.get(), 0), "set {} up", name);
}

Result<void> Netlink::add_address(const std::string& name, Ipv4 address, int prefix) {
  const RtnlAddressPtr entry(rtnl_addr_alloc());
  const auto local = make_address(address, prefix);
  rtnl_addr_set_ifindex(entry.get(), TRY(index_of(name)));
  rtnl_addr_set_local(entry.get(), local.get());
  const int code = rtnl_addr_add(socket_.get(), entry.get(), 0);
  if (code == -NLE_EXIST) return {};
  return check(code, "add address {}/{} to {}", address.string(), prefix, name);
}

Result<void> Netlink::add_default_route(const std::string& name, Ipv4 gateway) {
  const RoutePtr route(rtnl_route_alloc());
  const auto everywhere = make_address({0}, 0);
  const auto via = make_address(gateway, 32);
  rtnl_route_set_family(route.get(), AF_INET);
  rtnl_route_set_dst(route.get(), everywhere.get());
  auto* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, TRY(index_of(name)));
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_add_nexthop(route.get(), hop);  // owned by the route from here
  return check(rtnl_route_add(socket_.get(), route.get(), NLM_F_REPLACE), "add default route by {}",
               gateway.string());
}

Result<void> Netlink::remove(const std::string& name) {
  const auto link = TRY(find(name));
  if (!link) return {};
  const LinkPtr wanted(rtnl_link_alloc());
  rtnl_link_set_ifindex(wanted.get(), link->index);
  const int code = rtnl_link_delete(socket_.get(), wanted.get());
  if (code < 0 && kind_of(code) == ErrorKind::not_found) return {};
  return check(code, "remove interface {}", name);
}

}  // namespace gantry::netns
