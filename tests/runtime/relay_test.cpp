#include "base/text.h"
#include "tests/runtime/container_fixture.h"

#include <sys/resource.h>

namespace gantry::runtime {
namespace {

class Relay : public Containers {
 protected:
  // Runs `script` on a terminal, its output going to `reader` by a pipe.
  CommandResult run_to(const std::string& script, const std::string& reader) {
    configure({"sh", "-c", script}, [](auto& config) { config.process->terminal = true; });
    Command command;
    command.arguments = {"/bin/sh",
                         "-c",
                         "\"$@\" | { " + reader + "; }",
                         "sh",
                         GANTRY_BIN_DIR "/gantry-oci",
                         "--root",
                         root(),
                         "run",
                         "--bundle",
                         bundle(),
                         test_id};
    auto result = run_command(command);
    if (!result) return {-1, "", result.error().message()};
    return std::move(*result);
  }
};

double cpu_seconds_of_children() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// More than a pipe holds, so that the program ends while its last output is still on the way.
TEST_F(Relay, ReaderThatPausesGetsAllThatWasPrinted) {
  const auto result = run_to("head -c 72000 /dev/zero", "sleep 0.6; wc -c");
  EXPECT_EQ(trim(result.output), "72000") << result.errors;
}

TEST_F(Relay, FullPipeAndAnAbandonedTerminalCostNoTime) {
  const double before = cpu_seconds_of_children();
  const auto result =
      run_to("head -c 69000 /dev/zero; exec sleep 1 </dev/null >/dev/null 2>&1", "sleep 1; wc -c");
  EXPECT_EQ(trim(result.output), "69000") << result.errors;
  EXPECT_LT(cpu_seconds_of_children() - before, 0.5) << "it turned in a loop while nothing could be done";
}

}  // namespace
}  // namespace gantry::runtime
