#pragma once

#include "http/message.h"
#include "registry/access_policy.h"
#include "registry/outcome.h"
#include "registry/registry_settings.h"
#include "registry/repository_store.h"

#include <functional>
#include <string>
#include <string_view>

namespace gantry::registry {

// What repositories' policies and the registry's say of a call, for both APIs. All callers are of one account
// and may do everything that no policy denies, as users with ecr:* of their own may on AWS. Threads share it.
class AccessControl {
 public:
  // All must outlive it. `name_of`: a key's user; empty: the key's id is the name.
  AccessControl(const RepositoryStore& repositories, const SettingsStore& settings, std::string region,
                std::string account, std::function<std::string(const std::string& key_id)> name_of)
      : repositories_(repositories),
        settings_(settings),
        region_(std::move(region)),
        account_(std::move(account)),
        name_of_(std::move(name_of)) {}

  Principal principal(const std::string& key_id) const;
  std::string repository_arn(std::string_view repository) const;

  // `action` is "ecr:BatchGetImage". Fails with denied, in AWS's words. A repository that isn't there has no
  // policy.
  Outcome<Done> check(const Principal& principal, std::string_view action,
                      const std::string& repository) const;
  // The same for a request below /v2/, by the action that it is in ECR.
  Outcome<Done> check(const Principal& principal, const http::Request& head) const;
  // A mount takes a blob out of another repository: lets it name only one that the caller may read.
  void narrow_mount(const Principal& principal, http::Request& request) const;
  bool records_pulls_of(const Principal& principal) const;

 private:
  bool may_read(const Principal& principal, const std::string& repository) const;

  const RepositoryStore& repositories_;
  const SettingsStore& settings_;
  std::string region_;
  std::string account_;
  std::function<std::string(const std::string& key_id)> name_of_;
};

}  // namespace gantry::registry
