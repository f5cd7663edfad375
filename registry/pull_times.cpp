#include "registry/pull_times.h"

#include "base/json.h"
#include "base/log.h"

namespace gantry::registry {
namespace {

constexpr std::string_view pulls_file = "pulls.json";

}  // namespace

PullTimes::Times PullTimes::load(const std::string& repository) const {
  const auto text = repositories_.note(repository, pulls_file);
  if (!text || text->empty()) return {};
  auto parsed = parse_json<std::map<std::string, double>>(*text, format("{} of {}", pulls_file, repository));
  if (!parsed) {
    log::warning("pull times forgotten error=\"{}\"", parsed.error().message());
    return {};
  }
  return Times(parsed->begin(), parsed->end());
}

// Read from the file once; it is small, and of this repository only.
PullTimes::Times& PullTimes::times(const std::string& repository) {
  const auto found = known_.find(repository);
  return found != known_.end() ? found->second : known_.emplace(repository, load(repository)).first->second;
}

void PullTimes::record(const std::string& repository, const std::string& digest, double time) {
  const std::lock_guard lock(mutex_);
  times(repository)[digest] = time;
  changed_.insert(repository);
}

std::optional<double> PullTimes::last(const std::string& repository, const ManifestRecord& record) {
  const std::lock_guard lock(mutex_);
  const auto& all = times(repository);
  const auto found = all.find(record.digest);
  if (found == all.end() || found->second < record.pushed_at) return std::nullopt;
  return found->second;
}

void PullTimes::flush() {
  std::set<std::string> changed;
  {
    const std::lock_guard lock(mutex_);
    changed.swap(changed_);
  }
  for (const auto& repository : changed) {
    const auto written = write(repository);
    if (!written)
      log::error("pull times not written repository={} error=\"{}\"", repository, written.error().message);
  }
}

Outcome<Done> PullTimes::write(const std::string& repository) {
  const auto repository_lock = repositories_.lock(repository);
  if (!repositories_.find(repository)) {
    const std::lock_guard lock(mutex_);
    known_.erase(repository);
    return Done{};
  }
  Times all;
  {
    const std::lock_guard lock(mutex_);
    all = times(repository);
  }
  std::map<std::string, double> kept;
  for (const auto& [digest, time] : all) {
    const auto parsed = oci::Digest::parse(digest);
    if (parsed && repositories_.manifest(repository, *parsed)) kept[digest] = time;
  }
  TRY(repositories_.save_note(repository, pulls_file, to_json(kept), Durability::atomic));
  const std::lock_guard lock(mutex_);
  for (const auto& entry : all) {
    if (!kept.contains(entry.first)) times(repository).erase(entry.first);
  }
  return Done{};
}

}  // namespace gantry::registry
