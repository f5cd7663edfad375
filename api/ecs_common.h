#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Small ECS shapes that several others are made of. Member names follow the wire names (lowerCamel there,
// snake_case here); an absent member is an empty string, an empty list or an empty optional.
// Source: the ECS service model, API version 2014-11-13.

namespace gantry::api {

// A timestamp as AWS JSON has it: seconds since the epoch with a fraction (milliseconds are kept).
// to_epoch_seconds and from_epoch_seconds of base/time.h convert.
using EpochSeconds = double;

struct Tag {
  std::string key;
  std::string value;
  bool operator==(const Tag&) const = default;
};

struct KeyValuePair {
  std::string name;
  std::string value;
  bool operator==(const KeyValuePair&) const = default;
};

// An attribute of a container instance, or one that a task definition requires. A value may be absent.
struct Attribute {
  std::string name;
  std::string value;
  std::string target_type;
  std::string target_id;
  bool operator==(const Attribute&) const = default;
};

// CPU and MEMORY are INTEGER (units of 1/1024 core; MiB), PORTS and PORTS_UDP are STRINGSET: host ports in
// use or reserved.
struct Resource {
  std::string name;
  std::string type;
  double double_value = 0;
  int64_t long_value = 0;
  int64_t integer_value = 0;
  std::vector<std::string> string_set_value;
};

struct VersionInfo {
  std::string agent_version;
  std::string agent_hash;
  std::string docker_version;
};

struct Failure {
  std::string arn;
  std::string reason;  // "MISSING", "RESOURCE:CPU", …
  std::string detail;
};

struct NetworkBinding {
  std::string bind_ip;
  std::optional<int> container_port;
  std::optional<int> host_port;
  std::string protocol;  // "tcp", "udp"
  std::string container_port_range;
  std::string host_port_range;
};

// type "distinctInstance", or "memberOf" with an expression of the cluster query language.
struct PlacementConstraint {
  std::string type;
  std::string expression;
  bool operator==(const PlacementConstraint&) const = default;
};

// type "random", "spread" (field "instanceId" or "attribute:NAME") or "binpack" (field "cpu" or "memory").
struct PlacementStrategy {
  std::string type;
  std::string field;
  bool operator==(const PlacementStrategy&) const = default;
};

// How ECS names resources: "arn:aws:ecs:REGION:ACCOUNT:TYPE/…".
struct Arn {
  std::string partition;
  std::string service;
  std::string region;
  std::string account;
  std::string type;  // "cluster", "task", …
  std::string name;  // all behind "TYPE/": "default/0123…"
};
// Empty when `text` isn't an ARN of six parts with TYPE/NAME at the end.
std::optional<Arn> parse_arn(std::string_view text);
// The part behind the last slash, or all: a task's or an instance's id out of an id or an ARN.
std::string_view short_name(std::string_view id_or_arn);

}  // namespace gantry::api
