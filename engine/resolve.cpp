#include "engine/context.h"
#include "engine/names.h"

#include <algorithm>
#include <cctype>

namespace gantry::engine {

namespace {

constexpr size_t id_length = 64;

bool is_hex(const std::string& text) {
  return !text.empty() && text.size() <= id_length &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool exists(const Context& context, const std::string& id) {
  return path_exists(context.layout.container(id).record());
}

}  // namespace

Error no_such_container(const std::string& reference) {
  return Error::make(ErrorKind::not_found, "no such container: {}", reference);
}

Result<std::vector<std::string>> container_ids(const Context& context) {
  auto names = TRY(list_directory(context.layout.containers()));
  std::erase_if(names, [](const std::string& name) { return name.size() != id_length || !is_hex(name); });
  return names;
}

// A whole id first, then a name, then a prefix: docker's order, so that a name that looks like a prefix wins.
Result<std::string> resolve_reference(const Context& context, const std::string& reference) {
  if (reference.size() == id_length && is_hex(reference) && exists(context, reference)) return reference;
  const auto owner = name_owner(context.layout, reference);
  if (owner && exists(context, *owner)) return *owner;
  if (!is_hex(reference)) return no_such_container(reference);
  std::vector<std::string> matches;
  for (const auto& id : TRY(container_ids(context))) {
    if (id.rfind(reference, 0) == 0 && exists(context, id)) matches.push_back(id);
  }
  if (matches.empty()) return no_such_container(reference);
  if (matches.size() == 1) return matches[0];
  return Error::make(ErrorKind::invalid, "multiple containers found with prefix {}: use more digits",
                     reference);
}

}  // namespace gantry::engine
