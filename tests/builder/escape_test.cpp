#include "tests/builder/build_fixture.h"

// Builds that try to reach the host. What each is named after is in CVE lists of builders.
// Checked: without RESOLVE_IN_ROOT in open_in_root all but ADestinationStaysInTheRoot were seen to fail, some
// already at a step before the one that matters; that one hadn't looked whether its base is built, and does
// now.

namespace gantry {
namespace {

using testing::HasSubstr;
using testing::Not;

class BuildEscapeTest : public BuildTest {
 protected:
  void SetUp() override {
    BuildTest::SetUp();
    if (!sandbox_) return;
    ASSERT_OK(make_directories(host("folder"), 0755));
    ASSERT_OK(write_file(host("secret"), "of the host", 0644));
  }
  // A path of the host, outside of the context.
  std::string host(const std::string& name) const { return sandbox_->folder() + "/host/" + name; }
  void expect_host_untouched() const {
    EXPECT_EQ(list_directory(host("")).value(), (Words{"folder", "secret"}));
    EXPECT_EQ(list_directory(host("folder")).value(), Words());
    EXPECT_EQ(read_file(host("secret")).value(), "of the host");
  }
};

TEST_F(BuildEscapeTest, ALinkInTheContextLeadsNowhereOutside) {
  ASSERT_EQ(symlink(host("secret").c_str(), path("away").c_str()), 0);
  ASSERT_EQ(symlink("/", path("root").c_str()), 0);
  EXPECT_THAT(build("FROM busybox:1\nCOPY away /x\n").errors, HasSubstr("away: not found"));
  EXPECT_THAT(build("FROM busybox:1\nCOPY root" + host("secret") + " /x\n").errors, HasSubstr("not found"));
  EXPECT_THAT(build("FROM busybox:1\nCOPY ../../../../../.." + host("secret") + " /x\n").errors,
              HasSubstr("not found"));
  EXPECT_THAT(build("FROM busybox:1\nADD away /x\n").errors, HasSubstr("away: not found"));
  EXPECT_THAT(build("FROM busybox:1\nRUN --mount=source=away,target=/x cat /x\n").errors,
              HasSubstr("not found"));
}

TEST_F(BuildEscapeTest, TheDockerfileIsReadInsideOfTheContext) {
  ASSERT_EQ(symlink(host("secret").c_str(), path("Dockerfile").c_str()), 0);
  EXPECT_THAT(gantry({"build", context_->path()}).errors,
              HasSubstr("Dockerfile: there is none in the context"));
}

// moby CVE-2018-15664, buildah CVE-2020-10696.
TEST_F(BuildEscapeTest, ALinkInAStageLeadsNowhereOutside) {
  const std::string stage =
      "FROM busybox:1 AS s\nRUN ln -s " + host("secret") + " /away && ln -s /../../.. /up\n";
  EXPECT_THAT(build(stage + "FROM busybox:1\nCOPY --from=s /away /x\n").errors, HasSubstr("away: not found"));
  EXPECT_THAT(build(stage + "FROM busybox:1\nCOPY --from=s /up" + host("secret") + " /x\n").errors,
              HasSubstr("not found"));
  put("a", "a");
  must_build(stage + "FROM s\nCOPY a /up/a\nRUN cat /a\n");
  expect_host_untouched();
}

TEST_F(BuildEscapeTest, ADestinationStaysInTheRoot) {
  put("a", "a");
  put("d/a", "a");
  const std::string base = "FROM busybox:1\nRUN ln -s " + host("folder") + " /away && ln -s " +
                           host("secret") + " /file && ln -s ../../../../../../.." + host("folder") +
                           " /dots\n";
  must_build(base);
  for (const char* copy :
       {"COPY a /away/", "COPY a /dots/a", "COPY d /away", "COPY a /file", "ADD a /away/b/c",
        "COPY --chown=1:1 d/ /dots/x/", "WORKDIR /away/w", "COPY <<E /away/e\nE"}) {
    const auto built = build(base + copy + "\n");
    EXPECT_THAT(built.errors, Not(HasSubstr("of the host")));
    expect_host_untouched();
  }
}

// umoci CVE-2021-29136, docker CVE-2014-9357.
TEST_F(BuildEscapeTest, AnArchiveStaysInItsFolder) {
  put("in/"
      "x",
      "out");
  const auto pack = [&](const std::string& transform) {
    ASSERT_OK(check_command({{"tar", "-cPf", path("a.tar"), "-C", path("in"), transform, "x"}}));
  };
  pack("--transform=s,^,../../../../../../../.." + host("") + ",");
  must_build("FROM busybox:1\nADD a.tar /\n");
  pack("--transform=s,^," + host("folder/") + ",");
  must_build("FROM busybox:1\nADD a.tar /\n");
  expect_host_untouched();
  ASSERT_EQ(symlink(host("folder").c_str(), path("in/link").c_str()), 0);
  ASSERT_OK(check_command({{"tar", "-cf", path("a.tar"), "-C", path("in"), "link"}}));
  ASSERT_OK(check_command({{"tar", "-rPf", path("a.tar"), "-C", path("in"), "--transform=s,^,link/,", "x"}}));
  (void)build("FROM busybox:1\nADD a.tar /\n");
  expect_host_untouched();
  ASSERT_OK(remove_file(path("Dockerfile")));
  const auto tar = read_file(path("a.tar"));
  (void)gantry({"build", "-"}, tar.value());
  expect_host_untouched();
}

// buildah CVE-2024-9407 and CVE-2024-11218.
TEST_F(BuildEscapeTest, AMountsSourceStaysInItsRoot) {
  const std::string stage = "FROM busybox:1 AS s\nRUN ln -s / /up && ln -s " + host("") + " /away\n";
  for (const char* mount : {"from=s,source=/away,target=/m,rw", "from=s,source=/up/../../../..,target=/m,rw",
                            "from=s,source=../../../../..,target=/m,rw"}) {
    const auto built = build(stage + "FROM busybox:1\nRUN --mount=" + mount + " cat /m/secret /m" +
                                 host("secret") + "; touch /m/new\n",
                             {"--no-cache"});
    EXPECT_THAT(built.errors, Not(HasSubstr("of the host"))) << mount;
    expect_host_untouched();
  }
}

// containers/storage CVE-2024-9676's kind, buildah CVE-2024-9675: the name of a cache is no path.
TEST_F(BuildEscapeTest, ACachesNameIsNoPath) {
  const auto built = build("FROM busybox:1\nRUN --mount=type=cache,target=/m,id=../../../../../../../../.." +
                           host("folder") + " touch /m/new && ls / > /dev/null\n");
  EXPECT_EQ(built.status, 0) << built.errors;
  expect_host_untouched();
}

TEST_F(BuildEscapeTest, AMountsTargetStaysInTheRoot) {
  must_build("FROM busybox:1\nRUN ln -s " + host("folder") +
             " /away\nRUN --mount=type=tmpfs,target=/away/t touch /away/t/x\nRUN "
             "--mount=type=tmpfs,target=/../../t ls /t\n");
  expect_host_untouched();
}

}  // namespace
}  // namespace gantry
