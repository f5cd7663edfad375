#include "registry/access_log.h"

#include "base/files.h"
#include "base/json_output.h"
#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

namespace gantry::registry {
namespace {

Result<UniqueFd> open_log(const std::string& path) {
  if (path == "-") return duplicate(BorrowedFd(STDOUT_FILENO));
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file) return Error::system(errno, "access log {}", path);
  return file;
}

std::string line_of(const AccessRecord& record) {
  json_detail::Output out(-1);
  const auto text = [&](std::string_view name, const std::string& value) {
    out.key(name);
    out.string(value);
  };
  out.begin_object();
  text("time", record.time);
  text("remote", record.remote);
  text("user", record.user);
  text("method", record.method);
  text("path", record.path);
  text("kind", record.kind);
  out.key("status");
  out.natural(static_cast<uint64_t>(record.status));
  out.key("bytes");
  out.natural(record.sent_bytes);
  out.key("ms");
  out.real(record.milliseconds);
  text("agent", record.user_agent);
  out.end_object();
  return out.take() + "\n";
}

}  // namespace

Result<AccessLog> AccessLog::open(const std::string& file) {
  return AccessLog(file, TRY(open_log(file)));
}

void AccessLog::write(const AccessRecord& record) {
  const auto line = line_of(record);
  const std::lock_guard lock(mutex_);
  const auto written = write_all(file_, line);
  if (!written && !failing_) log::error("access log lost lines error=\"{}\"", written.error().message());
  failing_ = !written;
}

Result<void> AccessLog::reopen() {
  auto file = TRY(open_log(path_));
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
  return {};
}

}  // namespace gantry::registry
