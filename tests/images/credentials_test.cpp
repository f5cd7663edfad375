#include "images/credentials.h"

#include "base/files.h"
#include "images/registry_auth.h"
#include "tests/support/results.h"

#include <cstdlib>
#include <sys/stat.h>

namespace gantry::images {
namespace {

using testing::HasSubstr;

class Credentials : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
  CredentialFiles files() const { return CredentialFiles({{path("sub/config.json"), path("auth.json")}}); }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(Credentials, LoginLookupLogout) {
  const Credential credential{"AWS", Secret("p:w"), Secret()};
  ASSERT_OK(files().store("127.0.0.1:5000", credential));
  struct stat info {};
  ASSERT_EQ(stat(path("sub/config.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  const auto found = files().lookup("127.0.0.1:5000");
  ASSERT_OK(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->username, "AWS");
  EXPECT_EQ((*found)->password.reveal(), "p:w");
  EXPECT_FALSE(files().lookup("127.0.0.1:5001")->has_value());
  ASSERT_OK(files().erase("127.0.0.1:5000"));
  EXPECT_FALSE(files().lookup("127.0.0.1:5000")->has_value());
  EXPECT_ERROR(files().erase("127.0.0.1:5000"), ErrorKind::not_found, HasSubstr("not logged in"));
}

TEST_F(Credentials, ReadsDockersAndContainersFilesAndKeepsWhatItDoesntKnow) {
  ASSERT_OK(make_directories(path("sub")));
  ASSERT_OK(
      write_file(path("sub/config.json"),
                 R"({"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}},"HttpHeaders":{"X":"y"}})"));
  ASSERT_OK(
      write_file(path("auth.json"), R"({"auths":{"quay.io":{"auth":"dTpx","identitytoken":"refresh"}}})"));
  EXPECT_EQ(files().lookup("docker.io").value()->password.reveal(), "p");
  EXPECT_EQ(files().lookup("quay.io").value()->identity_token.reveal(), "refresh");
  ASSERT_OK(files().store("example.com", {"u", Secret("p"), Secret()}));
  EXPECT_THAT(read_file(path("sub/config.json")).value_or(""), HasSubstr("\"X\": \"y\""));
  EXPECT_EQ(files().lookup("docker.io").value()->username, "u");
  ASSERT_OK(write_file(path("auth.json"), R"({"auths":{"bad.io":{"auth":"secret!"}}})"));
  const auto bad = files().lookup("bad.io");
  EXPECT_ERROR(bad, ErrorKind::invalid, HasSubstr("auth.json"));
  EXPECT_THAT(bad.error().message(), testing::Not(HasSubstr("secret!")));
}

TEST_F(Credentials, HelpersAreAskedAndTold) {
  ASSERT_OK(make_directories(path("sub")));
  ASSERT_OK(write_file(path("sub/config.json"), R"({"credHelpers":{"example.com":"fake"}})"));
  ASSERT_OK(write_file(path("docker-credential-fake"),
                       format(R"(#!/bin/sh
case $1 in
get) [ -f {0}/kept ] && cat {0}/kept || {{ echo "credentials not found in native keychain"; exit 1; }} ;;
store) cat > {0}/kept ;;
erase) rm {0}/kept ;;
esac
)",
                              folder_->path()),
                       0755));
  const std::string old_path = getenv("PATH");
  setenv("PATH", (folder_->path() + ":" + old_path).c_str(), 1);
  EXPECT_FALSE(files().lookup("example.com")->has_value());
  ASSERT_OK(files().store("example.com", {"u", Secret("p"), Secret()}));
  EXPECT_EQ(files().lookup("example.com").value()->password.reveal(), "p");
  EXPECT_THAT(read_file(path("sub/config.json")).value_or(""), testing::Not(HasSubstr("auths")));
  ASSERT_OK(files().erase("example.com"));
  EXPECT_FALSE(files().lookup("example.com")->has_value());
  setenv("PATH", old_path.c_str(), 1);
}

TEST(RegistryAuth, OnlyThisMachineIsSpokenToWithoutTls) {
  for (const char* host :
       {"127.0.0.1:5000", "127.9.8.7", "localhost", "localhost:80", "[::1]:5000", "[::1]"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"128.0.0.1", "127.0.0.1.evil.com:5000", "localhost.evil.com", "10.0.0.1:5000",
                           "docker.io", "[::2]:5000", "127.1", "127.0.0.256"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(RegistryAuth, ChallengesAreTakenApart) {
  const auto challenge =
      parse_challenge(R"(Bearer realm="https://a/t?x=1",service="a, \"b\"", scope="repository:x:pull,push")");
  ASSERT_OK(challenge);
  EXPECT_EQ(challenge->scheme, "bearer");
  EXPECT_EQ(challenge->parameters.at("realm"), "https://a/t?x=1");
  EXPECT_EQ(challenge->parameters.at("service"), "a, \"b\"");
  EXPECT_EQ(challenge->parameters.at("scope"), "repository:x:pull,push");
  EXPECT_OK(parse_challenge("Basic"));
}

}  // namespace
}  // namespace gantry::images
