#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gantry::runtime {

// Names that change places all the time, by renameat2(2) RENAME_EXCHANGE in a thread, until destroyed.
class Exchange {
 public:
  using Pair = std::pair<std::string, std::string>;

  explicit Exchange(std::vector<Pair> pairs)
      : thread_([this, pairs = std::move(pairs)] {
          while (!done_) {
            for (const auto& [one, other] : pairs) {
              if (::renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0) ++count_;
            }
          }
        }) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    done_ = true;
    thread_.join();
  }
  int count() const { return count_; }

 private:
  std::atomic<bool> done_{false};
  std::atomic<int> count_{0};
  std::thread thread_;
};

// How long a race is tried: for some time, or GANTRY_RACE_ROUNDS rounds of it.
class RaceRounds {
 public:
  explicit RaceRounds(std::chrono::milliseconds time) : end_(std::chrono::steady_clock::now() + time) {
    if (const char* asked = std::getenv("GANTRY_RACE_ROUNDS")) rounds_ = std::atoi(asked);
  }
  bool go_on(int done) const {
    return rounds_ > 0 ? done < rounds_ : std::chrono::steady_clock::now() < end_;
  }

 private:
  std::chrono::steady_clock::time_point end_;
  int rounds_ = 0;
};

}  // namespace gantry::runtime
