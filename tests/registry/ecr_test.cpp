#include "tests/registry/fixture.h"
#include "tests/support/results.h"

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Ecr : public RegistryTest {
 protected:
  Ecr() { create_repository("ns1/web"); }
};

constexpr const char* in_web = R"({"repositoryName":"ns1/web"})";

TEST_F(Ecr, DescribesRepositories) {
  create_repository("aa");
  const auto all = call("DescribeRepositories", "{}");
  EXPECT_THAT(all, HasSubstr(format("\"repositoryUri\":\"{}/ns1/web\"", host())));
  EXPECT_THAT(all, HasSubstr("\"imageTagMutability\":\"MUTABLE\""));
  EXPECT_THAT(call("DescribeRepositories", R"({"maxResults":1})"), HasSubstr("\"nextToken\":\"MQ==\""));
  EXPECT_THAT(call("DescribeRepositories", R"({"nextToken":"MQ=="})"), Not(HasSubstr("repository/aa\"")));
  EXPECT_EQ(
      call("DescribeRepositories", R"({"repositoryNames":["none"]})"),
      "RepositoryNotFoundException: The repository with name 'none' does not exist in the registry with id "
      "'123456789012'");
  EXPECT_EQ(call("CreateRepository", in_web),
            "RepositoryAlreadyExistsException: The repository with name 'ns1/web' already exists in the "
            "registry with "
            "id '123456789012'");
  for (const auto* bad : {"A", "a", "-aa", "aa/", "a..b", "a//b"}) {
    EXPECT_THAT(
        call("CreateRepository", format(R"({{"repositoryName":"{}"}})", bad)),
        HasSubstr(bad == std::string("a") ? "InvalidParameterException" : "InvalidParameterException"))
        << bad;
  }
  EXPECT_THAT(call("DescribeRepositories", R"({"registryId":"000000000000"})"),
              HasSubstr("InvalidParameterException"));
}

TEST_F(Ecr, DeletesRepositories) {
  push_image("ns1/web", "v1", "layer");
  EXPECT_EQ(call("DeleteRepository", in_web),
            "RepositoryNotEmptyException: The repository with name 'ns1/web' in registry with id "
            "'123456789012' cannot "
            "be deleted because it still contains images");
  create_repository("ns1");
  EXPECT_THAT(call("DeleteRepository", R"({"repositoryName":"ns1/web","force":true})"),
              HasSubstr("\"repository\":{"));
  EXPECT_EQ(get("/v2/ns1/web/tags/list").status, 404);
  EXPECT_THAT(call("DescribeRepositories", "{}"), HasSubstr("repository/ns1\""));
  create_repository("ns1/web");
  EXPECT_THAT(call("ListImages", in_web), HasSubstr("\"imageIds\":[]"));
}

TEST_F(Ecr, ListsAndDescribesImages) {
  const auto digest = push_image("ns1/web", "v1", "layer");
  EXPECT_EQ(call("ListImages", in_web),
            format(R"({{"imageIds":[{{"imageDigest":"{}","imageTag":"v1"}}]}})", digest));
  const auto described = call("DescribeImages", in_web);
  EXPECT_THAT(described,
              HasSubstr(format(R"("imageDigest":"{}","imageTags":["v1"],"imageSizeInBytes":7)", digest)));
  EXPECT_THAT(described, HasSubstr(R"("artifactMediaType":"application/vnd.oci.image.config.v1+json")"));
  push_image("ns1/web", "v1", "other layer");
  EXPECT_EQ(call("ListImages", R"({"repositoryName":"ns1/web","filter":{"tagStatus":"UNTAGGED"}})"),
            format(R"({{"imageIds":[{{"imageDigest":"{}"}}]}})", digest));
  EXPECT_EQ(call("DescribeImages", R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"v9"}]})"),
            "ImageNotFoundException: The image with imageId {imageDigest:null, imageTag:'v9'} does not exist "
            "within the "
            "repository with name 'ns1/web' in the registry with id '123456789012'");
}

TEST_F(Ecr, GetsAndDeletesImagesInBatches) {
  const auto digest = push_image("ns1/web", "v1", "layer");
  const auto text = get("/v2/ns1/web/manifests/v1").body;
  ASSERT_EQ(put_manifest("ns1/web", "v2", text).status, 201);
  const auto got = call(
      "BatchGetImage",
      R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"v1"},{"imageTag":"no"},{},{"imageDigest":"x"}]})");
  EXPECT_THAT(got, HasSubstr("\"imageManifest\":\"{\\\"schemaVersion\\\":2"));
  EXPECT_THAT(got, HasSubstr(R"("failureCode":"ImageNotFound")"));
  EXPECT_THAT(got, HasSubstr(R"("failureCode":"MissingDigestAndTag")"));
  EXPECT_THAT(got, HasSubstr(R"("failureCode":"InvalidImageDigest")"));
  EXPECT_EQ(call("BatchDeleteImage", R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"v1"}]})"),
            format(R"({{"imageIds":[{{"imageDigest":"{}","imageTag":"v1"}}],"failures":[]}})", digest));
  EXPECT_EQ(get("/v2/ns1/web/manifests/v2").status, 200);
  call("BatchDeleteImage",
       format(R"({{"repositoryName":"ns1/web","imageIds":[{{"imageDigest":"{}"}}]}})", digest));
  EXPECT_THAT(call("ListImages", in_web), HasSubstr("\"imageIds\":[]"));
}

TEST_F(Ecr, EnforcesImmutableTags) {
  push_image("ns1/web", "v1", "layer");
  EXPECT_THAT(
      call("PutImageTagMutability", R"({"repositoryName":"ns1/web","imageTagMutability":"IMMUTABLE"})"),
      HasSubstr(R"("imageTagMutability":"IMMUTABLE")"));
  restart();
  const auto refused = put_manifest("ns1/web", "v1", image_manifest("ns1/web", "new layer"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body,
              HasSubstr("The image tag 'v1' already exists in the 'ns1/web' repository and cannot be "
                        "overwritten because the tag is immutable."));
  EXPECT_EQ(put_manifest("ns1/web", "v1", image_manifest("ns1/web", "layer")).status, 201);  // the same image
  push_image("ns1/web", "v2", "new layer");
  call(
      "PutImageTagMutability",
      R"({"repositoryName":"ns1/web","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"dev*"}]})");
  push_image("ns1/web", "dev-1", "a");
  push_image("ns1/web", "dev-1", "b");
  EXPECT_EQ(put_manifest("ns1/web", "v1", image_manifest("ns1/web", "b")).status, 400);
  EXPECT_THAT(call("PutImageTagMutability",
                   R"({"repositoryName":"ns1/web","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION"})"),
              HasSubstr("InvalidParameterException"));
}

TEST(Wildcards, MatchAnyRun) {
  EXPECT_TRUE(matches_wildcard("v*", "v1"));
  EXPECT_TRUE(matches_wildcard("*-rc*", "v1-rc2"));
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_FALSE(matches_wildcard("v*", "1v"));
  EXPECT_FALSE(matches_wildcard("v", "v1"));
}

TEST_F(Ecr, PutsAnImage) {
  auto text = image_manifest("ns1/web", "layer");
  std::string escaped;
  for (const char c : text) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
  const auto body = format(R"({{"repositoryName":"ns1/web","imageTag":"v1","imageManifest":"{}"}})", escaped);
  EXPECT_THAT(call("PutImage", body), HasSubstr(digest_of(text)));
  EXPECT_EQ(get("/v2/ns1/web/manifests/v1").body, text);
  EXPECT_EQ(
      call("PutImage", body),
      format(
          "ImageAlreadyExistsException: Image with digest '{}' and tag 'v1' already exists in the repository "
          "with name 'ns1/web' in registry with id '123456789012'",
          digest_of(text)));
}

TEST_F(Ecr, TagsResources) {
  const std::string arn = "arn:aws:ecr:us-east-1:123456789012:repository/ns1/web";
  EXPECT_EQ(
      call("TagResource",
           format(R"({{"resourceArn":"{}","tags":[{{"Key":"team","Value":"a"}},{{"Key":"x","Value":"y"}}]}})",
                  arn)),
      "{}");
  EXPECT_EQ(call("UntagResource", format(R"({{"resourceArn":"{}","tagKeys":["x"]}})", arn)), "{}");
  restart();
  EXPECT_EQ(call("ListTagsForResource", format(R"({{"resourceArn":"{}"}})", arn)),
            R"({"tags":[{"Key":"team","Value":"a"}]})");
  EXPECT_THAT(call("ListTagsForResource", R"({"resourceArn":"arn:aws:s3:::x"})"),
              HasSubstr("InvalidParameterException"));
}

TEST_F(Ecr, RefusesByNameWhatItDoesNotServe) {
  EXPECT_THAT(call("Nonsense", "{}"), HasSubstr("UnknownOperationException"));
  EXPECT_EQ(call("GetLifecyclePolicy", in_web),
            "LifecyclePolicyNotFoundException: Lifecycle policy does not exist for the repository with name "
            "'ns1/web' in "
            "the registry with id '123456789012'");
  EXPECT_EQ(call("CreateRepository", "{}"),
            "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: "
            "'Member must not be null'");
  EXPECT_THAT(call("DescribeRegistry", "{}"), HasSubstr("\"registryId\":\"123456789012\""));
}

}  // namespace
}  // namespace gantry::registry::test
