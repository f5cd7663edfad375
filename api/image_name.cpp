#include "api/image_name.h"

#include "base/text.h"

#include <algorithm>

namespace gantry::api {
namespace {

constexpr size_t name_limit = 255;
constexpr std::string_view docker_host = "docker.io";

bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_word(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
}

// Lower case letters and digits, with dots, one or two underscores or hyphens between them.
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower(text.front()) || !is_lower(text.back())) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_lower(text[i])) continue;
    const auto start = i;
    while (!is_lower(text[i + 1])) ++i;
    const auto between = text.substr(start, i + 1 - start);
    const bool hyphens = between.find_first_not_of('-') == std::string_view::npos;
    if (between != "." && between != "_" && between != "__" && !hyphens) return false;
  }
  return true;
}

bool is_path(const std::string& path) {
  const auto components = split(path, '/');
  return std::all_of(components.begin(), components.end(),
                     [](const auto& component) { return is_component(component); });
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= 128 && tag[0] != '.' && tag[0] != '-' &&
         std::all_of(tag.begin(), tag.end(), is_word);
}

bool is_host(std::string_view host) {
  return host.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == std::string_view::npos;
}

bool is_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  if (colon == std::string_view::npos) return false;
  const auto algorithm = digest.substr(0, colon);
  const size_t digits = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  const auto hex = digest.substr(colon + 1);
  return digits != 0 && hex.size() == digits &&
         hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error bad(std::string_view text, std::string_view rule) {
  return Error::make(ErrorKind::invalid, "'{}': {}", text.substr(0, 300), rule);
}

void split_host(std::string_view name, ImageName& image) {
  const auto slash = name.find('/');
  const auto first = name.substr(0, slash);
  const bool has_host = slash != std::string_view::npos &&
                        (first == "localhost" || first.find_first_of(".:") != std::string_view::npos);
  image.host = has_host ? to_lower(first) : std::string(docker_host);
  image.path = has_host ? name.substr(slash + 1) : name;
  if (image.host == "index.docker.io") image.host = docker_host;
  if (image.host == docker_host && image.path.find('/') == std::string::npos) {
    image.path = "library/" + image.path;
  }
}

}  // namespace

Result<ImageName> ImageName::parse(std::string_view text) {
  ImageName image;
  auto rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    image.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(image.digest)) return bad(text, "the digest must be sha256: and 64 hexadecimal digits");
  }
  if (rest.size() > name_limit) return bad(text, "must have at most 255 characters without its digest");
  const auto slash = rest.rfind('/');
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    image.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(image.tag)) return bad(text, "the tag must be up to 128 letters, digits, _, . and -");
  }
  image.name = rest;
  split_host(rest, image);
  if (!is_host(image.host)) return bad(text, "the host must be a name or an address, with a port or without");
  if (!is_path(image.path)) {
    return bad(text, "the repository must be lower case letters and digits, with ., _ and - between them");
  }
  if (image.tag.empty() && image.digest.empty()) image.tag = "latest";
  return image;
}

bool ImageName::is_ecr() const {
  return host.find(".dkr.ecr.") != std::string::npos && host.find(".amazonaws.com") != std::string::npos;
}

}  // namespace gantry::api
