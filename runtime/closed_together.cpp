#include "runtime/closed_together.h"

#include <algorithm>
#include <unistd.h>

namespace gantry::runtime {

void ClosedTogether::take(UniqueFd fd) {
  if (!fd) return;
  if (count_ == fds_.size()) close_all();
  fds_[count_++] = fd.release();  // closed by close_all
}

void ClosedTogether::close_all() {
  std::sort(fds_.begin(), fds_.begin() + count_);
  for (size_t begin = 0; begin < count_;) {
    size_t end = begin + 1;
    while (end < count_ && fds_[end] == fds_[end - 1] + 1) ++end;
    ::close_range(static_cast<unsigned>(fds_[begin]), static_cast<unsigned>(fds_[end - 1]), 0);
    begin = end;
  }
  count_ = 0;
}

}  // namespace gantry::runtime
