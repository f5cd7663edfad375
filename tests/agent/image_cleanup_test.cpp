#include "agent/image_cleanup.h"

#include "base/files.h"
#include "tests/agent/fake_driver.h"
#include "tests/agent/sample_task.h"
#include "tests/support/results.h"

#include <thread>

namespace gantry::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;

class ImageCleanups : public testing::Test {
 protected:
  void SetUp() override { begin(); }
  void begin() {
    cleanup_.reset();
    store_.reset();
    auto store = StateStore::open(folder_->path());
    ASSERT_OK(store);
    store_.emplace(std::move(*store));
    cleanup_ = std::make_unique<ImageCleanup>(config_, driver_, *store_, clock_);
    ASSERT_OK(cleanup_->restore());
  }
  void pull(const std::string& image) { ASSERT_OK(cleanup_->pull(image, {})); }
  bool clean() {
    return cleanup_->clean([this] { return tasks_; });
  }
  void add_task(const std::string& image) {
    auto payload = sample_task();
    payload.containers[0].image = image;
    tasks_.push_back(record_of(payload));
  }
  std::vector<std::string> removed() const {
    std::vector<std::string> found;
    for (const auto& call : driver_.calls()) {
      if (call.starts_with("remove_image ")) found.push_back(call.substr(13));
    }
    return found;
  }

  ManualClock clock_{SystemClock().now()};
  FakeDriver driver_;
  Config config_;
  std::vector<Task> tasks_;
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  std::optional<StateStore> store_;
  std::unique_ptr<ImageCleanup> cleanup_;
};

TEST_F(ImageCleanups, RemoveWhatNoTaskNeedsOnceItIsOldEnough) {
  pull("web:1");
  clock_.advance(minutes(59));
  EXPECT_TRUE(clean());
  EXPECT_TRUE(driver_.has_image("web:1"));
  clock_.advance(minutes(1));
  EXPECT_TRUE(clean());
  EXPECT_FALSE(driver_.has_image("web:1"));
  EXPECT_TRUE(clean());
  EXPECT_EQ(driver_.count("remove_image"), 1) << "once";
}

TEST_F(ImageCleanups, KeepWhatAKnownTaskWantsByAnySpelling) {
  pull("web");
  add_task("docker.io/library/web:latest");
  clock_.advance(hours(2));
  clean();
  EXPECT_TRUE(driver_.has_image("web"));
  tasks_.clear();
  clean();
  EXPECT_FALSE(driver_.has_image("web"));
}

TEST_F(ImageCleanups, KeepWhatTheAgentDidNotBring) {
  driver_.add_image("mine:1");
  pull("mine:1");
  clock_.advance(hours(2));
  clean();
  EXPECT_TRUE(driver_.has_image("mine:1"));
}

TEST_F(ImageCleanups, KeepWhatIsExcluded) {
  config_.image_cleanup_exclusions = {"web"};
  pull("web:latest");
  clock_.advance(hours(2));
  clean();
  EXPECT_TRUE(driver_.has_image("web:latest"));
}

TEST_F(ImageCleanups, TakeTheLeastRecentlyUsedFirstAndAFewAtOnce) {
  config_.images_removed_per_cycle = 2;
  for (const auto* image : {"a:1", "b:1", "c:1"}) {
    pull(image);
    clock_.advance(minutes(1));
  }
  add_task("a:1");
  clock_.advance(hours(2));
  clean();
  EXPECT_THAT(removed(), ElementsAre("id-of-b:1", "id-of-c:1"));
  pull("d:1");
  clock_.advance(hours(2));
  pull("e:1");
  clean();
  tasks_.clear();
  clock_.advance(hours(2));
  clean();
  EXPECT_THAT(removed(), ElementsAre("id-of-b:1", "id-of-c:1", "id-of-d:1", "id-of-a:1", "id-of-e:1"))
      << "a was used by a task until the cycle before";
}

TEST_F(ImageCleanups, RemoveWhatATagHasLeft) {
  driver_.push("web:live", "one");
  pull("web:live");
  driver_.push("web:live", "two");
  pull("web:live");
  add_task("web:live");
  clock_.advance(hours(2));
  clean();
  EXPECT_FALSE(driver_.has_image("one"));
  EXPECT_TRUE(driver_.has_image("two"));
}

TEST_F(ImageCleanups, TryAgainWhatAContainerHolds) {
  pull("a:1");
  driver_.fail("remove_image id-of-a:1", Error(ErrorKind::conflict, "container x is using it"));
  clock_.advance(hours(2));
  clean();
  EXPECT_TRUE(driver_.has_image("a:1"));
  driver_.mend();
  clean();
  EXPECT_FALSE(driver_.has_image("a:1"));
}

TEST_F(ImageCleanups, KnowAfterARestartWhatTheAgentBrought) {
  pull("web:1");
  begin();
  clock_.advance(hours(2));
  clean();
  EXPECT_FALSE(driver_.has_image("web:1"));
  begin();
  clean();
  EXPECT_EQ(driver_.count("remove_image"), 1);
}

TEST_F(ImageCleanups, WaitForPulls) {
  pull("old:1");
  clock_.advance(hours(2));
  driver_.hold("pull slow:1");
  std::thread puller([&] { (void)cleanup_->pull("slow:1", {}); });
  while (driver_.count("pull slow:1") == 0) std::this_thread::yield();
  EXPECT_FALSE(clean()) << "a pull is under way";
  driver_.release();
  puller.join();
  EXPECT_TRUE(clean());
  EXPECT_FALSE(driver_.has_image("old:1"));
  EXPECT_TRUE(driver_.has_image("slow:1"));
}

}  // namespace
}  // namespace gantry::agent
