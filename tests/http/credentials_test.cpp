#include "base/files.h"
#include "http/credentials_file.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* two_profiles =
    "# ours\n[default]\naws_access_key_id = A1\naws_secret_access_key=s=1\n\n[profile "
    "b]\naws_access_key_id=B1\n"
    "aws_secret_access_key = s2\naws_session_token = t\nregion = x\n[empty]\n";

TEST(CredentialsFile, IsReadByProfiles) {
  const auto profiles = parse_credentials(two_profiles, "file");
  ASSERT_OK(profiles);
  ASSERT_EQ(profiles->size(), 2u);
  EXPECT_EQ(profiles->at("default").secret_access_key.reveal(), "s=1");
  EXPECT_EQ(profiles->at("b").session_token.reveal(), "t");
}

TEST(CredentialsFile, NamesThePlaceOfAMistakeButNoSecret) {
  EXPECT_ERROR(parse_credentials("[a]\naws_access_key_id = x\nhunter2", "f"), ErrorKind::invalid,
               AllOf(HasSubstr("f: line 3"), Not(HasSubstr("hunter2"))));
  EXPECT_ERROR(parse_credentials("[a]\naws_access_key_id = x\n", "f"), ErrorKind::invalid,
               HasSubstr("f: profile a"));
  EXPECT_ERROR(parse_credentials("x = y\n", "f"), ErrorKind::invalid, HasSubstr("before any [profile]"));
}

TEST(CredentialsFile, IsCalledThatWhereItCannotBeReadOrUnderstood) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto path = join_path(folder->path(), "mine");
  EXPECT_ERROR(find_credentials(path, ""), ErrorKind::not_found,
               AllOf(HasSubstr("credentials file: "), HasSubstr(path)));
  ASSERT_OK(write_file(path, "rubbish\n"));
  EXPECT_ERROR(find_credentials(path, ""), ErrorKind::invalid,
               HasSubstr("credentials file " + path + ": line 1"));
}

class CredentialStoreFile : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(folder_); }
  std::string path() { return join_path(folder_->path(), "credentials"); }
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
};

TEST_F(CredentialStoreFile, FollowsChangesAndKeepsTheLastGoodContent) {
  ASSERT_OK(write_file(path(), two_profiles));
  const auto store = FileCredentialStore::open(path());
  ASSERT_OK(store);
  EXPECT_TRUE((*store)->find("A1").has_value());
  EXPECT_EQ((*store)->first().access_key_id, "A1");
  ASSERT_OK(write_file(path(), "[default]\naws_access_key_id = NEW\naws_secret_access_key = n\n"));
  EXPECT_TRUE((*store)->find("NEW").has_value());
  EXPECT_FALSE((*store)->find("A1").has_value());
  ASSERT_OK(write_file(path(), "rubbish"));
  EXPECT_TRUE((*store)->find("NEW").has_value());
}

TEST_F(CredentialStoreFile, MustBePrivateAndNotEmpty) {
  ASSERT_OK(write_file(path(), two_profiles, 0644));
  EXPECT_ERROR(FileCredentialStore::open(path()), ErrorKind::denied, HasSubstr("chmod 600"));
  ASSERT_OK(write_file(path(), "[a]\n"));
  EXPECT_ERROR(FileCredentialStore::open(path()), ErrorKind::invalid, HasSubstr("no profile with keys"));
  EXPECT_ERROR(FileCredentialStore::open(path() + "x"), ErrorKind::not_found, HasSubstr("credentialsx"));
}

}  // namespace
}  // namespace gantry::http::test
