#pragma once

#include "base/result.h"
#include "oci/reference.h"

#include <string>
#include <vector>

namespace gantry::images {

// A place to ask for what a reference names.
struct RegistrySource {
  std::string host;       // where the API is served: "registry-1.docker.io", "mirror.lan:5000"
  std::string path;       // the repository there
  std::string login;      // the host whose credentials are used: "docker.io", "mirror.lan:5000"
  bool insecure = false;  // https without a verified certificate, or plain http
  bool is_mirror = false;

  bool operator==(const RegistrySource&) const = default;
};

// Mirrors, other locations, insecure and blocked registries: the host's registries.conf, in the form of
// containers-registries.conf(5), version 2. Read once; no file is no rule.
class RegistriesConf {
 public:
  // $GANTRY_REGISTRIES_CONF, which must be there; else /etc/gantry/registries.conf.
  // Errors: invalid, naming the file, the line and the key: TOML, and keys that gantry doesn't know.
  static Result<RegistriesConf> from_environment();
  // `source` names the text in errors.
  static Result<RegistriesConf> parse(std::string_view text, const std::string& source);

  // In the order in which a pull tries them: mirrors, then the registry itself. Errors: denied (blocked).
  Result<std::vector<RegistrySource>> sources(const oci::Reference& reference) const;
  // The registry itself, for push and login. Errors: denied (blocked).
  Result<RegistrySource> primary(const oci::Reference& reference) const;

 private:
  enum class Use { all, by_digest, by_tag };
  struct Location {
    std::string name;  // "host[:port][/path]"; empty: the reference's own
    bool insecure = false;
    Use use = Use::all;  // of a mirror
  };
  struct Rule {
    std::string prefix;  // "host[:port][/path]" or "*.domain"
    Location location;
    bool blocked = false;
    std::vector<Location> mirrors;
  };
  friend class RegistriesParser;

  const Rule* find(const std::string& name) const;
  static size_t matched(const Rule& rule, const std::string& name);

  std::string file_;
  std::vector<Rule> rules_;
};

}  // namespace gantry::images
