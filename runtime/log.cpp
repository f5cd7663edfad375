#include "runtime/log.h"

#include "base/files.h"
#include "base/json.h"
#include "base/time.h"

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

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

void append(const char* level, const std::string& text) {
  if (!file) return;
  const std::string time = format_rfc3339(SystemClock().now(), false);
  const std::string line = target.json ? to_json(LogRecord{level, text, time})
                                       : format("time=\"{}\" level={} msg={}", time, level, quoted(text));
  (void)write_all(file, line + "\n");
}

void print(const std::string& text) {
  (void)write_all(BorrowedFd(2), text + "\n");
}

}  // namespace

Result<void> set_log_target(const LogTarget& wanted) {
  target = wanted;
  if (target.file.empty()) return {};
  file = TRY(open_file(target.file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0600).context("--log"));
  return {};
}

void log_error(const std::string& text) {
  append("error", text);
  if (!file || !target.only) print(file ? text : "gantry-oci: " + text);
}

void log_warning(const std::string& text) {
  append("warning", text);
  if (!file) print("gantry-oci: warning: " + text);
}

void log_debug(const std::string& text) {
  if (!target.debug) return;
  append("debug", text);
  if (!file) print("gantry-oci: debug: " + text);
}

void log_result(const Result<void>& result) {
  if (!result) log_warning(result.error().message());
}

}  // namespace gantry::runtime
