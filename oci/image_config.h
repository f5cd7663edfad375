#pragma once

#include "oci/descriptor.h"

#include <chrono>

namespace gantry::oci {

struct EmptyObject {};

// Docker's `Healthcheck`: test is {"NONE"}, {"CMD", argument…} or {"CMD-SHELL", command}; empty: inherited.
// Durations are nanoseconds in the document; 0 is inherited. Source: docker's image spec v1.2.
struct HealthCheck {
  std::vector<std::string> test;
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval{0};
  int retries = 0;
};

// The members of the image config's `config`, OCI's and docker's. Absent and null Entrypoint and Cmd differ
// from empty ones only in docker's inheritance, so absence is kept.
struct ContainerConfig {
  std::string user;
  std::map<std::string, EmptyObject> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;                      // NAME=VALUE
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  std::map<std::string, EmptyObject> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<HealthCheck> health_check;
  std::vector<std::string> on_build;
  std::vector<std::string> shell;
};

struct RootFilesystem {
  std::string type = "layers";
  std::vector<Digest> diff_ids;
};

struct History {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

// Source: image-spec config.md. `created` is RFC 3339 as in the document, or empty.
struct ImageConfig {
  std::string created;
  std::string author;
  Platform platform;
  ContainerConfig config;
  RootFilesystem rootfs;
  std::vector<History> history;
};

Result<ImageConfig> parse_image_config(std::string_view text, std::string_view source);
std::string to_json_text(const ImageConfig& config);

}  // namespace gantry::oci
