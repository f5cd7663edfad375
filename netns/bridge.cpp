#include "netns/bridge.h"

#include "base/files.h"
#include "netns/link.h"
#include "netns/sysctl.h"

namespace gantry::netns {

namespace {

constexpr std::string_view alias_prefix = "gantry:";

// Tried in this order when the caller names none: rare in offices and clouds first.
constexpr std::string_view candidates[] = {
    "10.88.0.0/16",  "10.89.0.0/16",  "10.90.0.0/16",  "10.91.0.0/16",     "10.92.0.0/16",
    "10.93.0.0/16",  "172.28.0.0/16", "172.29.0.0/16", "172.30.0.0/16",    "172.31.0.0/16",
    "10.201.0.0/16", "10.202.0.0/16", "10.203.0.0/16", "192.168.244.0/22", "192.168.240.0/22"};

const RouteEntry* overlapping(const Subnet& subnet, const std::vector<RouteEntry>& routes,
                              const std::string& bridge) {
  for (const auto& route : routes) {
    if (route.interface != bridge && route.destination.overlaps(subnet)) return &route;
  }
  return nullptr;
}

Result<Subnet> check_free(const Subnet& subnet, const std::vector<RouteEntry>& routes,
                          const std::string& bridge) {
  if (const auto* route = overlapping(subnet, routes, bridge)) {
    return Error::make(ErrorKind::conflict,
                       "subnet {} of bridge {} overlaps the host's route {} by {}: choose another subnet",
                       subnet.string(), bridge, route->destination.string(), route->interface);
  }
  return subnet;
}

Result<Subnet> choose_free(const std::vector<RouteEntry>& routes, const std::string& bridge) {
  for (const auto text : candidates) {
    const auto subnet = TRY(Subnet::parse(text));
    if (overlapping(subnet, routes, bridge) == nullptr) return subnet;
  }
  return Error::make(ErrorKind::conflict,
                     "every subnet that bridge {} might take overlaps a route: choose one", bridge);
}

Result<Subnet> choose_subnet(const BridgeSettings& settings, const LeaseStore& store, bool in_use,
                             Netlink& netlink) {
  const auto routes = TRY(netlink.routes());
  const auto stored = TRY(store.subnet());
  if (!settings.subnet.empty()) {
    const auto wanted = TRY(Subnet::parse(settings.subnet));
    if (stored && in_use && stored->string() != wanted.string()) {
      return Error::make(ErrorKind::conflict,
                         "bridge {} has subnet {} and containers on it, so it can't get {}", settings.name,
                         stored->string(), wanted.string());
    }
    return check_free(wanted, routes, settings.name);
  }
  if (!stored) return choose_free(routes, settings.name);
  if (in_use || overlapping(*stored, routes, settings.name) == nullptr) {
    return check_free(*stored, routes, settings.name);
  }
  return choose_free(routes, settings.name);
}

std::string mac_of_bridge(const Subnet& subnet) {
  const auto value = subnet.gateway().value;
  return format("02:67:{:02x}:{:02x}:{:02x}:{:02x}", value >> 24, value >> 16 & 255, value >> 8 & 255,
                value & 255);
}

}  // namespace

Result<void> check_bridge_owner(const BridgeSettings& settings) {
  auto netlink = TRY(Netlink::open());
  const auto link = TRY(netlink.find(settings.name));
  if (!link) return {};
  if (link->kind != "bridge") {
    return Error::make(ErrorKind::conflict, "interface {} exists and isn't a bridge", settings.name);
  }
  if (!link->alias.starts_with(alias_prefix)) return {};
  const auto owner = link->alias.substr(alias_prefix.size());
  if (owner == settings.state_directory || !path_exists(owner)) return {};
  return Error::make(ErrorKind::conflict, "bridge {} belongs to {}: give {} another bridge", settings.name,
                     owner, settings.state_directory);
}

Result<Subnet> ensure_bridge(const BridgeSettings& settings, const LeaseStore& store, bool in_use) {
  TRY(check_bridge_owner(settings));
  auto netlink = TRY(Netlink::open());
  const auto subnet = TRY(choose_subnet(settings, store, in_use, netlink));
  const auto stored = TRY(store.subnet());
  const bool moved = !stored || stored->string() != subnet.string();
  if (moved) {
    TRY(netlink.remove(settings.name));  // with its old address; nobody is on it
    TRY(store.put_subnet(subnet));
  }
  const auto alias = std::string(alias_prefix) + settings.state_directory;
  const auto link = TRY(netlink.find(settings.name));
  if (!link) {
    TRY(netlink.create_bridge(settings.name, mac_of_bridge(subnet), settings.mtu, alias));
  } else if (link->alias != alias) {
    TRY(netlink.set_alias(settings.name, alias));
  }
  TRY(netlink.add_address(settings.name, subnet.gateway(), subnet.prefix));
  TRY(netlink.set_up(settings.name));
  TRY(ensure_route_localnet(settings.name));
  return subnet;
}

}  // namespace gantry::netns
