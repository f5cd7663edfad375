// Uploads of blobs, and what a push leaves behind.

#include "tests/registry/fixture.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <csignal>
#include <sys/resource.h>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

class Push : public RegistryTest {
 protected:
  Push() { create_repository("ns/app"); }
  std::string begin() {
    const auto begun = send("POST", "/v2/ns/app/blobs/uploads/");
    EXPECT_EQ(begun.status, 202) << begun.body;
    EXPECT_EQ(begun.headers.get("Range"), "0-0");
    EXPECT_FALSE(begun.headers.get("Docker-Upload-UUID").empty());
    return begun.headers.get("Location");
  }
};

TEST_F(Push, TakesABlobInChunks) {
  const auto upload = begin();
  auto chunk = send("PATCH", upload, "hello ", {{"Content-Range", "0-5"}});
  EXPECT_EQ(chunk.status, 202) << chunk.body;
  EXPECT_EQ(chunk.headers.get("Range"), "0-5");
  chunk = send("PATCH", upload, "wor", {{"Content-Range", "6-8"}});
  EXPECT_EQ(chunk.headers.get("Range"), "0-8");
  const auto status = get(upload);
  EXPECT_EQ(status.status, 204);
  EXPECT_EQ(status.headers.get("Range"), "0-8");
  const auto digest = digest_of("hello world");
  const auto done = send("PUT", upload + "?digest=" + digest, "ld");
  EXPECT_EQ(done.status, 201) << done.body;
  EXPECT_EQ(done.headers.get("Docker-Content-Digest"), digest);
  EXPECT_EQ(get(done.headers.get("Location")).body, "hello world");
  EXPECT_EQ(get(upload).status, 404);
}

TEST_F(Push, RefusesAChunkOutOfOrder) {
  const auto upload = begin();
  EXPECT_EQ(send("PATCH", upload, "abc", {{"Content-Range", "0-2"}}).status, 202);
  const auto refused = send("PATCH", upload, "x", {{"Content-Range", "5-5"}});
  EXPECT_EQ(refused.status, 416);
  EXPECT_EQ(refused.headers.get("Range"), "0-2");
  EXPECT_EQ(send("PATCH", upload, "def", {{"Content-Range", "3-5"}}).status, 202);
}

TEST_F(Push, GoesOnAfterARestart) {
  const auto upload = begin();
  EXPECT_EQ(send("PATCH", upload, "hello ").status, 202);
  restart();
  EXPECT_EQ(get(upload).headers.get("Range"), "0-5");
  EXPECT_EQ(send("PATCH", upload, "again").status, 202);
  EXPECT_EQ(send("PUT", upload + "?digest=" + digest_of("hello again")).status, 201);
}

TEST_F(Push, RefusesContentThatDoesNotMatchItsDigest) {
  const auto upload = begin();
  const auto refused = send("PUT", upload + "?digest=" + digest_of("other"), "content");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":"));
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest_of("content")).status, 404);
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest_of("other")).status, 404);
  EXPECT_EQ(send("PUT", begin() + "?digest=rubbish", "content").status, 400);
}

TEST_F(Push, TakesSha512) {
  const std::string digest =
      "sha512:"
      "ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c3"
      "04cc5"
      "fa9ad8e6f57f50028a8ff";  // of "test"
  EXPECT_EQ(send("PUT", begin() + "?digest=" + digest, "test").status, 201);
  EXPECT_EQ(send("POST", "/v2/ns/app/blobs/uploads/?digest=" + digest, "test").status, 201);
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest).body, "test");
}

TEST_F(Push, CanBeCancelled) {
  const auto upload = begin();
  EXPECT_EQ(send("PATCH", upload, "abc").status, 202);
  EXPECT_EQ(send("DELETE", upload).status, 204);
  EXPECT_EQ(get(upload).status, 404);
  EXPECT_EQ(send("PATCH", upload, "abc").status, 404);
  EXPECT_EQ(get("/v2/ns/app/blobs/uploads/..%2F..%2Frepository.json").status, 404);
}

TEST_F(Push, MountsABlobOfAnotherRepository) {
  create_repository("other");
  const auto digest = push_blob("other", "shared");
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest).status, 404);
  const auto mounted = send("POST", "/v2/ns/app/blobs/uploads/?from=other&mount=" + digest);
  EXPECT_EQ(mounted.status, 201) << mounted.body;
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest).body, "shared");
  EXPECT_EQ(send("POST", "/v2/ns/app/blobs/uploads/?from=other&mount=" + digest_of("none")).status, 202);
  EXPECT_EQ(send("POST", "/v2/ns/app/blobs/uploads/?from=nobody&mount=" + digest).status, 202);
}

TEST_F(Push, NeedsARepositoryThatWasMade) {
  const auto refused = send("POST", "/v2/ns/none/blobs/uploads/");
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.body, HasSubstr("\"NAME_UNKNOWN\",\"message\":\"repository ns/none does not exist\""));
  EXPECT_EQ(put_manifest("ns/none", "v1", image_manifest("ns/app", "x")).status, 404);
  EXPECT_EQ(send("POST", "/v2/Bad_Name/blobs/uploads/").status, 400);
  options_.create_on_push = true;
  restart();
  push_image("ns/none", "v1", "layer");
  EXPECT_THAT(call("DescribeRepositories", "{}"), HasSubstr("\"repositoryName\":\"ns/none\""));
}

TEST_F(Push, NeedsTheBlobsOfAManifest) {
  create_repository("other");
  const auto text = image_manifest("other", "layer");
  const auto refused = put_manifest("ns/app", "v1", text);
  EXPECT_EQ(refused.status, 404);
  EXPECT_THAT(refused.body, HasSubstr("MANIFEST_BLOB_UNKNOWN"));
  EXPECT_EQ(get("/v2/ns/app/manifests/v1").status, 404);
}

TEST_F(Push, RefusesManifestsThatAreNone) {
  const auto type = "application/vnd.oci.image.manifest.v1+json";
  for (const std::string text :
       {"", "{", "[]", R"({"schemaVersion":1})", R"({"schemaVersion":2,"layers":[],"manifests":[]})"}) {
    const auto refused = put_manifest("ns/app", "v1", text, type);
    EXPECT_EQ(refused.status, 400) << text;
    EXPECT_THAT(refused.body, HasSubstr("MANIFEST_INVALID")) << text;
  }
  const auto text = image_manifest("ns/app", "layer");
  EXPECT_THAT(put_manifest("ns/app", digest_of("other"), text).body, HasSubstr("DIGEST_INVALID"));
  EXPECT_THAT(put_manifest("ns/app", "-bad", text).body, HasSubstr("TAG_INVALID"));
  EXPECT_EQ(put_manifest("ns/app", "v1", std::string(5 << 20, ' ')).status, 413);
}

TEST_F(Push, TakesManifestsInChunksAndRefusesLongOnesInTheSpecsForm) {
  const http::Headers chunked = {{"Transfer-Encoding", "chunked"},
                                 {"Content-Type", "application/vnd.oci.image.manifest.v1+json"}};
  const auto text = image_manifest("ns/app", "layer");
  const auto taken = send("PUT", "/v2/ns/app/manifests/v1", text, chunked);
  EXPECT_EQ(taken.status, 201) << taken.body;
  const auto refused = send("PUT", "/v2/ns/app/manifests/v2", std::string(5 << 20, ' '), chunked);
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("{\"errors\":[{\"code\":\"SIZE_INVALID\""));
}

TEST_F(Push, ACancelledUploadLeavesNothing) {
  const auto upload = begin();
  EXPECT_EQ(send("PATCH", upload, "abc").status, 202);
  EXPECT_EQ(send("DELETE", upload).status, 204);
  EXPECT_EQ(send("DELETE", upload).status, 404);
  EXPECT_EQ(list_directory(join_path(options_.data, "store/ingest")).value(), std::vector<std::string>());
  EXPECT_EQ(list_directory(join_path(options_.data, "repositories/ns/app/_gantry/uploads")).value(),
            std::vector<std::string>());
}

TEST_F(Push, AStartRemovesWhatKilledWritesLeft) {
  const auto inside = join_path(options_.data, "repositories/ns/app/_gantry");
  push_image("ns/app", "v1", "layer");
  const std::vector<std::string> left = {inside + "/tags/v1.tag.0011.tmp",
                                         inside + "/manifests/sha256/abc.0011.tmp",
                                         inside + "/repository.json.0011.tmp", inside + "/uploads/gone"};
  ASSERT_OK(make_directories(inside + "/uploads"));
  for (const auto& path : left) ASSERT_OK(write_file(path, ""));
  restart();
  for (const auto& path : left) {
    EXPECT_TRUE(gantry::test::wait_until([&] { return !path_exists(path); })) << path;
  }
  EXPECT_EQ(get("/v2/ns/app/manifests/v1").status, 200);
}

TEST_F(Push, AnUploadWhoseWriteFailedSaysSoAndCanBeTakenAgain) {
  stop();
  auto content = images::ContentStore::open(join_path(options_.data, "store"));
  ASSERT_OK(content);
  auto repositories = RepositoryStore::open(join_path(options_.data, "repositories"));
  ASSERT_OK(repositories);
  Uploads uploads(*content, **repositories);
  auto session = uploads.begin("ns/app", oci::DigestAlgorithm::sha256);
  ASSERT_TRUE(bool(session));
  const auto id = (*session)->id();
  ASSERT_OK((*session)->write("begin"));
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto written = (*session)->write(std::string(1000, 'x'));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(bool(written));
  EXPECT_EQ((*session)->id(), id);
  EXPECT_EQ((*session)->size(), 5U);
  EXPECT_FALSE(bool((*session)->write("more")));
  const auto committed = (*session)->commit(oci::Digest::parse(digest_of("begin")).value());
  ASSERT_FALSE(bool(committed));
  EXPECT_THAT(committed.error().message, HasSubstr("an earlier write failed"));
  session->reset();
  const auto again = uploads.take("ns/app", id);
  ASSERT_TRUE(bool(again));
  EXPECT_EQ((*again)->size(), 100U) << "what the file holds";
}

TEST_F(Push, KeepsAnImageOverARestart) {
  const auto digest = push_image("ns/app", "v1", "layer");
  restart();
  const auto manifest = get("/v2/ns/app/manifests/v1");
  EXPECT_EQ(manifest.status, 200);
  EXPECT_EQ(digest_of(manifest.body), digest);
  EXPECT_EQ(get("/v2/ns/app/blobs/" + digest_of("layer")).body, "layer");
}

TEST_F(Push, SetsTagsOfAManifestPushedByDigest) {
  const auto text = image_manifest("ns/app", "layer");
  const auto pushed = put_manifest("ns/app", digest_of(text) + "?tag=a&tag=b", text);
  EXPECT_EQ(pushed.status, 201) << pushed.body;
  EXPECT_EQ(pushed.headers.all("OCI-Tag"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(get("/v2/ns/app/manifests/b").headers.get("Docker-Content-Digest"), digest_of(text));
}

}  // namespace
}  // namespace gantry::registry::test
