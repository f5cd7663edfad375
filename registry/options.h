#pragma once

#include "base/result.h"
#include "http/server.h"
#include "registry/registry.h"

#include <string>
#include <vector>

namespace gantry::registry {

struct ProgramOptions {
  RegistryOptions registry;
  http::ServerOptions server;
  std::string credentials_file;
  std::string log_level = "info";
  std::string access_log;  // empty: none
  bool open_metrics = false;
  bool check = false;  // look through registry.data instead of serving
  bool help = false;
  bool version = false;
};

// gantry-registry's command line, without the program's name. Errors: invalid, denied (plain HTTP off
// loopback).
Result<ProgramOptions> parse_options(const std::vector<std::string>& arguments);
std::string help_text();

}  // namespace gantry::registry
