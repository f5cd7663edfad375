#pragma once

#include "images/image_store.h"
#include "images/progress.h"
#include "images/registries_conf.h"
#include "images/registry_client.h"

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

// What pull and push share; for this folder only.
namespace gantry::images {

// The credential that the caller gave, or the files know. A file that can't be read is an error.
// What was given is for the registry itself: no mirror gets it.
Result<RegistryOptions> registry_options(const RegistrySource& source, const PullOptions& given,
                                         const ImageStoreOptions& store);

// Hands progress to the caller's sink, one call at a time.
class Reporter {
 public:
  explicit Reporter(ProgressSink sink) : sink_(std::move(sink)) {}
  void report(const oci::Digest& item, Step step, uint64_t bytes = 0, uint64_t total = 0);

 private:
  const ProgressSink sink_;
  std::mutex mutex_;
};

// Runs job(0) … job(count - 1) on up to `threads` threads, in order of start. After an error no new ones
// start, and `stop` is set for those that run. Answers the first error.
Result<void> run_parallel(size_t count, unsigned threads, std::atomic<bool>& stop,
                          const std::function<Result<void>(size_t)>& job);

}  // namespace gantry::images
