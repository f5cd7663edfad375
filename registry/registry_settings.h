#pragma once

#include "api/ecr_registry_model.h"
#include "http/aws_error.h"
#include "registry/access_policy.h"
#include "registry/outcome.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace gantry::registry {

// What ECR's API sets for the registry as a whole.
struct RegistrySettings {
  std::shared_ptr<const AccessPolicy> policy;                   // null: none
  std::map<std::string, api::ecr::CreationTemplate> templates;  // by prefix
  std::map<std::string, std::string> account_settings;          // those that were put
  std::map<std::string, double> pull_time_exclusions;           // principal ARN, epoch seconds of its coming
  std::optional<api::ecr::ScanningConfiguration> scanning;      // empty: none was put
  bool has_signing_configuration = false;                       // one without rules: no other is accepted

  // The template with the longest prefix of `repository`, else that of ROOT; null when none applies for
  // `scenario`, such as "CREATE_ON_PUSH".
  const api::ecr::CreationTemplate* template_for(const std::string& repository,
                                                 std::string_view scenario) const;
};

// Account settings with what they are before any was put; empty: not a setting.
std::string account_setting(const RegistrySettings& settings, const std::string& name);
bool is_account_setting(const std::string& name, const std::string& value);

// The settings as one file. A change is durable before it is seen. Threads share it.
class SettingsStore {
 public:
  // Errors: corrupt, invalid when the file can't be read.
  static Result<std::unique_ptr<SettingsStore>> open(const std::string& path);

  std::shared_ptr<const RegistrySettings> get() const;
  // Gives `change` a copy to work on, and keeps it. Changes come one after another; one that returns an error
  // changes nothing.
  http::AwsResult<void> change(const std::function<http::AwsResult<void>(RegistrySettings&)>& change);

 private:
  explicit SettingsStore(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::mutex changing_;
  mutable std::mutex mutex_;  // guards settings_
  std::shared_ptr<const RegistrySettings> settings_ = std::make_shared<const RegistrySettings>();
};

}  // namespace gantry::registry
