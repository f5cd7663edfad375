#include "oci/reference.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <utility>

namespace gantry::oci {
namespace {

constexpr std::string_view docker_host = "docker.io";
constexpr size_t name_limit = 255;

bool is_lower_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_separator(std::string_view text) {
  if (text == "." || text == "_" || text == "__") return true;
  return !text.empty() && text.find_first_not_of('-') == std::string_view::npos;
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view text) {
  if (text.empty() || !is_lower_alphanumeric(text.front()) || !is_lower_alphanumeric(text.back()))
    return false;
  size_t i = 0;
  while (i < text.size()) {
    if (is_lower_alphanumeric(text[i])) {
      ++i;
      continue;
    }
    const size_t start = i;
    while (i < text.size() && !is_lower_alphanumeric(text[i])) ++i;
    if (!is_separator(text.substr(start, i - start))) return false;
  }
  return true;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_bracketed_address(std::string_view text) {
  return text.size() > 3 && text.front() == '[' && text.back() == ']' &&
         text.substr(1, text.size() - 2).find_first_not_of("0123456789abcdefABCDEF:.") ==
             std::string_view::npos;
}

bool is_host_name(std::string_view text) {
  if (!is_plain(text, "-.") || text.front() == '.' || text.back() == '.' || text.front() == '-') return false;
  return text.find("..") == std::string_view::npos;
}

bool is_host(std::string_view text) {
  std::string_view name = text;
  const size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
  if (has_port) {
    if (!is_port(text.substr(colon + 1))) return false;
    name = text.substr(0, colon);
  }
  return is_bracketed_address(name) || is_host_name(name);
}

bool looks_like_host(std::string_view component) {
  return component.find_first_of(".:") != std::string_view::npos || component == "localhost";
}

Error bad(std::string_view text, std::string_view rule) {
  return Error::make(ErrorKind::invalid, "invalid image reference \"{}\": {}", text.substr(0, 300), rule);
}

// Takes the tag off the end of `name`: what follows a colon in the last component.
std::string_view take_tag(std::string_view& name) {
  const size_t colon = name.rfind(':');
  const size_t slash = name.rfind('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) return {};
  const std::string_view tag = name.substr(colon + 1);
  name = name.substr(0, colon);
  return tag;
}

void split_name(std::string_view name, Reference& reference) {
  const size_t slash = name.find('/');
  if (slash != std::string_view::npos && looks_like_host(name.substr(0, slash))) {
    reference.host = name.substr(0, slash);
    reference.path = name.substr(slash + 1);
  } else {
    reference.host = docker_host;
    reference.path = name;
  }
  if (reference.host == "index.docker.io") reference.host = docker_host;
  const bool official = reference.host == docker_host && reference.path.find('/') == std::string::npos;
  if (official && !reference.path.empty()) reference.path = "library/" + reference.path;
}

}  // namespace

bool is_valid_repository_path(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_valid_tag(std::string_view tag) {
  return is_plain(tag, "_.-") && tag.size() <= 128 && tag.front() != '.' && tag.front() != '-';
}

Result<Reference> Reference::parse(std::string_view text) {
  std::string_view name = text;
  Reference reference;
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    reference.digest =
        TRY(Digest::parse(text.substr(at + 1)).context("invalid image reference \"{}\"", text));
    name = text.substr(0, at);
  }
  const bool has_tag = name.find(':', name.rfind('/') == std::string_view::npos ? 0 : name.rfind('/')) !=
                       std::string_view::npos;
  reference.tag = take_tag(name);
  if (has_tag && !is_valid_tag(reference.tag)) {
    return bad(text, "the tag must be 1 to 128 letters, digits, _, . and -, not beginning with . or -");
  }
  split_name(name, reference);
  if (!is_host(reference.host)) return bad(text, "the host isn't a name or address with an optional port");
  if (!is_valid_repository_path(reference.path)) {
    return bad(text, "the name must be lower-case letters and digits, separated by /, ., _, __ or dashes");
  }
  if (reference.name().size() > name_limit) return bad(text, "the name is longer than 255 characters");
  if (!has_tag && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

std::string Reference::name() const {
  return format("{}/{}", host, path);
}

std::string Reference::string() const {
  return format("{}{}{}{}{}", name(), tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@",
                digest.string());
}

std::string Reference::familiar_name() const {
  if (host != docker_host) return name();
  constexpr std::string_view library = "library/";
  const bool official = path.starts_with(library) && path.find('/', library.size()) == std::string::npos;
  if (official) return path.substr(library.size());
  // A path that begins like a host would be read as one.
  return looks_like_host(path.substr(0, path.find('/'))) ? name() : path;
}

std::string Reference::familiar() const {
  return format("{}{}{}{}{}", familiar_name(), tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@",
                digest.string());
}

std::string Reference::api_host() const {
  return host == docker_host ? "registry-1.docker.io" : host;
}

}  // namespace gantry::oci
