#pragma once

#include "tests/runtime/call_killer.h"
#include "tests/runtime/container_fixture.h"

namespace gantry::runtime {

// gantry-oci is killed at one of its system calls after another. Orphans become the test's own children, so
// that a process that is left is seen, whatever became of its name.
class KilledAtEachCall : public Containers {
 protected:
  void SetUp() override;
  void TearDown() override;

  std::vector<std::string> command(std::vector<std::string> arguments) const;
  // Kills at each `stride`-th call of what `attempt` runs, until that comes to its end. `prepare` is called
  // before each, what is left is removed and looked for after each. Returns how often it was killed.
  int kill_everywhere(int stride, const std::function<void()>& prepare,
                      const std::function<Killed(int)>& attempt);

 private:
  void expect_nothing_is_left(int number);
  std::string files();  // all of the test's folder, but for the filter cache

  std::string mounts_;
  std::string files_;
};

}  // namespace gantry::runtime
