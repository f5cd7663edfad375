#pragma once

#include "registry/outcome.h"
#include "registry/repository_store.h"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace gantry::registry {

// When each image was last pulled. A pull costs no write: times are kept in memory, and written to
// "pulls.json" of their repository by flush(), so that kill -9 loses those since the last one. Threads share
// it.
class PullTimes {
 public:
  // `repositories` must outlive it.
  explicit PullTimes(RepositoryStore& repositories) : repositories_(repositories) {}

  void record(const std::string& repository, const std::string& digest, double time);  // epoch seconds
  // Empty: not pulled since it was pushed.
  std::optional<double> last(const std::string& repository, const ManifestRecord& record);
  // Writes what has changed, without images that are gone. Errors are logged.
  void flush();

 private:
  using Times = std::map<std::string, double, std::less<>>;
  Times load(const std::string& repository) const;
  Times& times(const std::string& repository);  // with mutex_ held
  Outcome<Done> write(const std::string& repository);

  RepositoryStore& repositories_;
  std::mutex mutex_;  // guards what follows
  std::map<std::string, Times> known_;
  std::set<std::string> changed_;
};

}  // namespace gantry::registry
