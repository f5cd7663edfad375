#include "tests/builder/build_fixture.h"

// save, load, history, commit, diff.

namespace gantry {
namespace {

using testing::HasSubstr;

class ArchiveTest : public BuildTest {
 protected:
  void TearDown() override {
    if (!sandbox_) return;
    for (const auto& id : split(gantry({"ps", "-aq"}).output, '\n')) {
      if (!id.empty()) gantry({"rm", "-f", "-v", id});
    }
    EXPECT_TRUE(
        test::wait_until([] { return list_directory(sandbox_->root() + "/containers").value().empty(); }));
  }
  static std::string container(const std::string& script) {
    const auto done = gantry({"create", "--network", "none", "busybox:1", "sh", "-c", script});
    EXPECT_EQ(done.status, 0) << done.errors;
    const std::string id(trim(done.output));
    const auto ran = gantry({"start", "-a", id});
    EXPECT_EQ(ran.status, 0) << ran.errors;
    return id;
  }
};

TEST_F(ArchiveTest, LoadsWhatWasSavedWithTheSameIdAndTags) {
  const std::string id =
      must_build("FROM busybox:1\nRUN echo saved > /x && rm /data/from-image\nCMD [\"cat\", \"/x\"]\n");
  ASSERT_EQ(gantry({"tag", "image:1", "image:2"}).status, 0);
  const auto saved = gantry({"save", "-o", path("a.tar"), "image:1", "image:2", "busybox:1"});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  ASSERT_EQ(gantry({"builder", "prune"}).status, 0);
  ASSERT_EQ(gantry({"rmi", "-f", id}).status, 0);
  const auto loaded = gantry({"load", "-i", path("a.tar")});
  ASSERT_EQ(loaded.status, 0) << loaded.errors;
  EXPECT_EQ(loaded.output, "Loaded image: image:1\nLoaded image: image:2\nLoaded image: busybox:1\n");
  EXPECT_EQ(inspect("{{.Id}}"), id);
  EXPECT_EQ(run({}), "saved\n");
  EXPECT_EQ(run({"ls", "/data"}, "image:2"), "");
}

TEST_F(ArchiveTest, LoadsAnArchiveThatIsCompressedFromStdin) {
  must_build("FROM busybox:1\nLABEL a=b\n");
  const auto saved = gantry({"save", "-o", path("a.tar"), "image:1"});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  ASSERT_OK(check_command({{"gzip", path("a.tar")}}));
  const auto loaded = gantry({"load"}, read_file(path("a.tar.gz")).value());
  EXPECT_EQ(loaded.output, "Loaded image: image:1\n") << loaded.errors;
}

TEST_F(ArchiveTest, RefusesAnArchiveThatWasChanged) {
  must_build("FROM busybox:1\nRUN echo saved > /x\n");
  ASSERT_EQ(gantry({"save", "-o", path("a.tar"), "image:1"}).status, 0);
  ASSERT_OK(make_directories(path("u")));
  ASSERT_OK(check_command({{"tar", "-xf", path("a.tar"), "-C", path("u")}}));
  const std::string config = inspect("{{.Id}}").substr(7);
  ASSERT_OK(write_file(path("u/blobs/sha256/" + config), "{}"));
  ASSERT_OK(check_command({{"tar", "-cf", path("b.tar"), "-C", path("u"), "."}}));
  EXPECT_THAT(gantry({"load", "-i", path("b.tar")}).errors, HasSubstr("its content has another digest"));
  ASSERT_OK(remove_file(path("u/index.json")));
  ASSERT_OK(remove_file(path("u/manifest.json")));
  ASSERT_OK(check_command({{"tar", "-cf", path("b.tar"), "-C", path("u"), "."}}));
  EXPECT_THAT(gantry({"load", "-i", path("b.tar")}).errors,
              HasSubstr("neither manifest.json nor an OCI layout"));
  EXPECT_THAT(gantry({"load"}, "no archive").errors, HasSubstr("gantry: "));
}

TEST_F(ArchiveTest, AnArchivesPathsStayInIt) {
  ASSERT_OK(make_directories(path("u")));
  ASSERT_OK(write_file(path("u/manifest.json"),
                       R"([{"Config":"../../../../../../etc/passwd","RepoTags":[],"Layers":[]}])"));
  ASSERT_OK(check_command({{"tar", "-cf", path("b.tar"), "-C", path("u"), "."}}));
  EXPECT_THAT(gantry({"load", "-i", path("b.tar")}).errors, HasSubstr("etc/passwd: No such file"));
  ASSERT_EQ(symlink("/etc/passwd", path("u/config").c_str()), 0);
  ASSERT_OK(write_file(path("u/manifest.json"), R"([{"Config":"config","RepoTags":[],"Layers":[]}])"));
  ASSERT_OK(check_command({{"tar", "-cf", path("b.tar"), "-C", path("u"), "."}}));
  EXPECT_THAT(gantry({"load", "-i", path("b.tar")}).errors, HasSubstr("config: No such file"));
}

TEST_F(ArchiveTest, TellsAnImagesHistory) {
  must_build("FROM busybox:1\nRUN echo 12345 > /x\nENV A=1\n");
  const auto told = gantry({"history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Size}}", "image:1"});
  EXPECT_THAT(told.output, HasSubstr("ENV A=1|0B\nRUN /bin/sh -c echo 12345 > /x|6B\ngantry import|"));
  const auto table = gantry({"history", "image:1"});
  EXPECT_THAT(table.output, HasSubstr("IMAGE "));
  EXPECT_THAT(table.output, HasSubstr("<missing>"));
}

TEST_F(ArchiveTest, ListsWhatAContainerChanged) {
  const std::string id = container(
      "echo a > /new; mkdir -p /d/e; echo b >> /etc/passwd; rm /data/from-image; "
      "rm -r /tmp; mkdir /tmp; touch /tmp/t");
  EXPECT_EQ(gantry({"diff", id}).output,
            "A /d\nA /d/e\nC /data\nD /data/from-image\nC /etc\nC /etc/passwd\nA /new\nC /tmp\nA /tmp/t\n");
  EXPECT_THAT(gantry({"diff", "nobody"}).errors, HasSubstr("no such container: nobody"));
}

TEST_F(ArchiveTest, CommitsFilesAndSettings) {
  const auto made = gantry({"create", "--network", "none", "-e", "A=1", "-w", "/tmp", "--user", "0:0",
                            "busybox:1", "sh", "-c", "echo committed > /x; rm /data/from-image"});
  const std::string id(trim(made.output));
  ASSERT_EQ(gantry({"start", "-a", id}).status, 0);
  const auto done =
      gantry({"commit", "-m", "why", "-a", "me", "--change", "CMD [\"cat\", \"/x\"]", id, "image:1"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(run({}), "committed\n");
  EXPECT_EQ(shell("echo $A; pwd; ls /data"), "1\n/tmp\n");
  EXPECT_THAT(gantry({"history", "--format", "{{.Comment}}", "image:1"}).output, HasSubstr("why\n"));
  must_build("FROM image:1 AS c\nFROM busybox:1\nCOPY --from=c /etc /committed\n");
  EXPECT_EQ(shell("cd /committed && ls"), "group\nnot-a-program\npasswd\n");
}

TEST_F(ArchiveTest, CommitsARunningContainer) {
  const auto made =
      gantry({"run", "-d", "--network", "none", "busybox:1", "sh", "-c", "echo up > /x; sleep 1000"});
  const std::string id(trim(made.output));
  ASSERT_TRUE(test::wait_until([&] { return gantry({"exec", id, "cat", "/x"}).output == "up\n"; }));
  const auto done = gantry({"commit", id, "image:1"});
  ASSERT_EQ(done.status, 0) << done.errors;
  EXPECT_EQ(run({"cat", "/x"}), "up\n");
  EXPECT_EQ(gantry({"exec", id, "echo", "on"}).output, "on\n");
}

}  // namespace
}  // namespace gantry
