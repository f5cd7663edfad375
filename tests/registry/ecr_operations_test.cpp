// ECR's operations beside repositories, images and policies: layers, templates, settings, and what can't
// apply.

#include "base/text.h"
#include "tests/registry/fixture.h"
#include "tests/support/results.h"

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class EcrOperations : public RegistryTest {
 protected:
  EcrOperations() { create_repository("ns1/web"); }

  // The members of a request on ns1/web.
  std::string web(const std::string& operation, const std::string& more = {}) {
    return call(operation, R"({"repositoryName":"ns1/web")" + (more.empty() ? "" : "," + more) + "}");
  }
  std::string begin_upload() {
    const auto begun = web("InitiateLayerUpload");
    EXPECT_THAT(begun, HasSubstr("\"partSize\":10485760"));
    return begun.substr(begun.find(':') + 2, 36);
  }
  std::string upload(const std::string& id, size_t first, const std::string& part) {
    return web("UploadLayerPart",
               format(R"("uploadId":"{}","partFirstByte":{},"partLastByte":{},"layerPartBlob":"{}")", id,
                      first, first + part.size() - 1, base64_encode(part)));
  }
  std::string complete(const std::string& id, const std::string& digest) {
    return web("CompleteLayerUpload", format(R"("uploadId":"{}","layerDigests":["{}"])", id, digest));
  }
};

TEST_F(EcrOperations, OfTheModelAreAllAnswered) {
  const auto names = api::ecr::operation_names();
  EXPECT_EQ(names.size(), 58U);
  for (const auto& name : names) {
    const auto answer = call(name, "{}");
    EXPECT_THAT(answer, Not(HasSubstr("UnknownOperationException"))) << name;
    EXPECT_THAT(answer, Not(HasSubstr("ServerException"))) << name;
  }
}

struct BadRequest {
  std::string operation;
  std::string body;
  std::string says;
};

TEST_F(EcrOperations, CheckTheirMembersByTheModel) {
  const std::string form = "InvalidParameterException: Invalid parameter at ";
  const std::vector<BadRequest> cases = {
      {"ListImages", R"({"repositoryName":"ns1/web","maxResults":1001})",
       form +
           "'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'"},
      {"ListImages", R"({"repositoryName":"ns1/web","maxResults":0})",
       form +
           "'maxResults' failed to satisfy constraint: 'Member must have value greater than or equal to 1'"},
      {"ListImages", R"({"repositoryName":"ns1/web","imageIds":[]})", form + "'imageIds'"},
      {"ListImages", R"({"repositoryName":"ns1/web","filter":{"tagStatus":"SOME"}})",
       form +
           "'filter.tagStatus' failed to satisfy constraint: 'Member must satisfy enum value set: [TAGGED, "
           "UNTAGGED, ANY]'"},
      {"ListImages", R"({"repositoryName":"ns1/web","registryId":"12"})",
       form + "'registryId' failed to satisfy constraint: 'must satisfy regular expression '[0-9]{12}''"},
      {"ListImages", R"({"repositoryName":7})", "SerializationException: "},
      {"BatchGetImage", R"({"repositoryName":"ns1/web","imageIds":[]})",
       form +
           "'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'"},
      {"BatchGetImage", R"({"repositoryName":"ns1/web","imageIds":[{"imageTag":"a"},{"tag":"b"}]})",
       form + "'imageIds.2.member.tag'"},
      {"PutImageTagMutability",
       R"({"repositoryName":"ns1/web","imageTagMutability":"MUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a b"}]})",
       form + "'imageTagMutabilityExclusionFilters.1.member.filter'"},
      {"PutImageTagMutability",
       R"({"repositoryName":"ns1/web","imageTagMutability":"MUTABLE_WITH_EXCLUSION","imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"*a*b*"}]})",
       "at most 2 wildcards"},
      {"CreateRepository",
       R"({"repositoryName":"ns1/new","encryptionConfiguration":{"encryptionType":"KMS"}})",
       form + "'encryptionType' failed to satisfy constraint: 'only AES256 is supported here, found KMS'"},
      {"RegisterPullTimeUpdateExclusion", R"({"principalArn":"alice"})", form + "'principalArn'"},
      {"PutRegistryScanningConfiguration",
       R"({"rules":[{"scanFrequency":"MANUAL","repositoryFilters":[{"filter":")" + std::string(200, 'a') +
           R"(!","filterType":"WILDCARD"}]}]})",
       form + "'rules.1.member.repositoryFilters.1.member.filter'"},
      {"CompleteLayerUpload", R"({"repositoryName":"ns1/web","uploadId":"x","layerDigests":["sha256:aa"]})",
       form + "'uploadId'"},
  };
  for (const auto& bad : cases) EXPECT_THAT(call(bad.operation, bad.body), HasSubstr(bad.says)) << bad.body;
}

TEST_F(EcrOperations, UploadALayerInParts) {
  const std::string first(size_t{5} << 20, 'a');
  const auto digest = digest_of(first + "end");
  const auto available = [&] {
    return web("BatchCheckLayerAvailability", format(R"("layerDigests":["{}","x",""])", digest));
  };
  EXPECT_THAT(available(), HasSubstr("\"layerAvailability\":\"UNAVAILABLE\""));
  EXPECT_THAT(available(), HasSubstr("InvalidLayerDigest"));
  EXPECT_THAT(available(), HasSubstr("MissingLayerDigest"));
  const auto id = begin_upload();
  EXPECT_THAT(complete(id, digest), HasSubstr("EmptyUploadException"));
  EXPECT_THAT(upload(id, 0, first), HasSubstr("\"lastByteReceived\":5242879"));
  EXPECT_THAT(upload(id, 0, first), HasSubstr("InvalidLayerPartException: The layer part from byte 0"));
  EXPECT_THAT(upload(id, 0, first), HasSubstr("the next byte that is expected is 5242880"));
  restart();
  EXPECT_THAT(upload(id, first.size(), "end"), HasSubstr("\"lastByteReceived\":5242882"));
  EXPECT_THAT(complete(id, digest), HasSubstr(format("\"layerDigest\":\"{}\"", digest)));
  EXPECT_THAT(available(), HasSubstr("\"layerAvailability\":\"AVAILABLE\",\"layerSize\":5242883"));
  EXPECT_THAT(complete(id, digest), HasSubstr("UploadNotFoundException"));
  EXPECT_EQ(get("/v2/ns1/web/blobs/" + digest).body.size(), first.size() + 3);
  const auto again = begin_upload();
  upload(again, 0, "x");
  EXPECT_THAT(complete(again, digest), HasSubstr("LayerAlreadyExistsException: The layer with digest '"));
  EXPECT_THAT(complete(again, digest_of("other")), HasSubstr("InvalidLayerException"));
}

TEST_F(EcrOperations, WantLargePartsButTheLast) {
  const auto id = begin_upload();
  upload(id, 0, "small");
  upload(id, 5, "end");
  EXPECT_THAT(complete(id, digest_of("smallend")), HasSubstr("LayerPartTooSmallException"));
}

TEST_F(EcrOperations, GiveADownloadUrlThatNeedsNoCredentials) {
  const auto digest = push_blob("ns1/web", "content");
  const auto answer = web("GetDownloadUrlForLayer", format(R"("layerDigest":"{}")", digest));
  const auto begin = answer.find("http://");
  ASSERT_NE(begin, std::string::npos) << answer;
  const auto link = answer.substr(begin, answer.find('"', begin) - begin);
  const auto fetch = [&](const std::string& address) {
    auto response = client_.send({.method = "GET", .url = address, .headers = {}, .body = {}});
    EXPECT_OK(response);
    return response ? std::move(*response) : http::Response{};
  };
  EXPECT_EQ(fetch(link).body, "content");
  EXPECT_EQ(fetch(url("/v2/ns1/web/blobs/" + digest)).status, 401);
  EXPECT_EQ(fetch(link.substr(0, link.size() - 1)).status, 401) << "a changed signature";
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(fetch(link).status, 401) << "expired";
  EXPECT_THAT(web("GetDownloadUrlForLayer", format(R"("layerDigest":"{}")", digest_of("none"))),
              HasSubstr("LayersNotFoundException"));
}

TEST_F(EcrOperations, TellWhenAnImageWasPulled) {
  push_image("ns1/web", "v1", "layer");
  EXPECT_THAT(web("DescribeImages"), Not(HasSubstr("lastRecordedPullTime")));
  EXPECT_EQ(send("HEAD", "/v2/ns1/web/manifests/v1").status, 200);
  EXPECT_THAT(web("DescribeImages"), Not(HasSubstr("lastRecordedPullTime")));
  clock_.advance(std::chrono::seconds(100));
  EXPECT_EQ(get("/v2/ns1/web/manifests/v1").status, 200);
  EXPECT_THAT(web("DescribeImages"), HasSubstr("lastRecordedPullTime"));
  restart();
  EXPECT_THAT(web("DescribeImages"), HasSubstr("lastRecordedPullTime")) << "written at the end";
}

TEST_F(EcrOperations, LeaveOutPullsOfExcludedPrincipals) {
  push_image("ns1/web", "v1", "layer");
  const std::string arn = R"({"principalArn":"arn:aws:iam::123456789012:user/default"})";
  EXPECT_THAT(call("RegisterPullTimeUpdateExclusion", arn), HasSubstr("createdAt"));
  EXPECT_THAT(call("RegisterPullTimeUpdateExclusion", arn), HasSubstr("ExclusionAlreadyExistsException"));
  restart();
  EXPECT_THAT(call("ListPullTimeUpdateExclusions", "{}"), HasSubstr("user/default"));
  get("/v2/ns1/web/manifests/v1");
  EXPECT_THAT(web("DescribeImages"), Not(HasSubstr("lastRecordedPullTime")));
  EXPECT_THAT(call("DeregisterPullTimeUpdateExclusion", arn), HasSubstr("user/default"));
  EXPECT_THAT(call("DeregisterPullTimeUpdateExclusion", arn), HasSubstr("ExclusionNotFoundException"));
  web("BatchGetImage", R"("imageIds":[{"imageTag":"v1"}])");
  EXPECT_THAT(web("DescribeImages"), HasSubstr("lastRecordedPullTime"));
}

TEST_F(EcrOperations, MakeRepositoriesOfAPushByTemplate) {
  EXPECT_EQ(send("POST", "/v2/team/app/blobs/uploads/").status, 404);
  const auto made = call(
      "CreateRepositoryCreationTemplate",
      R"({"prefix":"team","imageTagMutability":"IMMUTABLE","resourceTags":[{"Key":"a","Value":"b"}],"appliedFor":["CREATE_ON_PUSH"]})");
  EXPECT_THAT(made, HasSubstr("\"prefix\":\"team\""));
  EXPECT_THAT(
      call("CreateRepositoryCreationTemplate", R"({"prefix":"team/","appliedFor":["CREATE_ON_PUSH"]})"),
      HasSubstr("TemplateAlreadyExistsException"));
  EXPECT_THAT(call("CreateRepositoryCreationTemplate",
                   R"({"prefix":"bad","lifecyclePolicy":"{}","appliedFor":["CREATE_ON_PUSH"]})"),
              HasSubstr("Lifecycle policy validation failure"));
  EXPECT_THAT(
      call("CreateRepositoryCreationTemplate", R"({"prefix":"team/cache","appliedFor":["REPLICATION"]})"),
      HasSubstr("team/cache"));
  restart();
  push_image("team/app", "v1", "layer");
  EXPECT_THAT(call("DescribeRepositories", R"({"repositoryNames":["team/app"]})"),
              HasSubstr("\"imageTagMutability\":\"IMMUTABLE\""));
  EXPECT_THAT(call("ListTagsForResource",
                   R"({"resourceArn":"arn:aws:ecr:us-east-1:123456789012:repository/team/app"})"),
              HasSubstr(R"({"Key":"a","Value":"b"})"));
  EXPECT_EQ(send("POST", "/v2/teammate/app/blobs/uploads/").status, 404) << "a prefix ends at a slash";
  EXPECT_EQ(send("POST", "/v2/team/cache/app/blobs/uploads/").status, 404) << "the longest prefix decides";
  EXPECT_THAT(call("UpdateRepositoryCreationTemplate", R"({"prefix":"team","imageTagMutability":"MUTABLE"})"),
              HasSubstr("\"MUTABLE\""));
  EXPECT_THAT(call("DescribeRepositoryCreationTemplates", R"({"maxResults":1})"), HasSubstr("\"nextToken\""));
  EXPECT_THAT(call("DeleteRepositoryCreationTemplate", R"({"prefix":"team"})"), HasSubstr("\"team\""));
  EXPECT_THAT(call("DeleteRepositoryCreationTemplate", R"({"prefix":"team"})"),
              HasSubstr("TemplateNotFoundException"));
  EXPECT_EQ(send("POST", "/v2/team/other/blobs/uploads/").status, 404);
}

TEST_F(EcrOperations, ArchiveAndRestoreImages) {
  const auto digest = push_image("ns1/web", "v1", "layer");
  const auto image = [&](const std::string& storage) {
    return web("UpdateImageStorageClass",
               format(R"("imageId":{{"imageTag":"v1"}},"targetStorageClass":"{}")", storage));
  };
  EXPECT_THAT(image("ARCHIVE"), HasSubstr("\"imageStatus\":\"ARCHIVED\""));
  restart();
  const auto refused = get("/v2/ns1/web/manifests/v1");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("is archived"));
  EXPECT_THAT(web("BatchGetImage", R"("imageIds":[{"imageTag":"v1"}])"), HasSubstr("ImageInaccessible"));
  EXPECT_EQ(web("ListImages"), R"({"imageIds":[]})");
  EXPECT_THAT(web("DescribeImages", R"("filter":{"imageStatus":"ARCHIVED"})"), HasSubstr("lastArchivedAt"));
  EXPECT_THAT(image("STANDARD"), HasSubstr("\"imageStatus\":\"ACTIVE\""));
  EXPECT_EQ(get("/v2/ns1/web/manifests/v1").status, 200);
  EXPECT_THAT(web("ListImages", R"("filter":{"imageStatus":"ANY"})"), HasSubstr(digest));
}

TEST_F(EcrOperations, ListReferrers) {
  const auto digest = push_image("ns1/web", "v1", "layer");
  for (const std::string name : {"a", "b"}) {
    const auto text = image_manifest(
        "ns1/web", name,
        format(
            R"(,"artifactType":"type/{}","subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":1}})",
            name, digest));
    ASSERT_EQ(put_manifest("ns1/web", digest_of(text), text).status, 201);
  }
  const auto list = [&](const std::string& more) {
    return web("ListImageReferrers", format(R"("subjectId":{{"imageDigest":"{}"}}{})", digest, more));
  };
  EXPECT_THAT(list(""), HasSubstr(R"("artifactStatus":"ACTIVE")"));
  EXPECT_THAT(list(R"(,"filter":{"artifactTypes":["type/a"]})"), Not(HasSubstr("type/b")));
  EXPECT_THAT(list(R"(,"maxResults":1)"), HasSubstr("nextToken"));
  EXPECT_THAT(web("DescribeImages"), HasSubstr(format("\"subjectManifestDigest\":\"{}\"", digest)));
}

TEST_F(EcrOperations, KeepScanningSettings) {
  EXPECT_THAT(call("GetRegistryScanningConfiguration", "{}"),
              HasSubstr("\"scanType\":\"BASIC\",\"rules\":[]"));
  EXPECT_THAT(
      call(
          "PutRegistryScanningConfiguration",
          R"({"scanType":"BASIC","rules":[{"scanFrequency":"SCAN_ON_PUSH","repositoryFilters":[{"filter":"ns1/*","filterType":"WILDCARD"}]}]})"),
      HasSubstr("registryScanningConfiguration"));
  EXPECT_THAT(call("PutRegistryScanningConfiguration", R"({"scanType":"ENHANCED"})"),
              HasSubstr("ValidationException: scanType ENHANCED is not supported"));
  restart();
  const auto found =
      call("BatchGetRepositoryScanningConfiguration", R"({"repositoryNames":["ns1/web","none"]})");
  EXPECT_THAT(found, HasSubstr(R"("scanOnPush":true,"scanFrequency":"SCAN_ON_PUSH")"));
  EXPECT_THAT(found, HasSubstr("REPOSITORY_NOT_FOUND"));
  EXPECT_THAT(web("PutImageScanningConfiguration", R"("imageScanningConfiguration":{"scanOnPush":true})"),
              HasSubstr("\"scanOnPush\":true"));
  EXPECT_THAT(call("DescribeRepositories", "{}"), HasSubstr("\"scanOnPush\":true"));
}

TEST_F(EcrOperations, KeepAccountSettings) {
  EXPECT_THAT(call("GetAccountSetting", R"({"name":"BLOB_MOUNTING"})"), HasSubstr("\"value\":\"ENABLED\""));
  create_repository("other");
  const auto digest = push_blob("other", "shared");
  EXPECT_THAT(call("PutAccountSetting", R"({"name":"BLOB_MOUNTING","value":"DISABLED"})"),
              HasSubstr("DISABLED"));
  EXPECT_EQ(send("POST", "/v2/ns1/web/blobs/uploads/?from=other&mount=" + digest).status, 202);
  EXPECT_THAT(call("PutAccountSetting", R"({"name":"BLOB_MOUNTING","value":"MAYBE"})"),
              HasSubstr("ValidationException"));
  EXPECT_THAT(call("GetAccountSetting", R"({"name":"OTHER"})"), HasSubstr("ValidationException"));
}

TEST_F(EcrOperations, AnswerForWhatCannotApplyAsEcrDoes) {
  push_image("ns1/web", "v1", "layer");
  const std::string v1 = R"("imageId":{"imageTag":"v1"})";
  EXPECT_THAT(web("StartImageScan", v1), HasSubstr("UnsupportedImageTypeException"));
  EXPECT_THAT(web("DescribeImageScanFindings", v1),
              HasSubstr("ScanNotFoundException: Image scan does not exist"));
  EXPECT_THAT(web("DescribeImageScanFindings", R"("imageId":{"imageTag":"no"})"),
              HasSubstr("ImageNotFoundException"));
  EXPECT_THAT(web("DescribeImageReplicationStatus", v1), HasSubstr("\"replicationStatuses\":[]"));
  EXPECT_THAT(web("DescribeImageSigningStatus", v1), HasSubstr("\"signingStatuses\":[]"));
  EXPECT_EQ(call("DescribeRegistry", "{}"),
            R"({"registryId":"123456789012","replicationConfiguration":{"rules":[]}})");
  EXPECT_EQ(call("PutReplicationConfiguration", R"({"replicationConfiguration":{"rules":[]}})"),
            R"({"replicationConfiguration":{"rules":[]}})");
  EXPECT_THAT(
      call(
          "PutReplicationConfiguration",
          R"({"replicationConfiguration":{"rules":[{"destinations":[{"region":"eu-west-1","registryId":"123456789012"}]}]}})"),
      HasSubstr("ValidationException: Invalid replication configuration"));
  EXPECT_THAT(call("GetSigningConfiguration", "{}"), HasSubstr("SigningConfigurationNotFoundException"));
  EXPECT_THAT(call("PutSigningConfiguration", R"({"signingConfiguration":{"rules":[]}})"),
              HasSubstr("\"rules\":[]"));
  EXPECT_THAT(call("GetSigningConfiguration", "{}"), HasSubstr("\"rules\":[]"));
  EXPECT_THAT(call("DeleteSigningConfiguration", "{}"), HasSubstr("\"rules\":[]"));
  EXPECT_THAT(
      call("CreatePullThroughCacheRule", R"({"ecrRepositoryPrefix":"quay","upstreamRegistryUrl":"quay.io"})"),
      HasSubstr("UnsupportedUpstreamRegistryException"));
  EXPECT_EQ(call("DescribePullThroughCacheRules", "{}"), R"({"pullThroughCacheRules":[]})");
  for (const std::string operation :
       {"DeletePullThroughCacheRule", "UpdatePullThroughCacheRule", "ValidatePullThroughCacheRule"}) {
    EXPECT_THAT(call(operation, R"({"ecrRepositoryPrefix":"quay"})"),
                HasSubstr("PullThroughCacheRuleNotFoundException"))
        << operation;
  }
}

}  // namespace
}  // namespace gantry::registry::test
