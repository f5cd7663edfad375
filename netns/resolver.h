#pragma once

#include "base/result.h"
#include "netns/subnet.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::netns {

struct ResolverOptions {
  std::vector<std::string> servers;  // each list, if not empty, takes the place of the host's
  std::vector<std::string> search;   // "." alone: no search line
  std::vector<std::string> options;
  bool share_loopback = false;  // host network: the host's 127.x name servers can be reached
};

// A container's /etc/resolv.conf from the host's text. Loopback name servers are left out unless shared; when
// none is left, a comment says so. resolv.conf(5).
std::string resolver_text(std::string_view host_text, const ResolverOptions& options);

// The host's resolv.conf; where it names only systemd-resolved's stub, the file of its real servers.
std::string host_resolver_text(const std::string& etc = "/etc", const std::string& run = "/run");

struct HostEntry {
  std::string address;
  std::string name;

  // "NAME:ADDRESS" or "NAME=ADDRESS", as docker's --add-host; ADDRESS may be "host-gateway". Errors: invalid.
  static Result<HostEntry> parse(std::string_view text, Ipv4 host_gateway);
};

// A container's /etc/hosts: loopback names, its own address if it has one, then `extra`. hosts(5).
std::string hosts_text(const std::string& address, const std::string& hostname, const std::string& domainname,
                       const std::vector<HostEntry>& extra);

}  // namespace gantry::netns
