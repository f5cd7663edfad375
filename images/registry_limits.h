#pragma once

#include <chrono>

namespace gantry::images {

// How long a registry may keep us waiting. A blob has no limit for the whole: as long as it flows, it comes.
struct RegistryLimits {
  std::chrono::milliseconds connect = std::chrono::seconds(10);
  std::chrono::milliseconds stall = std::chrono::seconds(60);    // nothing came for so long
  std::chrono::milliseconds document = std::chrono::minutes(5);  // for a whole manifest or index
  unsigned attempts = 5;                                         // at a blob that a broken connection ended
  std::chrono::milliseconds retry_pause = std::chrono::milliseconds(250);  // doubled after each
};

}  // namespace gantry::images
