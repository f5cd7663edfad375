#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "engine/engine.h"

#include <array>
#include <string>
#include <vector>

namespace gantry::engine {

struct AttachSession {
  UniqueFd socket;        // a client of the monitor: runtime/monitor_files.h
  std::string directory;  // the container's
  bool terminal = false;
  bool open_stdin = false;
  std::vector<int> forwarded_signals;  // without a terminal: these go to the program
  std::vector<char> detach_keys;       // empty: none
};

enum class AttachEnd { container_ended, detached, reader_gone };

// A connected pair of packet sockets: one end for a monitor's first client, one for its session.
Result<std::array<UniqueFd, 2>> packet_pair();

// Relays between our stdin, stdout, stderr and the monitor, until the container has ended or the detach keys
// are typed, or nobody reads our output any more: where signals are forwarded the program then gets SIGPIPE.
// Needs the whole process: it takes over terminal mode and signals meanwhile.
Result<AttachEnd> run_attach_session(AttachSession session);

// Finds the detach keys in what is typed. Keys that began the sequence but didn't go on to its end are input
// like any other.
class DetachKeys {
 public:
  explicit DetachKeys(std::vector<char> keys) : keys_(std::move(keys)) {}
  // Appends to `input` what the container gets; true when the sequence is complete.
  bool feed(std::string_view typed, std::string& input);

 private:
  std::vector<char> keys_;
  size_t matched_ = 0;
};

}  // namespace gantry::engine
