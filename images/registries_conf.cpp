#include "images/registries_conf.h"

#include "base/files.h"

#include <cstdlib>

namespace gantry::images {
namespace {

constexpr const char* default_file = "/etc/gantry/registries.conf";

// "host[:port][/path]" with a reference's rest behind it.
RegistrySource source_at(const std::string& name, bool insecure, bool is_mirror) {
  const size_t slash = name.find('/');
  const std::string host = name.substr(0, slash);
  const std::string path = slash == std::string::npos ? std::string() : name.substr(slash + 1);
  return {oci::Reference{host, path, "", {}}.api_host(), path, host, insecure, is_mirror};
}

bool is_domain_prefix(const std::string& prefix) {
  return prefix.starts_with("*.");
}

}  // namespace

// How much of a name a rule's prefix covers; 0: it isn't for that name.
size_t RegistriesConf::matched(const Rule& rule, const std::string& name) {
  const auto& prefix = rule.prefix;
  if (is_domain_prefix(prefix)) {
    const std::string host = name.substr(0, name.find('/'));
    const std::string plain = host.substr(0, host.find(':'));
    return plain.ends_with(prefix.substr(1)) ? host.size() : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  return name.size() == prefix.size() || name[prefix.size()] == '/' ? prefix.size() : 0;
}

// The longest prefix wins, and any written one over one with a wildcard.
const RegistriesConf::Rule* RegistriesConf::find(const std::string& name) const {
  const Rule* best = nullptr;
  const auto rank = [](const Rule& rule) {
    return is_domain_prefix(rule.prefix) ? rule.prefix.size() : rule.prefix.size() + 1'000;
  };
  for (const auto& rule : rules_) {
    if (matched(rule, name) > 0 && (best == nullptr || rank(rule) > rank(*best))) best = &rule;
  }
  return best;
}

Result<RegistrySource> RegistriesConf::primary(const oci::Reference& reference) const {
  const auto name = reference.name();
  const Rule* rule = find(name);
  if (rule == nullptr) return source_at(name, false, false);
  if (rule->blocked) {
    return Error::make(ErrorKind::denied, "{}: registry {} is blocked in {}", reference.familiar(),
                       rule->prefix, file_);
  }
  if (rule->location.name.empty()) return source_at(name, rule->location.insecure, false);
  return source_at(rule->location.name + name.substr(matched(*rule, name)), rule->location.insecure, false);
}

Result<std::vector<RegistrySource>> RegistriesConf::sources(const oci::Reference& reference) const {
  const auto own = TRY(primary(reference));
  std::vector<RegistrySource> all;
  const auto name = reference.name();
  if (const Rule* rule = find(name)) {
    const Use other = reference.digest.empty() ? Use::by_digest : Use::by_tag;
    for (const auto& mirror : rule->mirrors) {
      if (mirror.use == other) continue;
      all.push_back(source_at(mirror.name + name.substr(matched(*rule, name)), mirror.insecure, true));
    }
  }
  all.push_back(own);
  return all;
}

Result<RegistriesConf> RegistriesConf::from_environment() {
  const char* given = std::getenv("GANTRY_REGISTRIES_CONF");
  const bool named = given != nullptr && *given != '\0';
  const std::string file = named ? given : default_file;
  auto text = read_file(file, size_t{1} << 20);
  if (text) return parse(*text, file);
  if (!named && text.error().kind() == ErrorKind::not_found) return RegistriesConf();
  return std::move(text).error();
}

}  // namespace gantry::images
