#pragma once

#include "base/fd.h"
#include "runtime/failure.h"

#include <optional>
#include <string>
#include <sys/types.h>

namespace gantry::runtime {

// The talk between the runtime and the init process that it cloned: packets up, one byte down.
enum class Message : int {
  failed,   // text says what, and the process ends
  mounted,  // mounts are done: the parent moves network devices, runs prestart and createRuntime, and answers
  pid,      // number is the pid of the process that goes on, cloned with CLONE_PARENT
  ready,    // all is prepared; the parent answers, and init waits for `start`
};

struct Packet {
  Message message = Message::failed;
  int number = 0;
  char text[1000] = {};
};

struct Channel {
  UniqueFd parent;
  UniqueFd child;
  static Result<Channel> make();  // socketpair(2), SOCK_SEQPACKET
};

// In the child; no allocation.
void send_packet(BorrowedFd channel, Message message, int number = 0);
void send_failure(BorrowedFd channel, const Failure& failure);
bool wait_for_answer(BorrowedFd channel);  // false: the parent is gone

// In the parent. Empty: the child closed its end (it executed the program, or died).
Result<std::optional<Packet>> receive_packet(BorrowedFd channel);
Result<void> answer(BorrowedFd channel);

// "mount /data: Permission denied", always terminated.
void describe_failure(const Failure& failure, char* text, size_t size);

}  // namespace gantry::runtime
