#pragma once

#include "base/lock.h"
#include "base/time.h"
#include "http/credentials_file.h"
#include "http/server.h"
#include "images/content_store.h"
#include "registry/access_control.h"
#include "registry/distribution.h"
#include "registry/ecr_service.h"
#include "registry/event_queue.h"
#include "registry/lifecycle_runner.h"
#include "registry/pull_times.h"
#include "registry/registry_settings.h"
#include "registry/tokens.h"

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace gantry::registry {

struct RegistryOptions {
  std::string data;  // folder
  std::string region = "us-east-1";
  std::string account = "123456789012";
  std::chrono::seconds token_lifetime = std::chrono::hours(12);
  bool create_on_push = false;
  bool secure = false;
  bool read_only =
      false;  // nothing is collected, expired or archived; front.h refuses what clients would change
  std::string events_endpoint;     // empty: events go nowhere
  std::vector<std::string> hosts;  // further names of this registry beside those that clients call it by
};

// One registry behind one port: `POST /` is ECR's API (SigV4), /v2/ is OCI Distribution (Basic, user AWS, a
// token from GetAuthorizationToken), GET /health/live (also /health) and /health/ready are
// for load balancers and need no credentials.
class Registry final : public http::Handler {
 public:
  // `credentials` and `clock` must outlive it. Errors: conflict when another registry has the data folder.
  static Result<std::shared_ptr<Registry>> open(const RegistryOptions& options,
                                                const http::FileCredentialStore& credentials,
                                                const Clock& clock);
  ~Registry() override;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  http::BodyPlan plan_body(const http::Request& head) override;
  http::Response handle(http::Request& request) override;

  // What is kept in memory for a while, as it is each minute and at the end.
  void flush() { pulls_.flush(); }
  size_t events_waiting() const { return events_->waiting(); }
  size_t repository_count() const { return repositories_->names().size(); }
  // The key of whoever sends a request below /v2/. Errors: unauthenticated.
  Result<std::string> caller(const http::Request& head) const;

 private:
  Registry(const RegistryOptions& options, const http::FileCredentialStore& credentials, const Clock& clock,
           FileLock lock, images::ContentStore content, std::unique_ptr<RepositoryStore> repositories,
           std::unique_ptr<EventQueue> events, std::unique_ptr<SettingsStore> settings,
           TokenAuthority tokens);
  std::optional<http::Response> refuse(const http::Request& head) const;  // who isn't let in
  void record_pull(const http::Request& request, const http::Response& response, const Principal& principal);
  http::Response readiness();
  void keep_house();
  void collect();

  FileLock lock_;
  const http::CredentialStore& credentials_;
  const Clock& clock_;
  images::ContentStore content_;
  std::unique_ptr<RepositoryStore> repositories_;
  std::unique_ptr<EventQueue> events_;
  std::unique_ptr<SettingsStore> settings_;
  TokenAuthority tokens_;
  AccessControl access_;
  PullTimes pulls_;
  ImageService images_;
  Uploads uploads_;
  Distribution distribution_;
  LifecycleRunner lifecycle_;
  EcrService ecr_;
  http::SigV4Verifier verifier_;
  http::AwsJsonDispatcher dispatcher_;
  std::mutex mutex_;  // guards stopping_
  std::condition_variable changed_;
  bool stopping_ = false;
  const bool read_only_;
  std::thread housekeeper_;
};

}  // namespace gantry::registry
