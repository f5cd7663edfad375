#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

// Who calls, as policies see it.
struct Principal {
  std::string account;  // 12 digits
  std::string arn;      // "arn:aws:iam::ACCOUNT:user/NAME"
};

// A statement's test on the caller: OPERATOR(KEY, any of the values).
struct AccessCondition {
  bool negated = false;
  bool wildcards = false;  // "*" and "?" in the values
  enum class Key { principal_arn, principal_account } key = Key::principal_arn;
  std::vector<std::string> values;
};

struct AccessStatement {
  bool allows = false;
  bool all_principals = false;          // "*"
  std::vector<std::string> principals;  // ARNs and accounts
  bool except_principals = false;       // NotPrincipal
  std::vector<std::string> actions;     // lower case, with wildcards
  bool except_actions = false;          // NotAction
  std::vector<std::string> resources;   // ARNs with wildcards; empty: all
  std::vector<AccessCondition> conditions;
};

struct AccessPolicy {
  std::string text;  // as it was given
  std::vector<AccessStatement> statements;
};

enum class Decision { silent, allowed, denied };

enum class PolicyOf { repository, registry };  // only the registry's has resources

// Errors: invalid, naming the path and the rule. Source: IAM user guide, "JSON policy element reference".
Result<AccessPolicy> parse_access_policy(std::string_view text, PolicyOf kind);

// A Deny wins over every Allow. `action` is "ecr:BatchGetImage", `resource` the repository's ARN.
Decision decide(const AccessPolicy& policy, const Principal& principal, std::string_view action,
                std::string_view resource);

}  // namespace gantry::registry
