#pragma once

#include "base/fd.h"

#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::test {

// A program on a terminal of its own, 30 rows of 100 columns, and somebody who types and reads.
class TerminalSession {
 public:
  explicit TerminalSession(std::vector<std::string> command);
  TerminalSession(const TerminalSession&) = delete;
  TerminalSession& operator=(const TerminalSession&) = delete;
  ~TerminalSession();  // kills it when it still runs

  void type(const std::string& keys);
  // Reads until `text` is on the screen, for 20 s at most.
  bool expect(const std::string& text);
  const std::string& seen() const { return seen_; }
  // Reads to the end; the exit code.
  int wait();

 private:
  bool read_some();

  UniqueFd master_;
  pid_t pid_ = 0;
  std::string seen_;
};

}  // namespace gantry::test
