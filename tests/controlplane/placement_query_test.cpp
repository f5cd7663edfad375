#include "controlplane/placement_query.h"

#include "tests/support/results.h"

namespace gantry::controlplane {
namespace {

using ::testing::HasSubstr;

HostSnapshot sample_host() {
  HostSnapshot host;
  host.attributes = {{"ecs.instance-type", "t3.large"}, {"stack", "prod"}, {"rank", "9"}, {"odd", "a b"}};
  host.agent_version = "1.105.1";
  host.ec2_instance_id = "i-0abc";
  host.registered_at = 1529360908;  // 2018-06-18T22:28:28Z
  host.running_tasks = 4;
  host.tasks_by_group = {{"service:web", 2}, {"family:batch", 1}};
  return host;
}

struct QueryCase {
  const char* expression;
  bool matches;
};

TEST(PlacementQuery, AnswersForAHost) {
  const QueryCase cases[] = {
      {"attribute:stack == prod", true},
      {"attribute:stack equals prod", true},
      {"attribute:stack==prod", true},
      {"attribute:stack == 'prod'", true},
      {"attribute:stack != prod", false},
      {"attribute:stack not_equals test", true},
      {"attribute:odd == 'a b'", true},
      {"attribute:none == x", false},
      {"attribute:none != x", true},
      {"attribute:stack exists", true},
      {"attribute:none exists", false},
      {"attribute:none !exists", true},
      {"attribute:none not_exists", true},
      {"attribute:ecs.instance-type in [t3.small, t3.large]", true},
      {"attribute:ecs.instance-type in ['t3.small','m5.large']", false},
      {"attribute:ecs.instance-type !in [t3.small]", true},
      {"attribute:ecs.instance-type not_in [t3.large]", false},
      {"attribute:ecs.instance-type =~ t3.*", true},
      {"attribute:ecs.instance-type =~ t3", false},  // all of the value, as Java's matches()
      {"attribute:ecs.instance-type matches t[23]\\.(small|large)", true},
      {"attribute:ecs.instance-type !~ m5.*", true},
      {"attribute:ecs.instance-type not_matches t3.*", false},
      {"attribute:rank > 10", false},  // a number
      {"attribute:rank < 10", true},
      {"attribute:rank >= 9", true},
      {"attribute:rank less_than_equal 8", false},
      {"agentConnected == true", true},
      {"agentVersion >= 1.99.0", true},
      {"agentVersion < 1.105", false},
      {"ec2InstanceId in ['i-0abc', 'i-1']", true},
      {"registeredAt >= 2018-06-18T22:28:28+00:00", true},
      {"registeredAt > 2018-06-18T22:28:28Z", false},
      {"registeredAt greater_than 2018-06-18", true},
      {"registeredAt < 2018-06-18T22:28:29", true},
      {"runningTasksCount == 4", true},
      {"runningTasksCount > 10", false},
      {"task:group == service:web", true},
      {"task:group == service:db", false},
      {"task:group != service:web", false},
      {"task:group =~ family:.*", true},
      {"not(task:group == service:db)", true},
      {"!(attribute:stack == prod)", false},
      {"attribute:stack == test || attribute:stack == prod && attribute:rank == 9", true},
      {"(attribute:stack == test || attribute:stack == prod) && attribute:rank == 8", false},
      {"attribute:stack == prod and attribute:rank == 9 or attribute:none exists", true},
      {"! attribute:none exists && attribute:stack exists", true},
      {"attribute:stack==prod&&attribute:rank==9", true}};
  for (const auto& each : cases) {
    const auto query = PlacementQuery::parse(each.expression);
    ASSERT_OK(query);
    EXPECT_EQ(query->matches(sample_host()), each.matches) << each.expression;
  }
}

TEST(PlacementQuery, RefusesWhatDoesNotParse) {
  for (const char* expression : {"",
                                 " ",
                                 "attribute:",
                                 "attribute:a",
                                 "attribute:a ==",
                                 "attribute:a == b c",
                                 "attribute:a in b",
                                 "attribute:a in [b",
                                 "attribute:a in []",
                                 "(attribute:a exists",
                                 "attribute:a exists)",
                                 "stack == prod",
                                 "attribute:a == 'b",
                                 "attribute:a =~ (",
                                 "registeredAt > yesterday",
                                 "runningTasksCount > many",
                                 "agentConnected == yes",
                                 "attribute:a exists &&",
                                 "&& attribute:a exists",
                                 "attribute:a ~ b",
                                 "!"}) {
    EXPECT_ERROR(PlacementQuery::parse(expression), ErrorKind::invalid, HasSubstr("Invalid expression"));
  }
}

TEST(PlacementQuery, NestingHasALimit) {
  const std::string deep(100000, '(');
  EXPECT_ERROR(PlacementQuery::parse(deep + "attribute:a exists"), ErrorKind::invalid, HasSubstr("nesting"));
  EXPECT_ERROR(PlacementQuery::parse(std::string(100000, '!')), ErrorKind::invalid, HasSubstr("nesting"));
}

TEST(PlacementQuery, ARunawayPatternIsNoMatchAndEnds) {
  const auto query = PlacementQuery::parse("attribute:long =~ (a+)+b");
  ASSERT_OK(query);
  HostSnapshot host;
  host.attributes["long"] = std::string(200, 'a') + "c";
  EXPECT_FALSE(query->matches(host));
}

}  // namespace
}  // namespace gantry::controlplane
