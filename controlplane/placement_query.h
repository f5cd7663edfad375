#pragma once

#include "base/result.h"
#include "controlplane/placement.h"

#include <memory>
#include <string_view>

namespace gantry::controlplane {

// An expression of the cluster query language: memberOf constraints and ListContainerInstances' filter.
//   or := and (("||"|"or") and)* ; and := un (("&&"|"and") un)*
//   un := ("!"|"not") un | "(" or ")" | subject operator [argument]
// Subjects: agentConnected, agentVersion, attribute:NAME, ec2InstanceId, registeredAt, runningTasksCount,
// task:group. Operators: == != > >= < <= exists !exists in !in =~ !~ and their words (equals, not_equals,
// greater_than, …, matches, not_matches). =~ takes a Java-like regular expression that must match all of the
// value (PCRE2, with a limit on its steps: beyond it the host doesn't match). A subject that a host lacks
// satisfies only the negative operators.
// Source: Amazon ECS Developer Guide, "Create expressions to define container instances".
class PlacementQuery {
 public:
  // Errors: invalid, "Invalid expression …" with the place and what was expected there.
  static Result<PlacementQuery> parse(std::string_view expression);

  bool matches(const HostSnapshot& host) const;

  struct Node;

 private:
  std::shared_ptr<const Node> root_;
};

}  // namespace gantry::controlplane
