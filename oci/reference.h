#pragma once

#include "oci/digest.h"

#include <string>
#include <string_view>

namespace gantry::oci {

// `[host[:port]/]path[:tag][@digest]`. The first component is a host when it holds a dot or a colon or is
// `localhost`; else the host is docker.io, where a one-component path gets `library/`.
// Source: distribution/reference.
struct Reference {
  std::string host;  // "docker.io", "127.0.0.1:5000"
  std::string path;  // "library/debian"
  std::string tag;   // may be empty when there is a digest
  Digest digest;     // wins over the tag

  // Without a tag and a digest, the tag is "latest". Errors: invalid, naming the text and the rule.
  static Result<Reference> parse(std::string_view text);

  std::string name() const;           // "docker.io/library/debian"
  std::string string() const;         // the whole, normal form
  std::string familiar() const;       // as docker prints it: "debian:12", without docker.io/library/
  std::string familiar_name() const;  // the same without tag and digest: "debian"
  std::string api_host() const;       // where its registry is served: registry-1.docker.io for docker.io

  bool operator==(const Reference&) const = default;
};

bool is_valid_repository_path(std::string_view path);  // OCI Distribution's <name>
bool is_valid_tag(std::string_view tag);

}  // namespace gantry::oci
