#include "engine/etc_files.h"

#include "engine/bundle.h"
#include "netns/resolver.h"

namespace gantry::engine {

namespace {

// Read by the container's users, whoever they are.
Result<void> write_public(const std::string& path, const std::string& text) {
  return write_file(path, text, 0644);
}

Result<std::vector<netns::HostEntry>> extra_hosts(const ContainerSpec& spec, const NetworkPlace& place) {
  netns::Ipv4 gateway;
  if (!place.info.gateway.empty()) gateway = TRY(netns::Ipv4::parse(place.info.gateway));
  if (place.host) gateway = TRY(netns::Ipv4::parse("127.0.0.1"));
  std::vector<netns::HostEntry> entries;
  for (const auto& text : spec.extra_hosts) {
    entries.push_back(TRY(netns::HostEntry::parse(text, gateway).context("--add-host {}", text)));
  }
  return entries;
}

std::string resolver(const ContainerSpec& spec, const NetworkPlace& place) {
  netns::ResolverOptions options;
  options.servers = spec.dns;
  options.search = spec.dns_search;
  options.options = spec.dns_options;
  options.share_loopback = place.host;
  return netns::resolver_text(netns::host_resolver_text(), options);
}

Result<std::string> hosts(const ContainerRecord& record, const NetworkPlace& place) {
  const auto extra = TRY(extra_hosts(record.spec, place));
  if (place.host && record.spec.extra_hosts.empty()) return read_file("/etc/hosts");
  return netns::hosts_text(place.info.ip, container_hostname(record), record.spec.domainname, extra);
}

}  // namespace

Result<std::string> write_etc_files(const Context& context, const ContainerRecord& record,
                                    const NetworkPlace& place) {
  if (!place.shared_with.empty()) return context.layout.container(place.shared_with).file("etc");
  const std::string folder = context.layout.container(record.id).file("etc");
  TRY(make_directories(folder, 0755));
  TRY(write_public(join_path(folder, "resolv.conf"), resolver(record.spec, place)));
  const std::string hosts_file = TRY(hosts(record, place));
  TRY(write_public(join_path(folder, "hosts"), hosts_file));
  TRY(write_public(join_path(folder, "hostname"), container_hostname(record) + "\n"));
  return folder;
}

}  // namespace gantry::engine
