#include "oci/manifest.h"

#include "oci/hasher.h"
#include "oci/image_config.h"
#include "tests/support/results.h"

namespace gantry::oci {
namespace {

using testing::HasSubstr;

const std::string digest = "sha256:" + std::string(64, 'b');

std::string entry(const std::string& platform, const std::string& more = "") {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":")" + digest + "\"" +
         (platform.empty() ? "" : R"(,"platform":)" + platform) + more + "}";
}

Result<Index> index_of(const std::string& entries) {
  return parse_index(R"({"schemaVersion":2,"manifests":[)" + entries + "]}", "index");
}

TEST(Manifest, ErrorsNameThePath) {
  const std::string text =
      R"({"schemaVersion":2,"config":{"mediaType":"x","size":1,"digest":"sha256:12"},"layers":[]})";
  EXPECT_ERROR(parse_manifest(text, "manifest"), ErrorKind::invalid,
               HasSubstr("manifest: $.config.digest: digest must"));
  const std::string negative =
      R"({"schemaVersion":2,"config":{"mediaType":"x","size":-1,"digest":")" + digest + R"("},"layers":[]})";
  EXPECT_ERROR(parse_manifest(negative, "manifest"), ErrorKind::invalid,
               HasSubstr("size must not be negative"));
}

TEST(Manifest, RefusesConfusionBetweenKinds) {
  struct {
    const char* text;
    const char* served;
    ErrorKind kind;
    const char* says;
  } const cases[] = {
      {R"({"schemaVersion":2,"layers":[],"manifests":[]})", "", ErrorKind::invalid, "members of both"},
      {R"({"schemaVersion":2,"config":{},"manifests":[]})", "", ErrorKind::invalid, "members of both"},
      {R"({"schemaVersion":2,"manifests":[]})", "application/vnd.oci.image.manifest.v1+json",
       ErrorKind::invalid, "must not have \"manifests\""},
      {R"({"schemaVersion":2,"layers":[]})", "application/vnd.oci.image.index.v1+json", ErrorKind::invalid,
       "must not have \"layers\""},
      {R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]})",
       "application/vnd.docker.distribution.manifest.v2+json", ErrorKind::invalid, "served as"},
      {R"({"schemaVersion":1,"fsLayers":[]})", "", ErrorKind::unsupported, "schema 1"},
      {R"({})", "application/vnd.docker.distribution.manifest.v1+prettyjws", ErrorKind::unsupported,
       "schema 1"},
      {R"({"mediaType":"text/x"})", "", ErrorKind::unsupported, "text/x"},
  };
  for (const auto& c : cases)
    EXPECT_ERROR(classify_document(c.text, c.served, "doc"), c.kind, HasSubstr(c.says));
  const auto kind = classify_document(R"({"manifests":[]})",
                                      "application/vnd.oci.image.index.v1+json; charset=utf-8", "doc");
  ASSERT_OK(kind);
  EXPECT_EQ(*kind, DocumentKind::index);
}

TEST(ChoosePlatform, PrefersTheExactVariantAndPassesOverAttestations) {
  const auto index =
      index_of(entry(R"({"os":"unknown","architecture":"unknown"})") + "," +
               entry(R"({"os":"linux","architecture":"arm","variant":"v5"})") + "," +
               entry(R"({"os":"linux","architecture":"arm","variant":"v6"})") + "," +
               entry(R"({"os":"linux","architecture":"amd64"})",
                     R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})") +
               "," + entry(R"({"os":"linux","architecture":"amd64","variant":"v2"})"));
  ASSERT_OK(index);
  const auto amd64 = choose_platform(*index, Platform{.architecture = "amd64", .os = "linux"}, "x");
  ASSERT_OK(amd64);
  EXPECT_EQ(amd64->platform->variant, "v2");
  const auto arm =
      choose_platform(*index, Platform{.architecture = "arm", .os = "linux", .variant = "v7"}, "x");
  ASSERT_OK(arm);
  EXPECT_EQ(arm->platform->variant, "v6");
  EXPECT_ERROR(
      choose_platform(*index, Platform{.architecture = "s390x", .os = "linux"}, "x"), ErrorKind::not_found,
      HasSubstr("no image for platform linux/s390x: it offers linux/arm/v5, linux/arm/v6, linux/amd64/v2"));
}

TEST(LayerCompression, RefusesForeignAndUnknownLayersByName) {
  Descriptor layer{.media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                   .digest = Digest::parse(digest).value(),
                   .urls = {"https://example.com/x"}};
  EXPECT_ERROR(layer_compression(layer), ErrorKind::unsupported, HasSubstr("https://example.com/x"));
  layer.media_type = "application/vnd.oci.image.layer.v1.tar+xz";
  EXPECT_ERROR(layer_compression(layer), ErrorKind::unsupported, HasSubstr("tar+xz"));
}

TEST(ImageConfig, KeepsDockersMembersBothWays) {
  const std::string text =
      R"({"created":"2026-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"User":"www",)"
      R"("ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":["/e"],"Cmd":["c"],"Volumes":{"/v":{}},)"
      R"("WorkingDir":"/w","Labels":{"a":"b"},"StopSignal":"SIGQUIT","Healthcheck":{"Test":["CMD-SHELL","x"],)"
      R"("Interval":1000000000,"Retries":3}},"rootfs":{"type":"layers","diff_ids":[")" +
      digest + R"("]},"history":[{"created":"2026-01-01T00:00:00Z","created_by":"x","empty_layer":true}]})";
  const auto config = parse_image_config(text, "config");
  ASSERT_OK(config);
  EXPECT_EQ(config->config.health_check->interval, std::chrono::seconds(1));
  EXPECT_EQ(to_json_text(*config), text);
}

TEST(ChainId, IsTheHashOfParentAndDiff) {
  const auto first = digest_of("one");
  const auto second = digest_of("two");
  EXPECT_EQ(chain_id({}, first), first);
  EXPECT_EQ(chain_id(first, second), digest_of(first.string() + " " + second.string()));
  EXPECT_EQ(digest_of("").string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace gantry::oci
