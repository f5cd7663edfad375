#include "engine/context.h"
#include "engine/log_files.h"
#include "engine/watch.h"
#include "runtime/monitor_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {

namespace {

constexpr std::chrono::milliseconds look_again{500};

enum class Reading { goes_on, stopped };

bool is_same_file(BorrowedFd fd, const std::string& path) {
  struct stat open {};
  struct stat named {};
  if (fstat(fd.get(), &open) != 0 || stat(path.c_str(), &named) != 0) return false;
  return open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

// The file that came after the one that `fd` is open on, when that has been rotated away. Empty: it comes in
// an instant.
Result<std::string> file_after(BorrowedFd fd, const std::string& path) {
  const auto files = log_files(path);
  for (size_t i = 0; i < files.size(); ++i) {
    if (!is_same_file(fd, files[i])) continue;
    // Ours is the last when the new one isn't in its place yet.
    return i + 1 < files.size() ? files[i + 1] : std::string();
  }
  if (files.empty()) return Error::make(ErrorKind::not_found, "{}: the log was removed", path);
  return files.front();  // ours is gone: the oldest that is left
}

class LogReading {
 public:
  LogReading(const LogQuery& query, const LogSink& sink, const ContainerInfo& info)
      : query_(query), sink_(sink), path_(info.log_path), driver_(info.spec.log.driver) {}

  // All that is there now, of all files.
  Result<Reading> read_available() {
    if (!reader_ && !TRY(begin())) return Reading::goes_on;
    for (;;) {
      if (TRY(drain()) == Reading::stopped) return Reading::stopped;
      if (is_same_file(reader_->fd(), path_)) return Reading::goes_on;
      // Rotated: what came between our last read and the rename is read first.
      if (TRY(drain()) == Reading::stopped) return Reading::stopped;
      const std::string next = TRY(file_after(reader_->fd(), path_));
      if (next.empty()) return Reading::goes_on;
      reader_.emplace(TRY(open_file(next, O_RDONLY)));
    }
  }

 private:
  Result<bool> begin() {
    const auto files = log_files(path_);
    if (files.empty()) return false;
    LogPosition position;
    if (query_.tail && *query_.tail == 0) {
      position.file = files.size() - 1;
    } else if (query_.tail) {
      position = TRY(find_tail(files, *query_.tail));
    }
    UniqueFd fd = TRY(open_file(files[position.file], O_RDONLY));
    const int whence = query_.tail && *query_.tail == 0 ? SEEK_END : SEEK_SET;
    if (lseek(fd.get(), static_cast<off_t>(position.offset), whence) < 0) {
      return Error::system(errno, "seek in {}", files[position.file]);
    }
    reader_.emplace(std::move(fd));
    return true;
  }

  Result<Reading> drain() {
    for (;;) {
      const auto line = TRY(reader_->next());
      if (!line) return Reading::goes_on;
      if (TRY(give(*line)) == Reading::stopped) return Reading::stopped;
    }
  }

  Result<Reading> give(const std::string& text) {
    const auto entry = TRY(driver_ == LogDriver::cri ? runtime::parse_cri_log_entry(text, path_)
                                                     : runtime::parse_log_entry(text, path_));
    LogLine line;
    line.time = TRY(parse_rfc3339(entry.time).context("{}", path_));
    line.stream = entry.stream == "stderr" ? LogStream::standard_error : LogStream::standard_output;
    line.text = entry.log;
    if (query_.since && line.time < *query_.since) return Reading::goes_on;
    if (query_.until && line.time > *query_.until) return Reading::stopped;
    return sink_(line) ? Reading::goes_on : Reading::stopped;
  }

  const LogQuery& query_;
  const LogSink& sink_;
  std::string path_;
  LogDriver driver_;
  std::optional<LineReader> reader_;
};

// Whether more may come. Asked before the reading that would be the last.
Result<bool> may_write(const Context& context, const std::string& id) {
  if (runtime::monitor_is_alive(context.layout.container(id).directory)) return true;
  const auto info = read_info(context, id);
  if (!info && info.error().kind() == ErrorKind::not_found) return false;
  const auto state = TRY(info).state;
  return state == ContainerState::running || state == ContainerState::restarting;
}

Result<void> check_readable(const ContainerInfo& info, const std::string& reference) {
  switch (info.spec.log.driver) {
    case LogDriver::json_file:
    case LogDriver::cri:
      return {};
    case LogDriver::journald:
      return Error::make(ErrorKind::unsupported,
                         "container {} logs to the journal: journalctl CONTAINER_ID_FULL={} shows it",
                         reference, info.id);
    case LogDriver::none:
      break;
  }
  return Error::make(ErrorKind::unsupported, "container {} has log driver none: nothing was kept", reference);
}

}  // namespace

Result<void> Engine::logs(const std::string& reference, const LogQuery& query, const LogSink& sink) const {
  const std::string id = TRY(resolve_reference(*context_, reference));
  const auto info = TRY(read_info(*context_, id));
  TRY(check_readable(info, reference));
  const auto watch = TRY(DirectoryWatch::make(info.directory, DirectoryWatch::Interest::written));
  LogReading reading(query, sink, info);
  for (;;) {
    const bool more = query.follow && TRY(may_write(*context_, id));
    if (TRY(reading.read_available()) == Reading::stopped || !more) return {};
    TRY(watch.wait(look_again));
  }
}

}  // namespace gantry::engine
