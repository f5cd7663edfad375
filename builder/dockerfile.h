#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// A Dockerfile as values. Words are as written: variables aren't expanded, quotes aren't taken off.
// Source: https://docs.docker.com/reference/dockerfile/, and BuildKit where it is silent.
namespace gantry::builder {

// RUN <<EOF … EOF
struct Heredoc {
  std::string name;
  std::string content;
  bool expand = true;  // false: the name was quoted
};

// CMD ["a", "b"] is the exec form; CMD a b is the shell form, one word here.
struct CommandLine {
  bool shell = false;
  std::vector<std::string> words;
};

struct From {
  std::string image;
  std::string platform;
  std::string name;  // AS; lower case
};

enum class RunMountType { bind, cache, tmpfs, secret };

struct RunMount {
  RunMountType type = RunMountType::bind;
  std::string target;
  std::string source;
  std::string from;
  std::string id;
  std::string environment;  // secret: the variable that gets it
  bool read_only = false;
  bool required = false;         // secret
  bool locked = false;           // cache: sharing=locked
  std::optional<uint64_t> size;  // tmpfs, bytes
  std::optional<uint32_t> mode;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

enum class RunNetwork { standard, none, host };

struct Run {
  CommandLine command;
  std::vector<Heredoc> heredocs;
  std::vector<RunMount> mounts;
  RunNetwork network = RunNetwork::standard;
};

// COPY and ADD.
struct Copy {
  bool add = false;
  std::vector<std::string> sources;
  std::vector<Heredoc> files;  // sources that are heredocs
  std::string destination;
  std::string from;
  std::string chown;
  std::string chmod;
  std::vector<std::string> exclude;
  bool link = false;
  bool parents = false;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;
struct Env {
  Pairs pairs;
};
struct Label {
  Pairs pairs;
};
struct Arg {
  std::vector<std::pair<std::string, std::optional<std::string>>> variables;
};
struct WorkDir {
  std::string path;
};
struct User {
  std::string name;
};
struct Volume {
  std::vector<std::string> paths;
};
struct Expose {
  std::vector<std::string> ports;
};
struct Entrypoint {
  CommandLine command;
};
struct Cmd {
  CommandLine command;
};
struct Shell {
  std::vector<std::string> words;
};
struct StopSignal {
  std::string signal;
};
struct HealthCheckCommand {
  std::string text;  // with its options
};
struct OnBuild {
  std::string trigger;
};
struct Maintainer {
  std::string name;
};

struct Instruction {
  int line = 0;      // its first, from 1
  std::string text;  // without continuations and comments: "RUN make all"
  std::variant<From, Run, Copy, Env, Label, Arg, WorkDir, User, Volume, Expose, Entrypoint, Cmd, Shell,
               StopSignal, HealthCheckCommand, OnBuild, Maintainer>
      what;
};

struct Stage {
  Instruction from;
  std::vector<Instruction> instructions;
  const From& base() const { return std::get<From>(from.what); }
};

struct Dockerfile {
  std::string source;  // its name in errors
  char escape = '\\';
  std::vector<Instruction> arguments;  // ARGs before the first FROM
  std::vector<Stage> stages;
};

// Errors: invalid and unsupported, "SOURCE:LINE: INSTRUCTION: RULE".
Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view source);
// One instruction: a trigger of ONBUILD. `source` stands in errors.
Result<Instruction> parse_trigger(std::string_view text, std::string_view source, int line);

}  // namespace gantry::builder
