// The clients that users have: the aws command line, skopeo, podman.

#include "base/process.h"
#include "base/text.h"
#include "tests/registry/fixture.h"
#include "tests/support/results.h"

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

class Clients : public RegistryTest {
 protected:
  Clients() { create_repository("ns1/web"); }

  CommandResult run(std::vector<std::string> arguments, const std::string& input = {}) {
    Command command;
    command.arguments = std::move(arguments);
    command.environment =
        std::vector<std::string>{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                 "HOME=" + folder_->path(),
                                 "TMPDIR=" + folder_->path(),
                                 "REGISTRY_AUTH_FILE=" + join_path(folder_->path(), "auth.json"),
                                 "AWS_DEFAULT_REGION=us-east-1",
                                 "AWS_ACCESS_KEY_ID=AKIDREG",
                                 "AWS_SECRET_ACCESS_KEY=registry-secret",
                                 "AWS_PAGER=",
                                 "AWS_EC2_METADATA_DISABLED=true"};
    command.input = input;
    command.limit = std::chrono::seconds(120);
    auto result = run_command(command);
    EXPECT_OK(result);
    return result ? std::move(*result) : CommandResult{};
  }
  CommandResult aws(std::vector<std::string> arguments) {
    std::vector<std::string> all = {"aws", "ecr", "--endpoint-url", url("")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }
  // An OCI layout of one image of one layer, a tar with one file.
  void make_layout(const std::string& path) {
    const auto put = [&](const std::string& text) {
      const auto digest = digest_of(text);
      EXPECT_OK(make_directories(join_path(path, "blobs/sha256")));
      EXPECT_OK(write_file(join_path(path, "blobs/sha256/" + digest.substr(7)), text, 0644));
      return digest;
    };
    EXPECT_OK(make_directories(join_path(path, "files")));
    EXPECT_OK(write_file(join_path(path, "files/hello"), std::string(300'000, 'h')));
    const auto tar = run({"tar", "-C", join_path(path, "files"), "-c", "hello"});
    const auto layer = put(tar.output);
    const auto config_text = format(
        R"({{"architecture":"amd64","os":"linux","config":{{"Cmd":["/hello"]}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
        layer);
    const auto config = put(config_text);
    const auto manifest_text = format(
        R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}})",
        config, config_text.size(), layer, tar.output.size());
    const auto manifest = put(manifest_text);
    EXPECT_OK(write_file(join_path(path, "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})"));
    EXPECT_OK(write_file(
        join_path(path, "index.json"),
        format(
            R"({{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"annotations":{{"org.opencontainers.image.ref.name":"v1"}}}}]}})",
            manifest, manifest_text.size())));
  }
  std::string login_password() {
    const auto password = aws({"get-login-password"});
    EXPECT_EQ(password.status, 0) << password.errors;
    return std::string(trim(password.output));
  }
};

TEST_F(Clients, AwsCommandLineManagesRepositories) {
  EXPECT_EQ(aws({"create-repository", "--repository-name", "ns1/api", "--image-tag-mutability", "IMMUTABLE"})
                .status,
            0);
  const auto described =
      aws({"describe-repositories", "--query", "repositories[].repositoryUri", "--output", "text"});
  EXPECT_EQ(trim(described.output), format("{0}/ns1/api\t{0}/ns1/web", host())) << described.errors;
  push_image("ns1/web", "v1", "layer");
  EXPECT_THAT(aws({"list-images", "--repository-name", "ns1/web"}).output, HasSubstr("\"imageTag\": \"v1\""));
  EXPECT_THAT(aws({"describe-images", "--repository-name", "ns1/web"}).output,
              HasSubstr("\"imageSizeInBytes\": 7"));
  EXPECT_THAT(aws({"delete-repository", "--repository-name", "none"}).errors,
              HasSubstr("(RepositoryNotFoundException)"));
}

TEST_F(Clients, SkopeoCopiesThereAndBack) {
  const auto layout = join_path(folder_->path(), "layout");
  make_layout(layout);
  const auto image = "docker://" + host() + "/ns1/web:v1";
  const auto login = run({"skopeo", "login", "--tls-verify=false", "-u", "AWS", "--password-stdin", host()},
                         login_password());
  ASSERT_EQ(login.status, 0) << login.errors;
  const auto push = run({"skopeo", "copy", "--dest-tls-verify=false", "oci:" + layout + ":v1", image});
  ASSERT_EQ(push.status, 0) << push.errors;
  const auto pull = run({"skopeo", "copy", "--src-tls-verify=false", image, "oci:" + layout + "-back:v1"});
  ASSERT_EQ(pull.status, 0) << pull.errors;
  EXPECT_THAT(run({"skopeo", "list-tags", "--tls-verify=false", "docker://" + host() + "/ns1/web"}).output,
              HasSubstr("\"v1\""));
  EXPECT_EQ(run({"skopeo", "delete", "--tls-verify=false", image}).status, 0);
  EXPECT_NE(run({"skopeo", "inspect", "--tls-verify=false", image}).status, 0);
  const auto unknown = run({"skopeo", "copy", "--dest-tls-verify=false", "oci:" + layout + ":v1",
                            "docker://" + host() + "/none:v1"});
  EXPECT_THAT(unknown.errors, HasSubstr("repository none does not exist"));
}

TEST_F(Clients, SkopeoIsToldThatItsTokenExpired) {
  const auto password = login_password();
  clock_.advance(std::chrono::hours(13));
  const auto expired = run({"skopeo", "inspect", "--tls-verify=false", "--creds", "AWS:" + password,
                            "docker://" + host() + "/ns1/web:v1"});
  EXPECT_NE(expired.status, 0);
  EXPECT_THAT(expired.errors, HasSubstr("expired"));
}

TEST_F(Clients, PodmanPullsAndPushes) {
  const auto layout = join_path(folder_->path(), "layout");
  make_layout(layout);
  const auto storage = join_path(folder_->path(), "storage");
  const auto podman = [&](std::vector<std::string> arguments, const std::string& input = {}) {
    std::vector<std::string> all = {"podman",    "--root",           storage,
                                    "--runroot", storage + "-run",   "--storage-driver",
                                    "vfs",       "--cgroup-manager", "cgroupfs"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all, input);
  };
  const auto web = host() + "/ns1/web";
  ASSERT_EQ(podman({"login", "--tls-verify=false", "-u", "AWS", "--password-stdin", host()}, login_password())
                .status,
            0);
  const auto copy =
      run({"skopeo", "copy", "--dest-tls-verify=false", "oci:" + layout + ":v1", "docker://" + web + ":v1"});
  ASSERT_EQ(copy.status, 0) << copy.errors;
  const auto pull = podman({"pull", "--tls-verify=false", web + ":v1"});
  ASSERT_EQ(pull.status, 0) << pull.errors;
  const auto push = podman({"push", "--tls-verify=false", web + ":v1", web + ":p1"});
  ASSERT_EQ(push.status, 0) << push.errors;
  EXPECT_EQ(get("/v2/ns1/web/manifests/p1").status, 200);
}

}  // namespace
}  // namespace gantry::registry::test
