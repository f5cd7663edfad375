#pragma once

#include "api/ecr_policy_model.h"
#include "registry/image_service.h"
#include "registry/pull_times.h"
#include "registry/repository_store.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace gantry::registry {

// Applies lifecycle policies: each hour, at the start, and soon after a policy was put; and works out
// previews. One thread does all of it, one repository after another. A preview is kept in "preview.json" of
// its repository; one that a crash cut short is worked out again at the start.
class LifecycleRunner {
 public:
  // All must outlive it. Not `applies`: previews only.
  LifecycleRunner(RepositoryStore& repositories, ImageService& images, PullTimes& pulls, const Clock& clock,
                  bool applies = true);
  ~LifecycleRunner();  // lets the repository at hand be finished
  LifecycleRunner(const LifecycleRunner&) = delete;
  LifecycleRunner& operator=(const LifecycleRunner&) = delete;

  void apply_soon(const std::string& repository);
  // Applies the repository's policy until nothing is due. Returns how many images it removed or archived.
  Outcome<size_t> apply(const std::string& repository);

  // Begins a preview, as IN_PROGRESS. Fails with upload_busy while one is in progress.
  Outcome<Done> begin_preview(const std::string& repository, const std::string& policy_text);
  // The last preview; its status is empty when there is none. EXPIRED, without results, a day after it began.
  Outcome<api::ecr::PreviewResponse> preview(const std::string& repository) const;

 private:
  struct Work {
    std::string repository;
    bool is_preview = false;
  };
  void run();
  void add_due_work();  // for all repositories
  void push(Work work);
  void log_applied(const std::string& repository);
  Outcome<size_t> apply_once(const std::string& name, const Repository& repository);
  Outcome<Done> note_evaluation(const std::string& name);
  Outcome<Done> work_out_preview(const std::string& name);
  std::vector<LifecycleImage> as_rules_see(const std::string& name, const std::vector<TaggedImage>& images);
  Outcome<Done> save_preview(const std::string& name, double begun_at,
                             const api::ecr::PreviewResponse& preview);

  RepositoryStore& repositories_;
  ImageService& images_;
  PullTimes& pulls_;
  const Clock& clock_;
  const bool applies_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Work> work_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::registry
