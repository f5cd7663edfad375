#pragma once

#include "api/ecs_requests.h"
#include "api/ecs_responses.h"
#include "controlplane/lookup.h"

#include <functional>

namespace gantry::controlplane {

struct PageOptions {
  std::string member;         // the list's name in the answer: "clusterArns"
  int default_results = 100;  // maxResults when absent; 1–100 are allowed
  std::string filter;         // what was asked for, so that a token isn't used with another question
  std::function<bool(const std::string&, const std::string&)> less = std::less<>();
};

// One page of `values`, which are in the order of `less`. Tokens hold the last value shown and a hash of the
// filter, so they survive restarts and deletions. Errors: InvalidParameterException.
AwsResult<api::PageResponse> page(const std::vector<std::string>& values, const api::PageRequest& request,
                                  const PageOptions& options);

}  // namespace gantry::controlplane
