#include "runtime/monitor_runtime.h"

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

namespace gantry::runtime {

namespace {

struct RuntimeLogRecord {
  std::string level;
  std::string message;
};

template <class Visitor>
void members(Visitor& visit, RuntimeLogRecord& record) {
  visit("level", record.level);
  visit("msg", record.message);
}

Result<pid_t> read_pid(const std::string& path) {
  const auto text = TRY(read_file(path));
  return static_cast<pid_t>(TRY(parse_unsigned(path, trim(text), INT32_MAX)));
}

}  // namespace

std::string RuntimeCommands::file(std::string_view name) const {
  return join_path(directory_, name);
}

std::vector<std::string> RuntimeCommands::command() const {
  std::vector<std::string> command = {
      config_.runtime, "--root", config_.runtime_root, "--log", file("runtime.log"), "--log-format", "json"};
  command.insert(command.end(), config_.runtime_arguments.begin(), config_.runtime_arguments.end());
  return command;
}

std::vector<std::string> RuntimeCommands::create(const std::string& console_path) const {
  auto arguments = command();
  for (const auto& word : {std::string("create"), std::string("--bundle"), config_.bundle,
                           std::string("--pid-file"), file("pid")}) {
    arguments.push_back(word);
  }
  if (!console_path.empty()) arguments.insert(arguments.end(), {"--console-socket", console_path});
  arguments.push_back(config_.id);
  return arguments;
}

std::vector<std::string> RuntimeCommands::start() const {
  auto arguments = command();
  arguments.insert(arguments.end(), {"start", config_.id});
  return arguments;
}

std::vector<std::string> RuntimeCommands::exec_session(const std::string& console_path) const {
  auto arguments = command();
  arguments.insert(arguments.end(), {"--log-only", "exec", "--detach", "--process", config_.exec_process,
                                     "--pid-file", file("pid")});
  if (!console_path.empty()) arguments.insert(arguments.end(), {"--console-socket", console_path});
  arguments.push_back(config_.id);
  return arguments;
}

std::vector<std::string> RuntimeCommands::remove() const {
  auto arguments = command();
  arguments.insert(arguments.end(), {"delete", "--force", config_.id});
  return arguments;
}

std::vector<std::string> RuntimeCommands::exec(const std::vector<std::string>& program) const {
  auto arguments = command();
  arguments.insert(arguments.end(), {"exec", "--detach", "--pid-file", file("exec.pid"), config_.id});
  arguments.insert(arguments.end(), program.begin(), program.end());
  return arguments;
}

void RuntimeCommands::clear_log() const {
  (void)remove_file(file("runtime.log"));
}

std::string RuntimeCommands::last_error(int status) const {
  std::string last;
  for (const auto& line : split(read_file(file("runtime.log")).value_or(""), '\n')) {
    const auto record =
        line.empty() ? RuntimeLogRecord{} : parse_json<RuntimeLogRecord>(line, "runtime.log").value_or({});
    if (record.level == "error" || record.level == "fatal") last = record.message;
  }
  if (!last.empty()) return last;
  return format("{} ended with status {} and left no message", config_.runtime, status);
}

Result<pid_t> RuntimeCommands::container_pid() const {
  return read_pid(file("pid"));
}

Result<pid_t> RuntimeCommands::exec_pid() const {
  return read_pid(file("exec.pid"));
}

int start_failure_code(const std::string& error) {
  const auto has = [&](std::string_view text) { return error.find(text) != std::string::npos; };
  const bool about_program = has("exec: ") || has("exec ");
  if (has("executable file not found")) return 127;
  if (about_program && (has("no such file or directory") || has("No such file or directory"))) return 127;
  if (about_program && (has("permission denied") || has("Permission denied"))) return 126;
  return 125;
}

}  // namespace gantry::runtime
