#include "runtime/log.h"

#include "base/files.h"
#include "base/json.h"
#include "base/time.h"
#include "runtime/log_socket.h"

#include <fcntl.h>
#include <unistd.h>

namespace gantry::runtime {

struct LogRecord {
  std::string level;
  std::string msg;
  std::string time;
};

template <class Visitor>
void members(Visitor& visit, LogRecord& record) {
  visit.required("level", record.level);
  visit.required("msg", record.msg);
  visit.required("time", record.time);
}

namespace {

LogTarget target;
UniqueFd file;
std::optional<LogSocket> log_socket;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

bool has_target() {
  return file || log_socket;
}

std::string json_record(const char* level, const std::string& text) {
  return to_json(LogRecord{level, text, format_rfc3339(SystemClock().now(), false)});
}

void append(const char* level, const std::string& text) {
  const std::string record = target.json ? json_record(level, text) : text;
  if (log_socket) return log_socket->send(level, record);
  const std::string time = format_rfc3339(SystemClock().now(), false);
  const std::string line =
      target.json ? record : format("time=\"{}\" level={} msg={}", time, level, quoted(text));
  (void)write_all(file, line + "\n");
}

void print(const std::string& text) {
  (void)write_all(BorrowedFd(2), text + "\n");
}

// Where stderr is the log: records as JSON for who asked for that, as runc has it, else words for a person.
void print_as_log(const char* level, const std::string& prefix, const std::string& text) {
  print(target.json ? json_record(level, text) : "gantry-oci: " + prefix + text);
}

}  // namespace

Result<void> set_log_target(const LogTarget& wanted) {
  constexpr std::string_view file_prefix = "file:";
  target = wanted;
  if (target.target.empty()) return {};
  log_socket = TRY(LogSocket::connect(target.target));
  if (log_socket) return {};
  const bool prefixed = target.target.rfind(file_prefix, 0) == 0;
  const std::string path = target.target.substr(prefixed ? file_prefix.size() : 0);
  file = TRY(open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0600).context("--log"));
  return {};
}

void log_error(const std::string& text) {
  if (!has_target()) return print_as_log("error", "", text);
  append("error", text);
  if (!target.only) print(text);
}

void log_warning(const std::string& text) {
  if (target.level < LogLevel::warning) return;
  if (!has_target()) return print_as_log("warning", "warning: ", text);
  append("warning", text);
}

bool logs_debug() {
  return target.level >= LogLevel::debug;
}

void write_debug(const std::string& text) {
  if (!has_target()) return print_as_log("debug", "debug: ", text);
  append("debug", text);
}

void log_result(const Result<void>& result) {
  if (!result) log_warning(result.error().message());
}

}  // namespace gantry::runtime
