// gantry-registry check: each kind of damage is found and named.

#include "registry/check.h"

#include "base/process.h"
#include "tests/registry/fixture.h"
#include "tests/support/programs.h"
#include "tests/support/results.h"

namespace gantry::registry::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Check : public RegistryTest {
 protected:
  Check() {
    create_repository("team/app");
    digest_ = push_image("team/app", "v1", "layer");
    const auto subject = format(
        R"(,"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":2}})",
        digest_);
    const auto referrer = image_manifest("team/app", "signature", subject);
    referrer_ = digest_of(referrer);
    EXPECT_EQ(put_manifest("team/app", referrer_, referrer).status, 201);
    EXPECT_EQ(
        put_manifest("team/app", "all",
                     format(R"({{"schemaVersion":2,"mediaType":"{0}","manifests":[{{"mediaType":)"
                            R"("application/vnd.oci.image.manifest.v1+json","digest":"{1}","size":2}}]}})",
                            index_type, digest_),
                     index_type)
            .status,
        201);
    stop();
  }

  static std::string hex(const std::string& digest) { return digest.substr(digest.find(':') + 1); }
  std::string blob(const std::string& digest) const {
    return join_path(options_.data, "store/blobs/sha256/" + hex(digest));
  }
  std::string file(const std::string& rest) const {
    return join_path(options_.data, "repositories/team/app/_gantry/" + rest);
  }
  std::vector<std::string> faults() const {
    const auto checked = check(options_.data);
    EXPECT_OK(checked);
    return checked ? checked->faults : std::vector<std::string>{};
  }

  static constexpr auto index_type = "application/vnd.oci.image.index.v1+json";
  std::string digest_;
  std::string referrer_;
};

TEST_F(Check, CountsWhatIsWhole) {
  const auto checked = check(options_.data);
  ASSERT_OK(checked);
  EXPECT_THAT(checked->faults, IsEmpty());
  EXPECT_EQ(checked->repositories, 1);
  EXPECT_EQ(checked->manifests, 3);
  EXPECT_EQ(checked->tags, 2);
  EXPECT_GE(checked->blobs, 6);
}

TEST_F(Check, NamesABlobWithOtherBytes) {
  ASSERT_OK(write_file(blob(digest_of("layer")), "lazer"));
  EXPECT_THAT(faults(),
              ElementsAre("blob " + digest_of("layer") + ": its content's digest is " + digest_of("lazer")));
}

TEST_F(Check, NamesALinkedBlobThatIsGone) {
  ASSERT_OK(remove_file(blob(digest_of("layer"))));
  EXPECT_THAT(faults(),
              ElementsAre("repository team/app: blob " + digest_of("layer") + " is missing in the store"));
}

TEST_F(Check, NamesABlobThatTheRepositoryLost) {
  ASSERT_OK(remove_file(file("blobs/sha256/" + hex(digest_of("layer")))));
  EXPECT_THAT(faults(), ElementsAre("repository team/app: manifest " + digest_ + ": blob " +
                                    digest_of("layer") + " is missing in the repository"));
}

TEST_F(Check, NamesWhoNeedsALostManifest) {
  ASSERT_OK(remove_file(file("manifests/sha256/" + hex(digest_))));
  const auto found = faults();
  EXPECT_THAT(found, Contains("repository team/app: tag v1: repository team/app has no manifest " + digest_));
  EXPECT_THAT(found, Contains(HasSubstr(": manifest " + digest_ + " is missing in the repository")));
}

TEST_F(Check, NamesATagThatSaysNothing) {
  ASSERT_OK(write_file(file("tags/v1.tag"), "sha256:"));
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("repository team/app: tag v1: ")));
}

TEST_F(Check, NamesALostReferrer) {
  const auto entry = file("referrers/" + hex(digest_) + "/" + hex(referrer_));
  ASSERT_OK(write_file(entry, "{}"));
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("describes \"\", not " + referrer_)));
  ASSERT_OK(remove_file(entry));
  EXPECT_THAT(faults(), ElementsAre("repository team/app: manifest " + referrer_ + ": subject " + digest_ +
                                    " doesn't list it as a referrer"));
}

TEST_F(Check, IsRefusedWithoutARegistryAndBesideARunningOne) {
  EXPECT_ERROR(check(join_path(folder_->path(), "none")), ErrorKind::not_found,
               HasSubstr("no registry in it"));
  start();
  EXPECT_ERROR(check(options_.data), ErrorKind::conflict, HasSubstr("stop it first"));
}

TEST_F(Check, ItsExitStatusSaysWhetherAllIsWell) {
  const std::vector<std::string> command = {gantry::test::program_path("gantry-registry"), "check", "--data",
                                            options_.data};
  const auto whole = run_command({.arguments = command});
  EXPECT_EQ(whole->status, 0) << whole->errors;
  EXPECT_THAT(whole->output, HasSubstr("1 repositories, 3 manifests, 2 tags, "));
  ASSERT_OK(remove_file(blob(digest_)));
  const auto damaged = run_command({.arguments = command});
  EXPECT_EQ(damaged->status, 1);
  EXPECT_THAT(damaged->errors, HasSubstr("gantry-registry: repository team/app: manifest " + digest_));
}

}  // namespace
}  // namespace gantry::registry::test
