#include "agent/engine_driver.h"

#include "base/files.h"
#include "images/image_store.h"
#include "tests/support/results.h"

#include <cstdlib>

namespace gantry::agent {
namespace {

using testing::HasSubstr;

// The real driver beside another user of the same images.
class EngineImages : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(folder_);
    for (const auto* program : {"GANTRY_OCI", "GANTRY_MONITOR"})
      setenv(program, "/bin/true", 0);  // not called
    config_.root = join_path(folder_->path(), "root");
    config_.run_root = join_path(folder_->path(), "run");
    auto driver = make_engine_driver(config_, {});
    ASSERT_OK(driver);
    driver_ = std::move(*driver);
    auto store = images::ImageStore::open({.root = join_path(config_.root, "images")});
    ASSERT_OK(store);
    store_.emplace(std::move(*store));
    const auto content = join_path(folder_->path(), "content");
    ASSERT_OK(make_directories(content));
    ASSERT_OK(write_file(join_path(content, "hello"), "hello"));
    images::ImportOptions options;
    options.reference = *oci::Reference::parse("web:1");
    const auto image = store_->import_directory(content, options);
    ASSERT_OK(image);
    id_ = image->id.string();
  }
  bool exists(const std::string& name) const { return bool(store_->resolve(name)); }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  Config config_;
  std::unique_ptr<ContainerDriver> driver_;
  std::optional<images::ImageStore> store_;
  std::string id_;
};

TEST_F(EngineImages, GoWithTheirLastName) {
  ASSERT_OK(store_->tag("web:1", *oci::Reference::parse("web:2")));
  ASSERT_OK(driver_->remove_image(id_, {"docker.io/library/web:1", "docker.io/library/web:2"}));
  EXPECT_FALSE(exists(id_));
  EXPECT_OK(driver_->remove_image(id_, {"docker.io/library/web:1"}));  // gone already
}

TEST_F(EngineImages, StayUnderTheNameThatSomebodyGaveThem) {
  ASSERT_OK(store_->tag("web:1", *oci::Reference::parse("mine:1")));
  ASSERT_OK(driver_->remove_image(id_, {"docker.io/library/web:1"}));
  EXPECT_FALSE(exists("web:1"));
  EXPECT_TRUE(exists("mine:1"));
}

TEST_F(EngineImages, ThatAContainerUsesStayAsTheyAre) {
  ASSERT_OK(store_->tag("web:1", *oci::Reference::parse("mine:1")));
  ASSERT_OK(store_->hold(*oci::Digest::parse(id_), "container1"));
  EXPECT_ERROR(driver_->remove_image(id_, {"docker.io/library/web:1"}), ErrorKind::conflict,
               HasSubstr("container1 is using it"));
  EXPECT_TRUE(exists("web:1"));
}

TEST_F(EngineImages, ThatWereHereBeforeAreNotNew) {
  const auto pulled = driver_->pull("web:1", {}, PullBehavior::prefer_cached);
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->id, id_);
  EXPECT_FALSE(pulled->is_new);
  EXPECT_EQ(pulled->digest, "") << "no registry has it";
}

}  // namespace
}  // namespace gantry::agent
