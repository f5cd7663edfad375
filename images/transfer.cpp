#include "images/transfer.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace gantry::images {

Result<RegistryOptions> registry_options(const RegistrySource& source, const PullOptions& given,
                                         const ImageStoreOptions& store) {
  RegistryOptions options;
  options.ca_file = given.ca_file.empty() ? store.ca_file : given.ca_file;
  options.insecure = source.insecure;
  options.limits = store.registry_limits;
  if (source.is_mirror) options.document_attempts = 1;  // there is another to ask
  const bool is_given = given.credential && !source.is_mirror;
  options.credential = is_given ? given.credential : TRY(CredentialFiles().lookup(source.login));
  return options;
}

void Reporter::report(const oci::Digest& item, Step step, uint64_t bytes, uint64_t total) {
  if (!sink_) return;
  const std::lock_guard lock(mutex_);
  sink_({item.hex().substr(0, 12), step, bytes, total});
}

Result<void> run_parallel(size_t count, unsigned threads, std::atomic<bool>& stop,
                          const std::function<Result<void>(size_t)>& job) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    while (!stop) {
      const size_t index = next++;
      if (index >= count) return;
      auto done = job(index);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!first) first = std::move(done).error();
      stop = true;
    }
  };
  std::vector<std::thread> pool;
  const size_t size = std::min<size_t>(count, std::max(1U, threads));
  for (size_t i = 0; i < size; ++i) pool.emplace_back(work);
  for (auto& thread : pool) thread.join();
  if (first) return std::move(*first);
  return {};
}

}  // namespace gantry::images
