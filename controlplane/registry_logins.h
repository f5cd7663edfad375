#pragma once

#include "api/agent_payload.h"
#include "controlplane/model.h"

#include <map>
#include <optional>
#include <string>

namespace gantry::controlplane {

// The registries whose images hosts pull with a token of the ECR API (--registry), beside Amazon's own.
class RegistryLogins {
 public:
  // "HOST[:PORT][=URL]": URL is where the ECR API answers, by default at HOST[:PORT] itself; https, or http
  // on loopback. Errors: invalid, naming the rule; conflict for a host that is there already; denied for
  // plain HTTP to another machine.
  Result<void> add(const std::string& text);

  // How a host logs in to pull `image`; nothing: with what it has itself.
  std::optional<api::PayloadRegistryAuthentication> authentication(const std::string& image,
                                                                   const Identity& identity) const;

  const std::map<std::string, std::string>& urls() const { return urls_; }  // by host, as images name it

 private:
  std::map<std::string, std::string> urls_;
};

}  // namespace gantry::controlplane
