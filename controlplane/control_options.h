#pragma once

#include "base/result.h"
#include "controlplane/model.h"
#include "controlplane/registry_logins.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::controlplane {

// The command line of gantry-control.
struct ControlOptions {
  std::string listen = "127.0.0.1:51480";
  std::string state_directory = "/var/lib/gantry-control";
  std::string credentials_file;
  Identity identity;
  std::string tls_certificate;
  std::string tls_key;
  std::string log_level = "info";
  std::string endpoint_url;
  RegistryLogins registries;
  double host_lost_after = 300;  // seconds
  double healthy_after = 40;     // seconds, of tasks without health checks
  bool help = false;
  bool version = false;
};

std::string control_help();

// `arguments` without the program's name. Errors: invalid, naming the option; denied for plain HTTP on an
// address that isn't loopback.
Result<ControlOptions> parse_control_options(const std::vector<std::string>& arguments);

}  // namespace gantry::controlplane
