#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <optional>
#include <string>

namespace gantry::runtime {

// Where journald and a syslog daemon listen.
struct LogPlaces {
  const char* journal = "/run/systemd/journal/socket";
  const char* syslog = "/dev/log";
};

// The forms of --log that crun has beside a file's path: "journald:ID" and "syslog:ID", one datagram for each
// record.
class LogSocket {
 public:
  // Nothing for what is a file's path. Errors: nobody listens; an ID that isn't one line.
  static Result<std::optional<LogSocket>> connect(const std::string& target, const LogPlaces& places = {});
  // `level` as in a record of a file. Lost, when the other side takes nothing.
  void send(const char* level, const std::string& text) const;

 private:
  LogSocket(UniqueFd socket, std::string id, bool is_journal)
      : socket_(std::move(socket)), id_(std::move(id)), is_journal_(is_journal) {}
  UniqueFd socket_;
  std::string id_;
  bool is_journal_;
};

}  // namespace gantry::runtime
