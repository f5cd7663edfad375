#include "base/fd.h"
#include "base/files.h"
#include "base/text.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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
                         test::program_path("gantry-oci"),
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

// A `gantry-oci exec` that goes on, its output a pipe of ours.
class ExecUnderWay {
 public:
  ExecUnderWay(const std::string& root, const std::vector<std::string>& arguments) {
    auto pipe = Pipe::make();
    EXPECT_OK(pipe);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(::open("/dev/null", O_RDWR), 0);
      ::dup2(pipe->write.get(), 1);
      std::vector<const char*> line = {test::program_path("gantry-oci"), "--root", root.c_str(), "exec"};
      for (const auto& argument : arguments) line.push_back(argument.c_str());
      line.push_back(nullptr);
      ::execv(line[0], const_cast<char**>(line.data()));  // NOLINT: execv changes none
      ::_exit(127);
    }
    output_ = std::move(pipe->read);
  }
  ExecUnderWay(const ExecUnderWay&) = delete;
  ExecUnderWay& operator=(const ExecUnderWay&) = delete;
  ~ExecUnderWay() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  // False when it ends before.
  bool read(size_t bytes) {
    std::string buffer(65536, 0);
    for (size_t seen = 0; seen < bytes;) {
      const ssize_t length = ::read(output_.get(), buffer.data(), buffer.size());
      if (length <= 0) return false;
      seen += static_cast<size_t>(length);
    }
    return true;
  }
  // The program's own memory, without its file.
  uint64_t memory_kib() const {
    const auto text = read_file(format("/proc/{}/smaps_rollup", pid_)).value_or("");
    const std::string_view field = "Anonymous:";
    const auto at = text.find(field);
    return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + field.size(), nullptr, 10);
  }

 private:
  pid_t pid_ = -1;
  UniqueFd output_;
};

class CveRelayTest : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    configure({"sleep", "1000"});
    ASSERT_EQ(create(test_id).status, 0);
    ASSERT_EQ(runtime({"start", test_id}).status, 0);
  }
};

// conmon, CRI-O CVE-2022-1708, containerd CVE-2022-31030: a command's output without end was kept.
// Checked: with Stream::read_some adding to what waits, and wanted_from not asking whether something does.
TEST_F(CveRelayTest, Cve_2022_31030_2022_1708_ExecWithOutputWithoutEndNeedsNoMoreMemoryForIt) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{test_id, "yes"}, {"--tty", test_id, "yes"}}) {
    ExecUnderWay exec(root(), arguments);
    ASSERT_TRUE(exec.read(65536));
    const auto first = exec.memory_kib();
    EXPECT_GT(first, 0U);
    ASSERT_TRUE(exec.read(size_t{2} << 20));
    EXPECT_LE(exec.memory_kib(), first + 64) << "while it is read";
    // Nobody reads: soon it takes no more from the program.
    std::string before;
    int unchanged = 0;
    const auto waits = [&] {
      const auto now = read_file(format("/proc/{}/io", exec.pid())).value_or("?");
      unchanged = now == before ? unchanged + 1 : 0;
      before = now;
      return unchanged == 20;
    };
    EXPECT_TRUE(test::wait_until(waits));
    EXPECT_LE(exec.memory_kib(), first + 64) << "while nobody reads";
  }
}

// containerd CVE-2026-53495: what a command left running kept its end of the output, and that was waited for.
// Checked: with drain() without its limit.
TEST_F(CveRelayTest, Cve_2026_53495_ExecEndsWithItsProcessWhateverKeepsItsOutput) {
  const std::string script =
      "sleep 1000 & trap '' HUP; { trap '' HUP; while :; do echo more; done; } & exit 7";
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, std::vector<std::string>{"--tty"}}) {
    Command command;
    command.arguments = {
        "/bin/sh", "-c",  "\"$@\" >/dev/null 2>&1", "sh", test::program_path("gantry-oci"), "--root",
        root(),    "exec"};
    command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
    command.arguments.insert(command.arguments.end(), {test_id, "sh", "-c", script});
    command.limit = std::chrono::seconds(30);
    const auto result = run_command(command);
    ASSERT_OK(result);
    EXPECT_EQ(result->status, 7);
  }
}

}  // namespace
}  // namespace gantry::runtime
