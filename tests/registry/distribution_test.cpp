// Reading, listing and deleting.

#include "base/text.h"
#include "tests/registry/fixture.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Distribution : public RegistryTest {
 protected:
  Distribution() { create_repository("app"); }
};

TEST_F(Distribution, AsksForAPasswordAndSaysWhatIsWrongWithIt) {
  const auto anonymous = client_.send({.url = url("/v2/")});
  ASSERT_OK(anonymous);
  EXPECT_EQ(anonymous->status, 401);
  EXPECT_THAT(anonymous->headers.get("WWW-Authenticate"), HasSubstr("Basic realm="));
  EXPECT_EQ(anonymous->headers.get("Docker-Distribution-API-Version"), "registry/2.0");
  const auto with = [&](const std::string& pair) {
    return get("/v2/", {{"Authorization", "Basic " + base64_encode(pair)}});
  };
  EXPECT_EQ(with("AWS:" + token_).status, 200);
  EXPECT_EQ(with("AWS:" + token_ + "0").status, 401);
  EXPECT_THAT(with("AWS:wrong").body, HasSubstr("authorization token is not valid"));
  EXPECT_THAT(with("root:" + token_).body, HasSubstr("the user must be AWS"));
  clock_.advance(std::chrono::hours(12) + std::chrono::seconds(1));
  const auto expired = with("AWS:" + token_);
  EXPECT_EQ(expired.status, 401);
  EXPECT_THAT(expired.body, HasSubstr("authorization token has expired"));
}

TEST_F(Distribution, RefusesAnUploadByAStrangerBeforeItsBody) {
  const auto refused = client_.send(
      {.method = "POST", .url = url("/v2/app/blobs/uploads/?digest=" + digest_of("x")), .body = "x"});
  ASSERT_OK(refused);
  EXPECT_EQ(refused->status, 401);
}

TEST_F(Distribution, ServesPartsOfABlob) {
  const auto digest = push_blob("app", "0123456789");
  const auto path = "/v2/app/blobs/" + digest;
  const auto whole = send("HEAD", path);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.headers.get("Content-Length"), "10");
  EXPECT_EQ(whole.headers.get("Docker-Content-Digest"), digest);
  struct Case {
    const char* range;
    int status;
    const char* body;
    const char* content_range;
  };
  for (const auto& one :
       {Case{"bytes=2-4", 206, "234", "bytes 2-4/10"}, Case{"bytes=7-", 206, "789", "bytes 7-9/10"},
        Case{"bytes=-2", 206, "89", "bytes 8-9/10"}, Case{"bytes=8-99", 206, "89", "bytes 8-9/10"},
        Case{"bytes=10-", 416, "", "bytes */10"}, Case{"bytes=4-2", 200, "0123456789", ""}}) {
    const auto part = get(path, {{"Range", one.range}});
    EXPECT_EQ(part.status, one.status) << one.range;
    EXPECT_EQ(part.body, one.body) << one.range;
    EXPECT_EQ(part.headers.get("Content-Range"), one.content_range) << one.range;
  }
}

TEST_F(Distribution, ServesManifestsAsTheyWerePushed) {
  const auto text = image_manifest("app", "layer");
  ASSERT_EQ(put_manifest("app", "v1", text).status, 201);
  for (const auto& reference : {std::string("v1"), digest_of(text)}) {
    const auto manifest = get("/v2/app/manifests/" + reference);
    EXPECT_EQ(manifest.body, text);
    EXPECT_EQ(manifest.headers.get("Content-Type"), "application/vnd.oci.image.manifest.v1+json");
    EXPECT_EQ(send("HEAD", "/v2/app/manifests/" + reference).headers.get("Content-Length"),
              format("{}", text.size()));
  }
  EXPECT_THAT(get("/v2/app/manifests/v2").body, HasSubstr("MANIFEST_UNKNOWN"));
}

TEST_F(Distribution, ListsTagsInPages) {
  for (const auto* tag : {"c", "a", "b"}) push_image("app", tag, "layer");
  EXPECT_EQ(get("/v2/app/tags/list").body, R"({"name":"app","tags":["a","b","c"]})");
  const auto first = get("/v2/app/tags/list?n=2");
  EXPECT_EQ(first.body, R"({"name":"app","tags":["a","b"]})");
  EXPECT_EQ(first.headers.get("Link"), "</v2/app/tags/list?n=2&last=b>; rel=\"next\"");
  const auto second = get("/v2/app/tags/list?n=2&last=b");
  EXPECT_EQ(second.body, R"({"name":"app","tags":["c"]})");
  EXPECT_FALSE(second.headers.has("Link"));
  EXPECT_EQ(get("/v2/app/tags/list?n=0").body, R"({"name":"app","tags":[]})");
  EXPECT_EQ(get("/v2/none/tags/list").status, 404);
  create_repository("app/below");
  EXPECT_EQ(get("/v2/_catalog?n=1").body, R"({"repositories":["app"]})");
  EXPECT_EQ(get("/v2/_catalog?last=app").body, R"({"repositories":["app/below"]})");
}

TEST_F(Distribution, ListsReferrers) {
  const auto subject_text = image_manifest("app", "layer");
  const auto subject = digest_of(subject_text);
  const auto referrer = [&](const std::string& type) {
    return image_manifest(
        "app", "signature of " + type,
        format(
            R"(,"artifactType":"{}","annotations":{{"who":"us"}},"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}}})",
            type, subject, subject_text.size()));
  };
  const auto one = referrer("application/one");
  const auto two = referrer("application/two");
  const auto pushed = put_manifest("app", digest_of(one), one);  // before its subject
  EXPECT_EQ(pushed.headers.get("OCI-Subject"), subject);
  EXPECT_EQ(put_manifest("app", digest_of(two), two).status, 201);
  const auto all = get("/v2/app/referrers/" + subject);
  EXPECT_EQ(all.headers.get("Content-Type"), "application/vnd.oci.image.index.v1+json");
  EXPECT_THAT(all.body, HasSubstr("\"artifactType\":\"application/one\",\"annotations\":{\"who\":\"us\"}"));
  EXPECT_THAT(all.body, HasSubstr(digest_of(two)));
  const auto some = get("/v2/app/referrers/" + subject + "?artifactType=application%2Ftwo");
  EXPECT_EQ(some.headers.get("OCI-Filters-Applied"), "artifactType");
  EXPECT_THAT(some.body, Not(HasSubstr("application/one")));
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest_of(two)).status, 202);
  EXPECT_THAT(get("/v2/app/referrers/" + subject).body, Not(HasSubstr(digest_of(two))));
  EXPECT_THAT(get("/v2/none/referrers/" + digest_of("x")).body, HasSubstr("\"manifests\":[]"));
  EXPECT_EQ(get("/v2/app/referrers/rubbish").status, 400);
}

TEST_F(Distribution, AcceptsAnIndexOnlyWithItsImages) {
  const auto text = image_manifest("app", "layer");
  const auto index = format(
      R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"platform":{{"architecture":"amd64","os":"linux"}}}}]}})",
      digest_of(text), text.size());
  const auto type = "application/vnd.oci.image.index.v1+json";
  EXPECT_THAT(put_manifest("app", "multi", index, type).body, HasSubstr("MANIFEST_BLOB_UNKNOWN"));
  EXPECT_EQ(put_manifest("app", digest_of(text), text).status, 201);
  EXPECT_EQ(put_manifest("app", "multi", index, type).status, 201);
  EXPECT_EQ(get("/v2/app/manifests/multi").headers.get("Content-Type"), type);
}

TEST_F(Distribution, Deletes) {
  const auto digest = push_image("app", "v1", "layer");
  ASSERT_EQ(put_manifest("app", "also", get("/v2/app/manifests/v1").body).status, 201);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/v1").status, 202);
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 404);
  EXPECT_EQ(get("/v2/app/manifests/also").status, 200);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest).status, 202);
  EXPECT_EQ(get("/v2/app/manifests/also").status, 404);
  EXPECT_EQ(send("DELETE", "/v2/app/manifests/" + digest).status, 404);
  const auto blob = "/v2/app/blobs/" + digest_of("layer");
  EXPECT_EQ(send("DELETE", blob).status, 202);
  EXPECT_EQ(get(blob).status, 404);
  EXPECT_EQ(send("DELETE", blob).status, 404);
}

TEST_F(Distribution, AnswersNonsenseInTheSpecsForm) {
  EXPECT_EQ(send("DELETE", "/v2/").status, 405);
  EXPECT_EQ(send("POST", "/v2/app/tags/list").status, 405);
  for (const auto* path :
       {"/v2/app", "/v2/app/what/ever", "/v2/..%2F..%2Fx/tags/list", "/v2/app/manifests/..%2F..%2Fy"}) {
    const auto response = get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_THAT(response.body, HasSubstr("{\"errors\":[{")) << path;
  }
  EXPECT_EQ(get("/v2/app/blobs/sha256:short").status, 400);
}

// A blob and its link, as if pushed years ago.
void make_old(const std::string& data, const std::string& repository, const std::string& blob) {
  for (const auto& path :
       {join_path(data, "store/blobs/sha256/" + blob.substr(7)),
        format("{}/repositories/{}/_gantry/blobs/sha256/{}", data, repository, blob.substr(7))}) {
    const timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0) << path;
  }
}

TEST_F(Distribution, KeepsAllBlobsOfARepositoryWhoseManifestsCantBeRead) {
  const auto digest = push_image("app", "v1", "kept layer");
  create_repository("other");
  const auto lost = push_blob("other", "lost layer");
  const auto record =
      join_path(options_.data, "repositories/app/_gantry/manifests/sha256/" + digest.substr(7));
  const auto good = read_file(record);
  ASSERT_OK(good);
  ASSERT_OK(write_file(record, "{"));
  make_old(options_.data, "app", digest_of("kept layer"));
  make_old(options_.data, "app", digest_of("{}"));
  make_old(options_.data, "other", lost);
  restart();  // house is kept at the start
  ASSERT_TRUE(gantry::test::wait_until([&] {
    return !path_exists(join_path(options_.data, "store/blobs/sha256/" + lost.substr(7)));
  })) << "no collection ran";
  EXPECT_EQ(get("/v2/app/blobs/" + digest_of("kept layer")).body, "kept layer");
  ASSERT_OK(write_file(record, *good));
  EXPECT_EQ(get("/v2/app/manifests/v1").status, 200);
  EXPECT_EQ(get("/v2/app/blobs/" + digest_of("{}")).body, "{}");
}

TEST_F(Distribution, RemovesBlobsThatNothingNeedsAfterADay) {
  const auto digest = push_image("app", "v1", "kept layer");
  const auto lost = push_blob("app", "lost layer");
  make_old(options_.data, "app", lost);
  make_old(options_.data, "app", digest_of("kept layer"));
  restart();  // house is kept at the start
  EXPECT_TRUE(gantry::test::wait_until([&] {
    return !path_exists(join_path(options_.data, "repositories/app/_gantry/blobs/sha256/" + lost.substr(7)));
  }));
  EXPECT_TRUE(gantry::test::wait_until(
      [&] { return !path_exists(join_path(options_.data, "store/blobs/sha256/" + lost.substr(7))); }));
  EXPECT_EQ(get("/v2/app/blobs/" + digest_of("kept layer")).body, "kept layer");
  EXPECT_EQ(get("/v2/app/manifests/" + digest).status, 200);
}

TEST_F(Distribution, IsReadyAsLongAsItsDataCanBeWritten) {
  const auto status = [&](const char* target) {
    const auto response = client_.send({.url = url(target)});
    return response ? response->status : 0;
  };
  EXPECT_EQ(status("/health/ready"), 200);
  const auto leases = join_path(options_.data, "store/leases");
  const auto away = leases + ".away";
  ASSERT_EQ(rename(leases.c_str(), away.c_str()), 0);
  EXPECT_EQ(status("/health/ready"), 503);
  EXPECT_EQ(status("/health/live"), 200);
  EXPECT_EQ(status("/health"), 200);
  ASSERT_EQ(rename(away.c_str(), leases.c_str()), 0);
  EXPECT_EQ(status("/health/ready"), 200);
  EXPECT_EQ(status("/health/other"), 404);
}

}  // namespace
}  // namespace gantry::registry::test
