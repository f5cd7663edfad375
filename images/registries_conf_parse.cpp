#define TOML_HEADER_ONLY 1  // one file needs it, and a shared library more costs each command's start
#define TOML_EXCEPTIONS 0
#include "images/registries_conf.h"

#include <algorithm>
#include <set>
#include <toml++/toml.h>

namespace gantry::images {

// Reads one file; every error says its line.
class RegistriesParser {
 public:
  explicit RegistriesParser(const std::string& source) : source_(source) {}

  Result<RegistriesConf> parse(std::string_view text) {
    const auto parsed = toml::parse(text);
    if (!parsed) {
      return Error::make(ErrorKind::invalid, "{}: line {}: {}", source_, parsed.error().source().begin.line,
                         parsed.error().description());
    }
    const toml::table& top = parsed.table();
    TRY(check_keys(top, "", {"registry", "unqualified-search-registries"}));
    TRY(check_search(top));
    RegistriesConf conf;
    conf.file_ = source_;
    for (const auto* table : TRY(tables(top, "registry", "registry"))) {
      conf.rules_.push_back(TRY(rule(*table)));
      const auto& prefix = conf.rules_.back().prefix;
      const auto same = [&](const auto& other) { return other.prefix == prefix; };
      if (std::count_if(conf.rules_.begin(), conf.rules_.end(), same) > 1) {
        return wrong(*table, "registry.prefix", format("\"{}\" is there twice", prefix));
      }
    }
    return conf;
  }

 private:
  using Rule = RegistriesConf::Rule;
  using Location = RegistriesConf::Location;
  using Use = RegistriesConf::Use;

  Error wrong(const toml::node& node, std::string_view key, std::string_view rule) const {
    return Error::make(ErrorKind::invalid, "{}: line {}: {}: {}", source_, node.source().begin.line, key,
                       rule);
  }

  Result<void> check_keys(const toml::table& table, const std::string& path,
                          const std::set<std::string_view>& known) const {
    for (const auto& [key, value] : table) {
      if (known.contains(key.str())) continue;
      return wrong(value, path + std::string(key.str()), "is not supported");
    }
    return {};
  }

  // Names without a host are docker.io's, as docker has it: another list can't be honoured.
  Result<void> check_search(const toml::table& top) const {
    const auto* node = top.get("unqualified-search-registries");
    if (node == nullptr) return {};
    const auto* list = node->as_array();
    const bool fits =
        list != nullptr &&
        (list->empty() || (list->size() == 1 && list->get(0)->value_or(std::string()) == "docker.io"));
    if (fits) return {};
    return wrong(*node, "unqualified-search-registries",
                 "must be [\"docker.io\"]: a name without a host is docker.io's");
  }

  Result<std::vector<const toml::table*>> tables(const toml::table& top, std::string_view key,
                                                 std::string_view path) const {
    std::vector<const toml::table*> found;
    const auto* node = top.get(key);
    if (node == nullptr) return found;
    const auto* list = node->as_array();
    if (list == nullptr) return wrong(*node, path, format("must be tables: [[{}]]", path));
    for (const auto& item : *list) {
      if (!item.is_table()) return wrong(item, path, format("must be tables: [[{}]]", path));
      found.push_back(item.as_table());
    }
    return found;
  }

  template <typename T>
  Result<T> value(const toml::table& table, std::string_view key, std::string_view path, T absent) const {
    const auto* node = table.get(key);
    if (node == nullptr) return absent;
    if (const auto found = node->value_exact<T>()) return *found;
    const std::string_view type = std::is_same_v<T, bool> ? "must be true or false" : "must be a string";
    return wrong(*node, format("{}{}", path, key), type);
  }

  Result<std::string> place(const toml::table& table, std::string_view key, std::string_view path) const {
    auto text = TRY(value<std::string>(table, key, path, ""));
    if (text.empty()) return text;
    const auto slash = text.find('/');
    const auto host = text.substr(0, slash);
    const auto parsed = oci::Reference::parse(host + "/a");
    const bool is_host = parsed && parsed->host == host;
    if (is_host && (slash == std::string::npos || oci::is_valid_repository_path(text.substr(slash + 1))))
      return text;
    return wrong(*table.get(key), format("{}{}", path, key),
                 format("must be HOST[:PORT][/PATH] without a tag, found \"{}\"", text));
  }

  Result<Location> mirror(const toml::table& table, bool by_digest_only) const {
    const std::string path = "registry.mirror.";
    TRY(check_keys(table, path, {"location", "insecure", "pull-from-mirror"}));
    Location mirror{.name = TRY(place(table, "location", path)),
                    .insecure = TRY(value(table, "insecure", path, false)),
                    .use = by_digest_only ? Use::by_digest : Use::all};
    if (mirror.name.empty()) return wrong(table, path + "location", "must be given");
    const auto use = TRY(value<std::string>(table, "pull-from-mirror", path, ""));
    if (use.empty()) return mirror;
    if (by_digest_only)
      return wrong(table, path + "pull-from-mirror", "can't stand beside mirror-by-digest-only");
    if (use == "all") return mirror;
    mirror.use = use == "digest-only" ? Use::by_digest : Use::by_tag;
    if (use == "digest-only" || use == "tag-only") return mirror;
    return wrong(table, path + "pull-from-mirror",
                 format("must be all, digest-only or tag-only, found \"{}\"", use));
  }

  Result<Rule> rule(const toml::table& table) const {
    const std::string path = "registry.";
    TRY(check_keys(table, path,
                   {"prefix", "location", "insecure", "blocked", "mirror", "mirror-by-digest-only"}));
    Rule rule;
    const auto prefix = TRY(value<std::string>(table, "prefix", path, ""));
    const bool wildcard = prefix.starts_with("*.");
    rule.prefix = wildcard ? prefix : TRY(place(table, "prefix", path));
    if (wildcard && prefix.find_first_of("/:", 2) != std::string::npos) {
      return wrong(table, "registry.prefix", format("a wildcard is *.DOMAIN, found \"{}\"", prefix));
    }
    rule.location.name = TRY(place(table, "location", path));
    rule.location.insecure = TRY(value(table, "insecure", path, false));
    rule.blocked = TRY(value(table, "blocked", path, false));
    if (rule.prefix.empty()) rule.prefix = rule.location.name;
    if (rule.prefix.empty()) return wrong(table, "registry", "must have a prefix or a location");
    const bool by_digest = TRY(value(table, "mirror-by-digest-only", path, false));
    for (const auto* entry : TRY(tables(table, "mirror", "registry.mirror"))) {
      rule.mirrors.push_back(TRY(mirror(*entry, by_digest)));
    }
    return rule;
  }

  const std::string& source_;
};

Result<RegistriesConf> RegistriesConf::parse(std::string_view text, const std::string& source) {
  return RegistriesParser(source).parse(text);
}

}  // namespace gantry::images
