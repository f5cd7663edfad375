#include "builder/canceller.h"

#include <sys/eventfd.h>

namespace gantry::builder {

Canceller::Canceller(Canceller&& other) noexcept
    : event_(std::move(other.event_)), cancelled_(other.cancelled_.load()) {}

Result<Canceller> Canceller::make() {
  UniqueFd event(eventfd(0, EFD_CLOEXEC));
  if (!event) return Error::system(errno, "eventfd");
  return Canceller(std::move(event));
}

void Canceller::cancel() {
  cancelled_ = true;
  (void)eventfd_write(event_.get(), 1);
}

}  // namespace gantry::builder
