#include "registry/access_policy.h"

#include "tests/support/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

constexpr const char* account = "123456789012";
const Principal alice{account, "arn:aws:iam::123456789012:user/alice"};
const Principal bob{account, "arn:aws:iam::123456789012:user/bob"};
constexpr const char* web = "arn:aws:ecr:us-east-1:123456789012:repository/ns/web";

std::string policy(const std::string& statement) {
  return R"({"Version":"2012-10-17","Statement":[)" + statement + "]}";
}

std::string decision(const std::string& text, const Principal& principal, const std::string& action,
                     PolicyOf kind = PolicyOf::repository) {
  const auto parsed = parse_access_policy(text, kind);
  if (!parsed) return parsed.error().message();
  switch (decide(*parsed, principal, action, web)) {
    case Decision::silent:
      return "silent";
    case Decision::allowed:
      return "allowed";
    case Decision::denied:
      return "denied";
  }
  return {};
}

struct AccessCase {
  std::string statement;
  std::string action;
  std::string for_alice;
  std::string for_bob;
};

TEST(AccessPolicies, DecideByPrincipalAndAction) {
  const std::string pull = R"("Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"])";
  const std::vector<AccessCase> cases = {
      {R"({"Effect":"Deny","Principal":"*",)" + pull + "}", "ecr:BatchGetImage", "denied", "denied"},
      {R"({"Effect":"Deny","Principal":{"AWS":"*"},"Action":"ecr:*"})", "ecr:PutImage", "denied", "denied"},
      {R"({"Effect":"Allow","Principal":"*",)" + pull + "}", "ecr:PutImage", "silent", "silent"},
      {R"({"Effect":"Allow","Principal":{"AWS":"123456789012"},)" + pull + "}", "ecr:BatchGetImage",
       "allowed", "allowed"},
      {R"({"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root"]},"Action":"*"})",
       "ecr:PutImage", "allowed", "allowed"},
      {R"({"Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"*"})", "ecr:PutImage", "silent",
       "silent"},
      {R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":"ecr:Put*"})",
       "ecr:PutImage", "silent", "denied"},
      {R"({"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:user/bob"},"Action":"ecr:Put*"})",
       "ecr:BatchGetImage", "silent", "silent"},
      {R"({"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/alice"},"Action":"ECR:putimage"})",
       "ecr:PutImage", "silent", "denied"},
      {R"({"Effect":"Deny","Principal":"*","NotAction":["ecr:BatchGet*","ecr:Describe?mages"]})",
       "ecr:DescribeImages", "silent", "silent"},
      {R"({"Effect":"Deny","Principal":"*","NotAction":["ecr:BatchGet*"]})", "ecr:PutImage", "denied",
       "denied"},
      {R"({"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"*"})", "ecr:PutImage",
       "silent", "silent"},
      {R"({"Effect":"Allow","Principal":"*","Action":"*"},{"Effect":"Deny","Principal":"*","Action":"ecr:PutImage"})",
       "ecr:PutImage", "denied", "denied"},
      {R"({"Effect":"Deny","Principal":"*","Action":"*","Condition":{"StringNotLike":{"aws:PrincipalArn":["*/al*"]}}})",
       "ecr:PutImage", "silent", "denied"},
      {R"({"Effect":"Deny","Principal":"*","Action":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"*:user/bob"},"StringEquals":{"aws:PrincipalAccount":"123456789012"}}})",
       "ecr:PutImage", "silent", "denied"},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(decision(policy(test.statement), alice, test.action), test.for_alice) << test.statement;
    EXPECT_EQ(decision(policy(test.statement), bob, test.action), test.for_bob) << test.statement;
  }
  EXPECT_EQ(decision(R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}})", bob, "ecr:PutImage"),
            "allowed");
}

TEST(AccessPolicies, OfTheRegistryNameResources) {
  const auto of = [](const std::string& resource) {
    return policy(R"({"Effect":"Deny","Principal":"*","Action":"ecr:*","Resource":)" + resource + "}");
  };
  const auto decided = [&](const std::string& resource) {
    return decision(of(resource), bob, "ecr:PutImage", PolicyOf::registry);
  };
  EXPECT_EQ(decided(R"(["arn:aws:ecr:us-east-1:123456789012:repository/ns/*"])"), "denied");
  EXPECT_EQ(decided(R"("arn:aws:ecr:us-east-1:123456789012:repository/other")"), "silent");
  EXPECT_EQ(decided(R"("*")"), "denied");
  EXPECT_THAT(decided(R"("ns/web")"), HasSubstr("is not \"*\" or an ARN"));
  EXPECT_THAT(decision(of("\"*\""), bob, "ecr:PutImage"), HasSubstr("a repository's policy has none"));
  EXPECT_THAT(decision(policy(R"({"Effect":"Deny","Principal":"*","Action":"ecr:*"})"), bob, "ecr:PutImage",
                       PolicyOf::registry),
              HasSubstr("\"Resource\" is missing"));
}

struct BadAccess {
  std::string text;
  std::string says;
};

TEST(AccessPolicies, RefuseByNameWhatTheyCannotEnforce) {
  const std::string all = R"("Principal":"*","Action":"*")";
  const std::vector<BadAccess> cases = {
      {"", "not JSON"},
      {"[]", "must be an object"},
      {"{}", "\"Statement\" is missing"},
      {R"({"Statement":[]})", "must not be empty"},
      {R"({"Version":"2020-01-01","Statement":[]})", "$.Version"},
      {R"({"Statement":[],"Extra":1})", "Extra is not an element"},
      {policy(R"({"Effect":"Maybe",)" + all + "}"), "must be Allow or Deny"},
      {policy(R"({"Effect":"Allow","Action":"*"})"), "one of Principal and NotPrincipal"},
      {policy(R"({"Effect":"Allow","Principal":"*"})"), "one of Action and NotAction"},
      {policy(R"({"Effect":"Allow","NotPrincipal":{"AWS":"*"},"Action":"*"})"), "statements that Deny"},
      {policy(R"({"Effect":"Allow","Principal":{"AWS":"alice"},"Action":"*"})"),
       "\"alice\" is not an account"},
      {policy(R"({"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/*"},"Action":"*"})"),
       "is not an account"},
      {policy(R"({"Effect":"Allow","Principal":{"Federated":"x"},"Action":"*"})"), "Principal.Federated"},
      {policy(R"({"Effect":"Allow","Principal":"*","Action":"s3:GetObject"})"), "not an action of ECR"},
      {policy(R"({"Effect":"Allow","Principal":"*","Action":[]})"), "must not be empty"},
      {policy(R"({"Effect":"Deny",)" + all + R"(,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}})"),
       "condition key aws:SourceIp is not supported"},
      {policy(R"({"Effect":"Deny",)" + all + R"(,"Condition":{"Null":{"aws:PrincipalArn":"true"}}})"),
       "condition operator Null is not supported"},
      {policy(R"({"Effect":"Deny",)" + all + R"(,"Actions":"x"})"), "Actions is not an element"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT(decision(bad.text, bob, "ecr:PutImage"), HasSubstr(bad.says)) << bad.text;
  }
}

}  // namespace
}  // namespace gantry::registry::test
