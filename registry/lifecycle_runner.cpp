#include "registry/lifecycle_runner.h"

#include "base/json.h"
#include "base/log.h"

#include <algorithm>
#include <set>

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;
using Action = LifecycleRule::Action;

constexpr auto evaluation_period = std::chrono::hours(1);
constexpr double preview_lifetime = 24 * 60 * 60;  // seconds
constexpr size_t most_changes_at_once = 100;       // while the repository is locked for pushes
constexpr std::string_view preview_file = "preview.json";

struct PreviewNote {
  double begun_at = 0;
  RawJson preview;
};

template <class Visitor>
void members(Visitor& visit, PreviewNote& note) {
  visit.required("begunAt", note.begun_at);
  visit.required("preview", note.preview);
}

std::optional<double> past(double time) {
  return time > 0 ? std::optional(time) : std::nullopt;
}

// What a policy does to an image, if its tags are still these.
struct Planned {
  std::vector<std::string> tags;
  bool archive = false;
};
using Plan = std::map<std::string, Planned>;  // by digest

// Artifacts about an image (signatures, SBOMs) go where it goes.
void add_referrers(const std::vector<TaggedImage>& images, Plan& plan) {
  for (bool grown = true; grown;) {
    grown = false;
    for (const auto& image : images) {
      const auto subject = plan.find(image.record.subject);
      if (subject == plan.end() || plan.contains(image.record.digest) || image.in_index) continue;
      if (subject->second.archive && image.record.archived) continue;
      plan[image.record.digest] = {image.tags, subject->second.archive};
      grown = true;
    }
  }
}

}  // namespace

LifecycleRunner::LifecycleRunner(RepositoryStore& repositories, ImageService& images, PullTimes& pulls,
                                 const Clock& clock, bool applies)
    : repositories_(repositories), images_(images), pulls_(pulls), clock_(clock), applies_(applies) {
  thread_ = std::thread([this] { run(); });
}

LifecycleRunner::~LifecycleRunner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LifecycleRunner::push(Work work) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  changed_.notify_all();
}

void LifecycleRunner::apply_soon(const std::string& repository) {
  push({repository, false});
}

void LifecycleRunner::run() {
  auto next_round = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (work_.empty()) {
      if (std::chrono::steady_clock::now() >= next_round) {
        next_round = std::chrono::steady_clock::now() + evaluation_period;
        lock.unlock();
        add_due_work();
        lock.lock();
        continue;
      }
      changed_.wait_until(lock, next_round, [this] { return stopping_ || !work_.empty(); });
      continue;
    }
    const auto work = work_.front();
    work_.pop_front();
    lock.unlock();
    if (work.is_preview) {
      const auto done = work_out_preview(work.repository);
      if (!done)
        log::error("lifecycle preview failed repository={} error=\"{}\"", work.repository,
                   done.error().message);
    } else if (applies_) {
      log_applied(work.repository);
    }
    lock.lock();
  }
}

void LifecycleRunner::add_due_work() {
  for (const auto& name : repositories_.names()) {
    const auto repository = repositories_.find(name);
    if (repository && repository->lifecycle) push({name, false});
    const auto last = preview(name);
    if (last && last->status == "IN_PROGRESS") push({name, true});
  }
}

void LifecycleRunner::log_applied(const std::string& repository) {
  const auto changed = apply(repository);
  if (!changed && changed.error().kind == FailureKind::repository_unknown) return;
  if (!changed) {
    log::error("lifecycle policy not applied repository={} error=\"{}\"", repository,
               changed.error().message);
  } else if (*changed > 0) {
    log::info("lifecycle policy applied repository={} images={}", repository, *changed);
  }
}

std::vector<LifecycleImage> LifecycleRunner::as_rules_see(const std::string& name,
                                                          const std::vector<TaggedImage>& images) {
  std::vector<LifecycleImage> seen;
  for (const auto& image : images) {
    const auto& record = image.record;
    seen.push_back({record.digest, image.tags, record.pushed_at, pulls_.last(name, record),
                    past(record.archived_at), past(record.activated_at),
                    record.archived ? StorageClass::archive : StorageClass::standard, image.in_index});
  }
  return seen;
}

Outcome<size_t> LifecycleRunner::apply(const std::string& name) {
  size_t total = 0;
  for (;;) {  // again, since what an index held may be due once the index is gone
    const auto repository = TRY(repositories_.find(name));
    if (!repository.lifecycle) return total;
    const auto changed = TRY(apply_once(name, repository));
    total += changed;
    if (changed == 0) break;
  }
  TRY(note_evaluation(name));
  return total;
}

Outcome<size_t> LifecycleRunner::apply_once(const std::string& name, const Repository& repository) {
  const auto images = TRY(images_.list(name));
  Plan plan;
  for (const auto& mark : evaluate(*repository.lifecycle, as_rules_see(name, images), clock_.now())) {
    const auto& image = images[mark.image];
    plan[image.record.digest] = {image.tags, mark.action == Action::archive};
    log::info("lifecycle rule applies repository={} digest={} rule={} action={}", name, image.record.digest,
              mark.priority, mark.action == Action::archive ? "archive" : "expire");
  }
  add_referrers(images, plan);
  size_t changed = 0;
  while (!plan.empty()) {
    changed += TRY(images_.change(name, repository.lifecycle_host, [&](const auto& now_there) {
      std::vector<ImageService::ImageChange> changes;
      Plan left;
      for (auto& [digest, planned] : plan) {
        if (changes.size() == most_changes_at_once) {
          left[digest] = std::move(planned);
          continue;
        }
        for (size_t i = 0; i < now_there.size(); ++i) {
          const auto& image = now_there[i];
          if (image.record.digest != digest || image.tags != planned.tags) continue;
          // An index before what it names: its children aren't removed while it is there.
          if (!image.in_index) changes.push_back({i, planned.archive});
        }
      }
      plan = std::move(left);
      return changes;
    }));
  }
  return changed;
}

Outcome<Done> LifecycleRunner::note_evaluation(const std::string& name) {
  const auto lock = repositories_.lock(name);
  auto repository = TRY(repositories_.find(name));
  repository.lifecycle_evaluated_at = to_epoch_seconds(clock_.now());
  return repositories_.save(repository);
}

Outcome<Done> LifecycleRunner::begin_preview(const std::string& name, const std::string& policy_text) {
  const auto lock = repositories_.lock(name);
  const auto last = preview(name);
  if (last && last->status == "IN_PROGRESS") {
    return Failure{FailureKind::upload_busy, "a preview is in progress"};
  }
  ecr::PreviewResponse begun;
  begun.repository_name = name;
  begun.lifecycle_policy_text = policy_text;
  begun.status = "IN_PROGRESS";
  TRY(save_preview(name, to_epoch_seconds(clock_.now()), begun));
  push({name, true});
  return Done{};
}

Outcome<Done> LifecycleRunner::save_preview(const std::string& name, double begun_at,
                                            const ecr::PreviewResponse& result) {
  return repositories_.save_note(
      name, preview_file, to_json(PreviewNote{begun_at, {ecr::to_json_text(result)}}), Durability::durable);
}

Outcome<ecr::PreviewResponse> LifecycleRunner::preview(const std::string& name) const {
  const auto text = TRY(repositories_.note(name, preview_file));
  if (text.empty()) return ecr::PreviewResponse{};
  const auto note = TRY(parse_json<PreviewNote>(text, format("{} of {}", preview_file, name)));
  auto result = TRY(ecr::parse_request<ecr::PreviewResponse>(note.preview.text));
  if (to_epoch_seconds(clock_.now()) - note.begun_at > preview_lifetime) {
    result.status = "EXPIRED";
    result.preview_results.clear();
    result.summary.reset();
  }
  return result;
}

Outcome<Done> LifecycleRunner::work_out_preview(const std::string& name) {
  auto result = TRY(preview(name));
  if (result.status != "IN_PROGRESS") return Done{};
  const auto policy = parse_lifecycle_policy(result.lifecycle_policy_text);
  const auto images = images_.list(name);
  result.status = policy && images ? "COMPLETE" : "FAILED";
  result.summary.emplace();
  int64_t archived = 0;
  if (policy && images) {
    for (const auto& mark : evaluate(*policy, as_rules_see(name, *images), clock_.now())) {
      const auto& image = (*images)[mark.image];
      const bool archives = mark.action == Action::archive;
      result.preview_results.push_back({image.tags,
                                        image.record.digest,
                                        image.record.pushed_at,
                                        {archives ? "TRANSITION" : "EXPIRE", archives ? "ARCHIVE" : ""},
                                        mark.priority,
                                        image.record.archived ? "ARCHIVE" : "STANDARD"});
      ++(archives ? archived : result.summary->expiring_image_total_count);
    }
  }
  if (archived > 0) result.summary->transitioning_image_total_counts = {{"ARCHIVE", archived}};
  const auto lock = repositories_.lock(name);
  TRY(repositories_.find(name));
  TRY(save_preview(name, to_epoch_seconds(clock_.now()), result));
  if (!images) return images.error();
  return Done{};
}

}  // namespace gantry::registry
