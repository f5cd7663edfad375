#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace gantry::api {

// An image as a task definition names it: `[host[:port]/]path[:tag][@digest]`. The first component is a host
// when it holds a dot or a colon or is `localhost`; else the host is docker.io, where a path of one component
// gets `library/`. Source: distribution/reference; ECS API reference "ContainerDefinition.image".
struct ImageName {
  std::string host;    // "docker.io", "127.0.0.1:5000"; lower case
  std::string path;    // "library/debian"
  std::string tag;     // "latest" when neither tag nor digest is given
  std::string digest;  // "sha256:…", or empty
  std::string name;    // as written, without tag and digest

  // Errors: invalid, naming the text and the rule.
  static Result<ImageName> parse(std::string_view text);

  // Of Amazon ECR: ACCOUNT.dkr.ecr.REGION.amazonaws.com.
  bool is_ecr() const;
};

}  // namespace gantry::api
