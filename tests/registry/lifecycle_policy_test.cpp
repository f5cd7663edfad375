#include "registry/lifecycle_policy.h"

#include "tests/support/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

// A rule with the members of its selection, and its action.
std::string rule(int priority, const std::string& selection,
                 const std::string& action = R"("type":"expire")") {
  return format(R"({{"rulePriority":{},"selection":{{{}}},"action":{{{}}}}})", priority, selection, action);
}

std::string lifecycle(const std::vector<std::string>& rules) {
  std::string text;
  for (const auto& one : rules) text += (text.empty() ? "" : ",") + one;
  return R"({"rules":[)" + text + "]}";
}

constexpr double day = 86400;
constexpr double today = 1'800'000'000;

LifecycleImage image(const std::string& name, double age, std::vector<std::string> tags = {}) {
  LifecycleImage made;
  made.digest = name;
  made.tags = std::move(tags);
  made.pushed_at = today - age * day;
  return made;
}

// "NAME:PRIORITY" of what is marked, in the order in which it is done; an archived one has "a" before it.
std::string marked(const std::vector<std::string>& rules, const std::vector<LifecycleImage>& images) {
  const auto parsed = parse_lifecycle_policy(lifecycle(rules));
  EXPECT_OK(parsed);
  if (!parsed) return parsed.error().message();
  std::string text;
  for (const auto& mark : evaluate(*parsed, images, from_epoch_seconds(today))) {
    if (!text.empty()) text += " ";
    if (mark.action == LifecycleRule::Action::archive) text += "a";
    text += format("{}:{}", images[mark.image].digest, mark.priority);
  }
  return text;
}

constexpr const char* untagged_after_5_days =
    R"("tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":5)";
constexpr const char* any_but_1 = R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":1)";

std::string tagged(const std::string& list, const std::string& count) {
  return R"("tagStatus":"tagged",)" + list + "," + count;
}
std::string but(int number) {
  return format(R"("countType":"imageCountMoreThan","countNumber":{})", number);
}
std::string after(const std::string& type, int days) {
  return format(R"("countType":"{}","countUnit":"days","countNumber":{})", type, days);
}

TEST(LifecycleEvaluation, KeepsTheYoungestImages) {
  EXPECT_EQ(marked({rule(1, any_but_1)}, {image("old", 3), image("new", 1), image("middle", 2)}),
            "old:1 middle:1");
  EXPECT_EQ(marked({rule(1, any_but_1)}, {image("only", 3000)}), "");
}

TEST(LifecycleEvaluation, CountsDaysSinceThePush) {
  EXPECT_EQ(marked({rule(1, untagged_after_5_days)},
                   {image("a", 4.9), image("b", 5.1), image("c", 9), image("tagged", 9, {"v1"})}),
            "c:1 b:1");
}

TEST(LifecycleEvaluation, CountsDaysSinceThePullOrTheRestoreOrThePush) {
  auto pulled = image("pulled", 20, {"a"});
  pulled.pulled_at = today - 2 * day;
  auto long_ago = image("long-ago", 20, {"b"});
  long_ago.pulled_at = today - 12 * day;
  auto restored = image("restored", 20, {"c"});
  restored.activated_at = today - day;
  EXPECT_EQ(marked({rule(1, R"("tagStatus":"any",)" + after("sinceImagePulled", 10))},
                   {pulled, long_ago, restored, image("never", 11), image("young", 9)}),
            "long-ago:1 never:1");
}

TEST(LifecycleEvaluation, WantsATagForEachPrefix) {
  const auto rules = {rule(1, tagged(R"("tagPrefixList":["prod","web"])", but(1)))};
  EXPECT_EQ(
      marked(rules, {image("both", 3, {"prod-1", "web-1"}), image("one", 4, {"prod-2"}),
                     image("none", 5, {"x"}), image("newer", 1, {"web-2", "prod-3"}), image("bare", 9)}),
      "both:1");
}

TEST(LifecycleEvaluation, WantsATagForEachPattern) {
  const auto rules = {rule(1, tagged(R"("tagPatternList":["*-rc*","v1*"])", after("sinceImagePushed", 1)))};
  EXPECT_EQ(marked(rules, {image("one", 3, {"v1-rc2"}), image("two", 3, {"v1", "x-rc"}),
                           image("no", 3, {"v1"}), image("other", 3, {"rc"})}),
            "one:1 two:1");
}

TEST(LifecycleEvaluation, AnImageIsOnlyEverItsFirstRules) {
  const std::vector<LifecycleImage> images = {image("a", 12, {"alpha-1"}), image("b", 9, {"beta-1"}),
                                              image("c", 8, {"alpha-2"})};
  EXPECT_EQ(marked({rule(1, tagged(R"("tagPrefixList":["alpha"])", but(1))), rule(2, any_but_1)}, images),
            "a:1 b:2");
  EXPECT_EQ(marked({rule(1, tagged(R"("tagPrefixList":["alpha"])", but(5))), rule(2, any_but_1)}, images),
            "b:2")
      << "images that an earlier rule selects and keeps are safe, but count";
  EXPECT_EQ(marked({rule(7, any_but_1), rule(2, tagged(R"("tagPrefixList":["alpha"])", but(1)))}, images),
            "a:2 b:7")
      << "by priority, not by place";
}

TEST(LifecycleEvaluation, SparesWhatAnIndexNames) {
  auto child = image("child", 9);
  child.in_index = true;
  EXPECT_EQ(marked({rule(1, untagged_after_5_days)}, {child, image("other", 9)}), "other:1");
}

TEST(LifecycleEvaluation, ArchivesAndExpiresFromTheArchive) {
  auto archived = image("archived", 400);
  archived.storage_class = StorageClass::archive;
  archived.archived_at = today - 100 * day;
  auto lately = archived;
  lately.digest = "lately";
  lately.archived_at = today - 20 * day;
  const auto transition = R"("type":"transition","targetStorageClass":"archive")";
  EXPECT_EQ(marked({rule(1, R"("tagStatus":"any",)" + after("sinceImagePulled", 30), transition),
                    rule(2, R"("tagStatus":"any","storageClass":"archive",)" +
                                after("sinceImageTransitioned", 90))},
                   {archived, lately, image("idle", 31), image("new", 2)}),
            "aidle:1 archived:2");
}

struct BadLifecycle {
  std::string text;
  std::string says;
};

TEST(LifecyclePolicies, AreRefusedInEcrsWords) {
  const auto prefix = tagged(R"("tagPrefixList":["a"])", but(1));
  const std::vector<BadLifecycle> cases = {
      {"", "Could not map policyString into LifecyclePolicy."},
      {"[]", "Could not map policyString into LifecyclePolicy."},
      {R"("text")", "Could not map policyString into LifecyclePolicy."},
      {"{}", "required member \"rules\" is missing"},
      {R"({"rules":{}})", "must be an array"},
      {R"({"rules":[]})", "array is too short"},
      {R"({"rules":[],"more":1})", R"(not allowed by the schema: ["more"])"},
      {lifecycle({rule(0, any_but_1)}), "minimum: 1, found: 0"},
      {lifecycle({rule(1, R"("tagStatus":"all","countType":"imageCountMoreThan","countNumber":1)")}),
       "$.rules[0].selection.tagStatus"},
      {lifecycle({rule(1, R"("tagStatus":"any","countType":"sinceBirth","countNumber":1)")}), "countType"},
      {lifecycle({rule(1, R"("tagStatus":"any","countType":"imageCountMoreThan")")}),
       R"(required member "countNumber" is missing)"},
      {lifecycle({rule(1, R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":"1")")}),
       "must be a whole number"},
      {lifecycle({rule(1, R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":0)")}),
       "minimum: 1, found: 0"},
      {lifecycle({rule(1, R"("tagStatus":"any","countUnit":"days",)" + but(1))}), "countUnit must not be"},
      {lifecycle({rule(1, R"("tagStatus":"any","countUnit":null,)" + but(1))}), "(null)"},
      {lifecycle({rule(1, R"("tagStatus":"any","countType":"sinceImagePushed","countNumber":1)")}),
       "countUnit must be \"days\""},
      {lifecycle({rule(
           1, R"("tagStatus":"any","countType":"sinceImagePushed","countUnit":"hours","countNumber":1)")}),
       "countUnit must be \"days\""},
      {lifecycle({rule(1, R"("tagStatus":"tagged",)" + but(1))}),
       "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."},
      {lifecycle({rule(1, R"("tagStatus":"tagged","tagPrefixList":["a"],"tagPatternList":["b"],)" + but(1))}),
       "only one of"},
      {lifecycle({rule(1, R"("tagStatus":"tagged","tagPrefixList":[],)" + but(1))}), "array is too short"},
      {lifecycle({rule(1, R"("tagStatus":"untagged","tagPrefixList":["a"],)" + but(1))}),
       "when tagStatus=TAGGED"},
      {lifecycle({rule(1, tagged(R"("tagPatternList":["*a*b*c*d*"])", but(1)))}), "at most 4 wildcards"},
      {lifecycle({rule(1, prefix), rule(1, any_but_1)}), "same rulePriority: 1"},
      {lifecycle({rule(1, any_but_1), rule(2, untagged_after_5_days)}),
       "Rule for tagStatus=ANY must have the lowest priority per storage class"},
      {lifecycle({rule(1, untagged_after_5_days), rule(2, untagged_after_5_days)}),
       "Only one rule can select Untagged images per storage class"},
      {lifecycle({rule(1, prefix), rule(2, prefix)}), "select the same tags"},
      {lifecycle({rule(1, any_but_1, R"("type":"delete")")}), "$.rules[0].action.type"},
      {lifecycle({rule(1, any_but_1, R"("type":"transition")")}), "targetStorageClass must be \"archive\""},
      {lifecycle({rule(1, any_but_1, R"("type":"expire","targetStorageClass":"archive")")}),
       "must not be specified"},
      {lifecycle({rule(1, R"("tagStatus":"any","storageClass":"archive",)" + but(1))}),
       "storageClass must be"},
      {lifecycle({rule(1, R"("tagStatus":"any",)" + after("sinceImageTransitioned", 90))}),
       "storageClass must be"},
      {lifecycle(
           {rule(1, R"("tagStatus":"any","storageClass":"archive",)" + after("sinceImageTransitioned", 9))}),
       "minimum: 90, found: 9"},
  };
  for (const auto& bad : cases) {
    const auto parsed = parse_lifecycle_policy(bad.text);
    ASSERT_FALSE(bool(parsed)) << bad.text;
    EXPECT_THAT(parsed.error().message(), HasSubstr(bad.says)) << bad.text;
  }
  EXPECT_FALSE(bool(parse_lifecycle_policy(lifecycle(std::vector<std::string>(51, rule(1, any_but_1))))));
}

TEST(LifecyclePolicies, MayHaveARuleForAnyPerStorageClass) {
  EXPECT_OK(parse_lifecycle_policy(lifecycle(
      {rule(1, R"("tagStatus":"any","storageClass":"archive",)" + after("sinceImageTransitioned", 90)),
       rule(2, untagged_after_5_days), rule(3, any_but_1)})));
}

}  // namespace
}  // namespace gantry::registry::test
