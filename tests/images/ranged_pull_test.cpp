#include "base/text.h"
#include "tests/images/pull_fixture.h"

#include <atomic>
#include <fcntl.h>
#include <mutex>

namespace gantry::images::test {
namespace {

using oci::LayerCompression;
using testing::HasSubstr;

// A store that fetches every blob of 100 KB in parts.
ImageStore open_ranged(const std::string& root) {
  return ImageStore::open({.root = root, .ranged_from = 100'000}).value();
}

TEST_F(Pull, ALargeBlobComesOverSeveralConnections) {
  const auto registry = FakeRegistry::start();
  const auto noise = big_noise();
  add_image(*registry, "app:v1", {{TarBuilder().file("big", noise).finish(), LayerCompression::gzip}});
  std::mutex mutex;
  std::vector<std::string> ranges;
  std::atomic<int> cut = 0;
  const std::string stub = folder_->path() + "/stub";
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    response.status = 0;
    const std::string range = request.headers.get("Range");
    if (range.empty()) return response;
    const std::lock_guard lock(mutex);
    ranges.push_back(range);
    if (ranges.size() != 2) return response;
    // The second one breaks off after 100 bytes.
    const size_t at = request.path.find("/blobs/");
    const size_t dash = range.find('-');
    const auto from = parse_unsigned("from", range.substr(6, dash - 6)).value();
    const auto last = parse_unsigned("last", range.substr(dash + 1)).value();
    cut = static_cast<int>(from) + 100;
    (void)write_file(stub, registry->blobs[request.path.substr(at + 7)].substr(from, 100));
    response.status = 206;
    response.headers.set("Content-Range", format("bytes {}-{}/*", from, last));
    response.file = http::FileBody{open_file(stub, O_RDONLY).value(), 0, last - from + 1};
    return response;
  };
  auto store = open_ranged(root());
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(text(store, *image, "big"), noise);
  EXPECT_EQ(ranges.size(), 4U) << "three parts, and the rest of the one that broke off";
  EXPECT_THAT(ranges, testing::Contains(testing::StartsWith(format("bytes={}-", cut.load()))));
}

TEST_F(Pull, ARegistryThatAnswersNoRangesIsAskedForTheWhole) {
  const auto registry = FakeRegistry::start();
  const auto noise = big_noise();
  add_image(*registry, "app:v1", {{TarBuilder().file("big", noise).finish(), LayerCompression::gzip}});
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    response.status = 0;
    if (!request.headers.has("Range")) return response;
    response.status = 200;
    response.body = registry->blobs[request.path.substr(request.path.find("/blobs/") + 7)];
    return response;
  };
  auto store = open_ranged(root());
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(text(store, *image, "big"), noise);
}

TEST_F(Pull, APartThatCantBeHadEndsTheDownloadWithItsError) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", {{TarBuilder().file("big", big_noise()).finish(), LayerCompression::gzip}});
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    const std::string range = request.headers.get("Range");
    response.status = range.empty() || range.starts_with("bytes=0-") ? 0 : 403;
    return response;
  };
  auto store = open_ranged(root());
  EXPECT_ERROR(store.pull(reference(*registry), options_), ErrorKind::denied, HasSubstr("status 403"));
  expect_nothing_left(store);
}

}  // namespace
}  // namespace gantry::images::test
