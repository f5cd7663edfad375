#include "engine/names.h"

#include "base/random.h"
#include "base/text.h"

#include <array>
#include <climits>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr std::array<std::string_view, 32> adjectives = {
    "amber",   "brisk",  "calm",   "candid", "clever", "coral",  "daring",  "eager",
    "earnest", "gentle", "golden", "hearty", "humble", "jolly",  "keen",    "kind",
    "lively",  "lucid",  "mellow", "merry",  "modest", "nimble", "patient", "plucky",
    "proud",   "quiet",  "serene", "steady", "sunny",  "tidy",   "vivid",   "witty"};
constexpr std::array<std::string_view, 32> nouns = {
    "anchor", "beacon",  "boom", "bridge", "cable",   "cargo",   "compass", "crane",
    "davit",  "derrick", "dock", "ferry",  "gantry",  "girder",  "harbour", "hawser",
    "hoist",  "jetty",   "keel", "ladder", "lantern", "mast",    "mooring", "pallet",
    "pier",   "pulley",  "quay", "rudder", "sluice",  "trolley", "wharf",   "winch"};

}  // namespace

bool is_valid_name(std::string_view name) {
  return name.size() >= 2 && name.size() <= 128 && is_plain_name(name);
}

std::string made_up_name() {
  return format("{}_{}", adjectives[random_below(adjectives.size())], nouns[random_below(nouns.size())]);
}

std::optional<std::string> name_owner(const Layout& layout, const std::string& name) {
  if (!is_valid_name(name)) return std::nullopt;
  std::array<char, PATH_MAX> target{};
  const ssize_t size = readlink(join_path(layout.names(), name).c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<size_t>(size));
}

Result<void> claim_name(const Layout& layout, const std::string& name, const std::string& id) {
  if (symlink(id.c_str(), join_path(layout.names(), name).c_str()) == 0) return {};
  if (errno != EEXIST) return Error::system(errno, "claim name {}", name);
  const std::string owner = name_owner(layout, name).value_or("?");
  return Error::make(ErrorKind::exists,
                     "the container name \"{}\" is already in use by container {} (gantry rm {} frees it)",
                     name, owner.substr(0, 12), name);
}

Result<std::string> claim_made_up_name(const Layout& layout, const std::string& id) {
  for (int attempt = 0;; ++attempt) {
    std::string name = made_up_name();
    if (attempt > 10) name += format("_{}", random_hex(3));
    const auto claimed = claim_name(layout, name, id);
    if (claimed) return name;
    if (claimed.error().kind() != ErrorKind::exists || attempt > 20) return Error(claimed.error());
  }
}

Result<void> release_name(const Layout& layout, const std::string& name, const std::string& id) {
  if (name_owner(layout, name) != id) return {};
  return remove_file(join_path(layout.names(), name));
}

}  // namespace gantry::engine
