#include "tests/builder/build_fixture.h"

#include <fcntl.h>

namespace gantry {
namespace {

using testing::HasSubstr;

// How many steps were taken from the cache, and how many weren't.
struct Steps {
  int cached = 0;
  int done = 0;
};

Steps count(const std::string& errors) {
  Steps steps;
  std::string waiting;
  for (const auto& line : split(errors, '\n')) {
    if (line.ends_with(" CACHED")) ++steps.cached;
    const bool step = line.find(" RUN ") != std::string::npos || line.find(" COPY ") != std::string::npos ||
                      line.find(" WORKDIR ") != std::string::npos || line.find(" ADD ") != std::string::npos;
    if (step && line.find("] ") != std::string::npos) ++steps.done;
  }
  steps.done -= steps.cached;
  return steps;
}

class BuildCacheTest : public BuildTest {
 protected:
  void SetUp() override {
    BuildTest::SetUp();
    if (!sandbox_) return;
    ASSERT_EQ(gantry({"builder", "prune"}).status, 0);
  }
  Steps steps(const std::string& dockerfile, Words more = {}) const {
    const auto built = build(dockerfile, std::move(more));
    EXPECT_EQ(built.status, 0) << built.errors;
    return count(built.errors);
  }
  void expect(const std::string& dockerfile, int cached, int done, const Words& more = {}) const {
    const auto found = steps(dockerfile, more);
    EXPECT_EQ(found.cached, cached);
    EXPECT_EQ(found.done, done);
  }
};

const std::string dockerfile = R"(FROM busybox:1 AS a
RUN echo a > /a
FROM busybox:1
ARG V=1
WORKDIR /w
COPY f .
RUN echo $V > v
COPY --from=a /a .
)";

TEST_F(BuildCacheTest, TakesAllStepsFromTheCacheAndGivesTheSameImage) {
  put("f", "1");
  const std::string first = must_build(dockerfile);
  expect(dockerfile, 5, 0);
  EXPECT_EQ(must_build(dockerfile), first);
}

TEST_F(BuildCacheTest, IsKeyedOnContentNotOnTimes) {
  put("f", "1");
  expect(dockerfile, 0, 5);
  const timespec times[] = {{7, 0}, {7, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path("f").c_str(), times, 0), 0);
  put("not-copied", "x");
  expect(dockerfile, 5, 0);
  put("f", "2");
  expect(dockerfile, 2, 3);
  put("f", "1");
  expect(dockerfile, 5, 0);
  put("f", "1", 0755);
  expect(dockerfile, 2, 3);
}

TEST_F(BuildCacheTest, AStepDependsOnWhatItSeesOnly) {
  expect("FROM busybox:1\nLABEL a=1\nRUN echo x > /x\n", 0, 1);
  expect("FROM busybox:1\nLABEL a=2\nRUN echo x > /x\nCMD [\"x\"]\n", 1, 0);
  expect("FROM busybox:1\nENV A=1\nRUN echo x > /x\n", 0, 1);
  expect("FROM busybox:1\nUSER web\nRUN true\n", 0, 1);
  expect("FROM busybox:1\nRUN true\n", 0, 1);
}

TEST_F(BuildCacheTest, ArgumentsCountOnceTheyAreDeclared) {
  const std::string file = "FROM busybox:1\nRUN echo 1 > /1\nARG A\nRUN echo $A > /2\n";
  expect(file, 0, 2, {"--build-arg", "A=1"});
  expect(file, 1, 1, {"--build-arg", "A=2"});
  expect(file, 2, 0, {"--build-arg", "A=1"});
  expect(file, 2, 0, {"--build-arg", "A=1", "--build-arg", "HTTP_PROXY=http://127.0.0.1:1"});
}

TEST_F(BuildCacheTest, CanBeLeftAsideAndRemoved) {
  put("f", "1");
  expect(dockerfile, 0, 5);
  expect(dockerfile, 0, 5, {"--no-cache"});
  expect(dockerfile, 5, 0);
  const auto pruned = gantry({"builder", "prune"});
  EXPECT_EQ(pruned.status, 0) << pruned.errors;
  EXPECT_THAT(pruned.output, HasSubstr("Total reclaimed space: "));
  expect(dockerfile, 0, 5);
}

TEST_F(BuildCacheTest, SurvivesTheImageAndACollection) {
  put("f", "1");
  must_build(dockerfile);
  ASSERT_EQ(gantry({"rmi", "-f", "image:1"}).status, 0);
  ASSERT_EQ(gantry({"image", "prune"}).status, 0);
  expect(dockerfile, 5, 0);
}

TEST_F(BuildCacheTest, AStepWhoseLayerIsGoneIsDoneAgain) {
  const std::string file = "FROM busybox:1\nRUN echo a > /of-this-test-alone\n";
  expect(file, 0, 1);
  expect(file, 1, 0);
  const std::string layers = sandbox_->root() + "/images/layers";
  const Words names = list_directory(layers).value();
  for (const auto& name : names) {
    if (!path_exists(join_path(layers, name) + "/diff/of-this-test-alone")) continue;
    ASSERT_OK(remove_tree(join_path(layers, name)));
  }
  expect(file, 0, 1);
  expect(file, 1, 0);
  // The first image, which has lost a layer, would keep collections from going on.
  ASSERT_EQ(gantry({"image", "prune"}).status, 0);
}

TEST_F(BuildCacheTest, SourceDateEpochMakesTheSameImageAgain) {
  put("f", "1");
  const std::string file = R"(FROM busybox:1
WORKDIR /w
COPY f .
RUN echo a > /a && mkdir /d && echo b > /d/b && rm /data/from-image
ENV A=1
)";
  put("Dockerfile", file);
  const Words words = {"build", "--no-cache", "--network", "none", "-q", context_->path()};
  const auto first = gantry_with({"SOURCE_DATE_EPOCH=1700000000"}, words);
  ASSERT_EQ(first.status, 0) << first.errors;
  // Another second on the clock, and other times of the sources.
  const timespec times[] = {{1900000000, 0}, {1900000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path("f").c_str(), times, 0), 0);
  const auto second = gantry_with({"SOURCE_DATE_EPOCH=1700000000"}, words);
  EXPECT_EQ(second.output, first.output);
  EXPECT_NE(gantry_with({"SOURCE_DATE_EPOCH=1700000001"}, words).output, first.output);
  const auto argument = gantry({"build", "--no-cache", "--network", "none", "-q", "--build-arg",
                                "SOURCE_DATE_EPOCH=1700000000", context_->path()});
  EXPECT_EQ(argument.output, first.output);
  const std::string id(trim(first.output));
  EXPECT_EQ(inspect("{{.Created}}", id), "2023-11-14T22:13:20Z");
  EXPECT_EQ(run({"/bin/busybox", "stat", "-c", "%Y", "/d", "/a", "/w/f"}, id),
            "1700000000\n1700000000\n1700000000\n");
}

TEST_F(BuildCacheTest, RefusesAnEpochThatIsNone) {
  put("Dockerfile", "FROM busybox:1\n");
  const auto built = gantry_with({"SOURCE_DATE_EPOCH=soon"}, {"build", context_->path()});
  EXPECT_EQ(built.status, 1);
  EXPECT_THAT(built.errors, HasSubstr("SOURCE_DATE_EPOCH"));
}

}  // namespace
}  // namespace gantry
