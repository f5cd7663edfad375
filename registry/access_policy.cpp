#include "registry/access_policy.h"

#include "base/json.h"
#include "base/text.h"
#include "registry/wildcard.h"

#include <algorithm>
#include <set>

namespace gantry::registry {
namespace {

struct StatementDocument {
  std::string sid;
  std::string effect;
  RawJson principal, not_principal, action, not_action, resource, not_resource;
  std::map<std::string, std::map<std::string, RawJson>> condition;
};
struct AccessDocument {
  std::string version;
  std::string id;
  RawJson statement;
};

template <class Visitor>
void allow_elements(Visitor& visit, const std::set<std::string_view>& known) {
  if constexpr (Visitor::reading) {
    for (const auto& key : visit.keys()) {
      if (!known.contains(key)) visit.fail(format("{} is not an element of policies", key));
    }
  }
}

template <class Visitor>
void members(Visitor& visit, StatementDocument& statement) {
  allow_elements(visit, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
                         "NotResource", "Condition"});
  visit("Sid", statement.sid);
  visit.required("Effect", statement.effect);
  visit("Principal", statement.principal);
  visit("NotPrincipal", statement.not_principal);
  visit("Action", statement.action);
  visit("NotAction", statement.not_action);
  visit("Resource", statement.resource);
  visit("NotResource", statement.not_resource);
  visit("Condition", statement.condition);
}

template <class Visitor>
void members(Visitor& visit, AccessDocument& policy) {
  allow_elements(visit, {"Version", "Id", "Statement"});
  visit("Version", policy.version);
  visit("Id", policy.id);
  visit.required("Statement", policy.statement);
}

template <class... Args>
Error invalid(fmt::format_string<Args...> text, Args&&... args) {
  return Error::make(ErrorKind::invalid, text, std::forward<Args>(args)...);
}

// Most elements are a text or a list of texts.
Result<std::vector<std::string>> one_or_more(const RawJson& raw, const std::string& where) {
  if (!raw.text.starts_with('['))
    return std::vector<std::string>{TRY(parse_json<std::string>(raw.text, where))};
  auto list = TRY(parse_json<std::vector<std::string>>(raw.text, where));
  if (list.empty()) return invalid("{}: must not be empty", where);
  return list;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "arn:PARTITION:iam::ACCOUNT:root|user/…|role/…", and sts' assumed roles and federated users.
bool is_principal_arn(const std::string& text) {
  const auto parts = split(text, ':');
  if (parts.size() != 6 || parts[0] != "arn" || !parts[1].starts_with("aws") || !parts[3].empty())
    return false;
  if (!is_account(parts[4]) || parts[5].find('*') != std::string::npos) return false;
  if (parts[2] == "sts")
    return parts[5].starts_with("assumed-role/") || parts[5].starts_with("federated-user/");
  return parts[2] == "iam" &&
         (parts[5] == "root" || parts[5].starts_with("user/") || parts[5].starts_with("role/"));
}

Result<void> add_principals(const RawJson& raw, const std::string& where, AccessStatement& statement) {
  if (raw.text == "\"*\"") {
    statement.all_principals = true;
    return {};
  }
  if (!raw.text.starts_with('{')) return invalid("{}: must be \"*\" or an object of AWS or Service", where);
  const auto kinds = TRY((parse_json<std::map<std::string, RawJson>>(raw.text, where)));
  if (kinds.empty()) return invalid("{}: must not be empty", where);
  for (const auto& [kind, values] : kinds) {
    const auto path = format("{}.{}", where, kind);
    if (kind == "Service") {  // services of AWS: they don't call here
      TRY(one_or_more(values, path));
      continue;
    }
    if (kind != "AWS") return invalid("{}: only principals of AWS and Service are supported", path);
    for (const auto& value : TRY(one_or_more(values, path))) {
      if (value == "*") {
        statement.all_principals = true;
      } else if (is_account(value) || is_principal_arn(value)) {
        statement.principals.push_back(value);
      } else {
        return invalid("{}: \"{}\" is not an account, nor the ARN of a user, role or account", path, value);
      }
    }
  }
  return {};
}

Result<void> add_actions(const RawJson& raw, const std::string& where, AccessStatement& statement) {
  for (const auto& action : TRY(one_or_more(raw, where))) {
    const auto lower = to_lower(action);
    if (lower != "*" && !lower.starts_with("ecr:")) {
      return invalid("{}: \"{}\" is not an action of ECR, such as ecr:BatchGetImage or ecr:*", where, action);
    }
    statement.actions.push_back(lower);
  }
  return {};
}

Result<void> add_resources(const StatementDocument& raw, PolicyOf kind, const std::string& where,
                           AccessStatement& statement) {
  if (!raw.not_resource.text.empty()) return invalid("{}.NotResource: is not supported", where);
  const bool has_resource = !raw.resource.text.empty();
  if (kind == PolicyOf::repository && has_resource) {
    return invalid("{}.Resource: a repository's policy has none, it is about that repository", where);
  }
  if (kind == PolicyOf::registry && !has_resource) {
    return invalid("{}: required member \"Resource\" is missing", where);
  }
  if (has_resource) statement.resources = TRY(one_or_more(raw.resource, where + ".Resource"));
  for (const auto& resource : statement.resources) {
    if (resource == "*" || resource.starts_with("arn:aws")) continue;
    return invalid("{}.Resource: \"{}\" is not \"*\" or an ARN", where, resource);
  }
  return {};
}

Result<AccessCondition> condition_of(const std::string& comparison, const std::string& key,
                                     const RawJson& values, const std::string& where) {
  AccessCondition condition;
  if (equals_ignoring_case(key, "aws:PrincipalArn")) {
    condition.key = AccessCondition::Key::principal_arn;
  } else if (equals_ignoring_case(key, "aws:PrincipalAccount")) {
    condition.key = AccessCondition::Key::principal_account;
  } else {
    return invalid(
        "{}: the condition key {} is not supported, only aws:PrincipalArn and aws:PrincipalAccount", where,
        key);
  }
  const bool of_arns = condition.key == AccessCondition::Key::principal_arn;
  const bool arn_operator = of_arns && comparison.starts_with("Arn");
  if (comparison == "StringEquals" || comparison == "StringNotEquals") {
    condition.wildcards = false;
  } else if (comparison == "StringLike" || comparison == "StringNotLike" ||
             (arn_operator && (comparison == "ArnEquals" || comparison == "ArnLike" ||
                               comparison == "ArnNotEquals" || comparison == "ArnNotLike"))) {
    condition.wildcards = true;
  } else {
    return invalid("{}: the condition operator {} is not supported with {}", where, comparison, key);
  }
  condition.negated = comparison.find("Not") != std::string::npos;
  condition.values = TRY(one_or_more(values, format("{}.{}.{}", where, comparison, key)));
  return condition;
}

Result<AccessStatement> statement_of(const StatementDocument& raw, PolicyOf kind, const std::string& where) {
  AccessStatement statement;
  if (raw.effect != "Allow" && raw.effect != "Deny") {
    return invalid("{}.Effect: must be Allow or Deny, found \"{}\"", where, raw.effect);
  }
  statement.allows = raw.effect == "Allow";
  if (raw.principal.text.empty() == raw.not_principal.text.empty()) {
    return invalid("{}: must have one of Principal and NotPrincipal", where);
  }
  if (raw.action.text.empty() == raw.not_action.text.empty()) {
    return invalid("{}: must have one of Action and NotAction", where);
  }
  statement.except_principals = raw.principal.text.empty();
  if (statement.except_principals && statement.allows) {
    return invalid("{}.NotPrincipal: is for statements that Deny", where);
  }
  TRY(statement.except_principals ? add_principals(raw.not_principal, where + ".NotPrincipal", statement)
                                  : add_principals(raw.principal, where + ".Principal", statement));
  statement.except_actions = raw.action.text.empty();
  TRY(statement.except_actions ? add_actions(raw.not_action, where + ".NotAction", statement)
                               : add_actions(raw.action, where + ".Action", statement));
  TRY(add_resources(raw, kind, where, statement));
  for (const auto& [comparison, keys] : raw.condition) {
    for (const auto& [key, values] : keys) {
      statement.conditions.push_back(TRY(condition_of(comparison, key, values, where + ".Condition")));
    }
  }
  return statement;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
    return matches_wildcard(pattern, text, Wildcards::star_and_question_mark);
  });
}

bool is_about(const AccessStatement& statement, const Principal& principal) {
  const auto names = [&](const std::string& named) {
    return named == principal.arn || named == principal.account ||
           named == format("arn:aws:iam::{}:root", principal.account);
  };
  const bool named = statement.all_principals ||
                     std::any_of(statement.principals.begin(), statement.principals.end(), names);
  return named != statement.except_principals;
}

bool holds(const AccessCondition& condition, const Principal& principal) {
  const auto& value =
      condition.key == AccessCondition::Key::principal_arn ? principal.arn : principal.account;
  const bool found = condition.wildcards ? any_matches(condition.values, value)
                                         : std::find(condition.values.begin(), condition.values.end(),
                                                     value) != condition.values.end();
  return found != condition.negated;
}

bool applies(const AccessStatement& statement, const Principal& principal, const std::string& action,
             std::string_view resource) {
  return is_about(statement, principal) &&
         any_matches(statement.actions, action) != statement.except_actions &&
         (statement.resources.empty() || any_matches(statement.resources, resource)) &&
         std::all_of(statement.conditions.begin(), statement.conditions.end(),
                     [&](const auto& condition) { return holds(condition, principal); });
}

}  // namespace

Result<AccessPolicy> parse_access_policy(std::string_view text, PolicyOf kind) {
  const auto raw = TRY(parse_json<AccessDocument>(text, "policy"));
  if (!raw.version.empty() && raw.version != "2008-10-17" && raw.version != "2012-10-17") {
    return invalid("policy: $.Version: must be 2012-10-17 or 2008-10-17, found \"{}\"", raw.version);
  }
  std::vector<StatementDocument> statements;
  if (raw.statement.text.starts_with('[')) {
    statements = TRY(parse_json<std::vector<StatementDocument>>(raw.statement.text, "policy: Statement"));
  } else {
    statements.push_back(TRY(parse_json<StatementDocument>(raw.statement.text, "policy: Statement")));
  }
  if (statements.empty()) return invalid("policy: $.Statement: must not be empty");
  AccessPolicy policy;
  policy.text = text;
  for (size_t i = 0; i < statements.size(); ++i) {
    policy.statements.push_back(TRY(statement_of(statements[i], kind, format("policy: $.Statement[{}]", i))));
  }
  return policy;
}

Decision decide(const AccessPolicy& policy, const Principal& principal, std::string_view action,
                std::string_view resource) {
  const auto lower = to_lower(action);
  auto decision = Decision::silent;
  for (const auto& statement : policy.statements) {
    if (!applies(statement, principal, lower, resource)) continue;
    if (!statement.allows) return Decision::denied;
    decision = Decision::allowed;
  }
  return decision;
}

}  // namespace gantry::registry
