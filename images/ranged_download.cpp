#include "images/ranged_download.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace gantry::images {
namespace {

// Which segments are there, shared by the threads that fetch and the one that goes on with them.
class Segments {
 public:
  Segments(uint64_t size, uint64_t segment) : size_(size), segment_(segment) {
    done_.resize((size + segment - 1) / segment);
  }

  // The next one to fetch; absent: none is left, or the download has failed.
  std::optional<size_t> claim() {
    const std::lock_guard lock(mutex_);
    if (error_ || claimed_ == done_.size()) return {};
    return claimed_++;
  }
  uint64_t begin(size_t index) const { return index * segment_; }
  uint64_t end(size_t index) const { return std::min(size_, (index + 1) * segment_); }
  size_t count() const { return done_.size(); }

  void finish(size_t index, Result<void> result) {
    const std::lock_guard lock(mutex_);
    if (result)
      done_[index] = true;
    else if (!error_)
      error_ = std::move(result).error();
    changed_.notify_all();
  }
  void fail(const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return error_.has_value();
  }

  Result<void> wait(size_t index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || done_[index]; });
    if (error_) return *error_;
    return {};
  }

 private:
  const uint64_t size_;
  const uint64_t segment_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> done_;
  size_t claimed_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<void> RangedDownload::run(RegistryClient& client, const std::string& path,
                                 const oci::Descriptor& blob) const {
  Segments segments(static_cast<uint64_t>(blob.size), segment);
  const auto fetch = [&] {
    while (const auto index = segments.claim()) {
      uint64_t at = segments.begin(*index);
      const BlobSink sink = [&](std::string_view bytes) -> Result<void> {
        if (segments.failed()) return Error(ErrorKind::conflict, "stopped: another part failed");
        TRY(place(bytes, at));
        at += bytes.size();
        return {};
      };
      segments.finish(*index, client.blob_range(path, blob, at, segments.end(*index), sink));
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min<size_t>(connections, segments.count()); ++i) threads.emplace_back(fetch);
  Result<void> result;
  for (size_t i = 0; i < segments.count() && result; ++i) {
    result = segments.wait(i);
    if (result) result = advance(segments.end(i));
  }
  if (!result) segments.fail(result.error());
  for (auto& thread : threads) thread.join();
  return result;
}

}  // namespace gantry::images
