#include "netns/resolver.h"

#include "base/address.h"
#include "base/files.h"
#include "base/text.h"

#include <sstream>

namespace gantry::netns {

namespace {

struct Parsed {
  std::vector<std::string> servers;
  std::vector<std::string> search;
  std::vector<std::string> options;
};

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// The last search or domain line wins, options add up: resolv.conf(5).
Parsed parse(std::string_view text) {
  Parsed parsed;
  for (const auto& line : split(text, '\n')) {
    const auto words = words_of(line);
    if (words.size() < 2 || words[0][0] == '#' || words[0][0] == ';') continue;
    const std::vector<std::string> values(words.begin() + 1, words.end());
    if (words[0] == "nameserver") parsed.servers.push_back(values[0]);
    if (words[0] == "search" || words[0] == "domain") parsed.search = values;
    if (words[0] == "options") parsed.options.insert(parsed.options.end(), values.begin(), values.end());
  }
  return parsed;
}

}  // namespace

std::string resolver_text(std::string_view host_text, const ResolverOptions& options) {
  auto parsed = parse(host_text);
  if (!options.share_loopback) std::erase_if(parsed.servers, is_loopback);
  if (!options.servers.empty()) parsed.servers = options.servers;
  if (!options.search.empty()) parsed.search = options.search;
  if (!options.options.empty()) parsed.options = options.options;
  std::string text;
  for (const auto& server : parsed.servers) text += format("nameserver {}\n", server);
  const bool no_search = parsed.search.empty() || parsed.search == std::vector<std::string>{"."};
  if (!no_search) text += format("search {}\n", join(parsed.search, " "));
  if (!parsed.options.empty()) text += format("options {}\n", join(parsed.options, " "));
  if (parsed.servers.empty()) {
    text += "# the host names no server that this network reaches: give one with --dns\n";
  }
  return text;
}

std::string host_resolver_text(const std::string& etc, const std::string& run) {
  const auto own = read_file(join_path(etc, "resolv.conf"));
  if (!own) return {};
  const auto servers = parse(*own).servers;
  if (servers.size() == 1 && servers[0] == "127.0.0.53") {
    if (auto real = read_file(join_path(run, "systemd/resolve/resolv.conf"))) return *real;
  }
  return *own;
}

Result<HostEntry> HostEntry::parse(std::string_view text, Ipv4 host_gateway) {
  const auto cut = text.find_first_of(":=");
  if (cut == std::string_view::npos || cut == 0 || cut + 1 == text.size()) {
    return Error::make(ErrorKind::invalid, "extra host \"{}\": must be NAME:ADDRESS", text);
  }
  HostEntry entry{std::string(text.substr(cut + 1)), std::string(text.substr(0, cut))};
  if (entry.name.find_first_of(" \t\n") != std::string::npos) {
    return Error::make(ErrorKind::invalid, "extra host \"{}\": the name holds a space", text);
  }
  if (entry.address == "host-gateway") entry.address = host_gateway.string();
  if (entry.address.front() == '[' && entry.address.back() == ']') {
    entry.address = entry.address.substr(1, entry.address.size() - 2);
  }
  if (is_ipv4(entry.address) || is_ipv6(entry.address)) return entry;
  return Error::make(ErrorKind::invalid, "extra host \"{}\": \"{}\" is not an IP address", text,
                     entry.address);
}

std::string hosts_text(const std::string& address, const std::string& hostname, const std::string& domainname,
                       const std::vector<HostEntry>& extra) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  for (const auto& entry : extra) text += format("{}\t{}\n", entry.address, entry.name);
  if (!address.empty() && !hostname.empty()) {
    text += domainname.empty() ? format("{}\t{}\n", address, hostname)
                               : format("{}\t{}.{} {}\n", address, hostname, domainname, hostname);
  }
  return text;
}

}  // namespace gantry::netns
