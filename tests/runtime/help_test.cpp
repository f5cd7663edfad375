// The help, the versions and the wrong usage of gantry-oci and gantry-monitor. Needs no root and no
// container.

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/commands.h"
#include "tests/support/programs.h"
#include "tests/support/results.h"

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

CommandResult call(const std::string& program, const std::string& line) {
  Command command{{test::program_path(program)}, {}, {}, {}, {}};
  for (const auto& word : split(line, ' ')) {
    if (!word.empty()) command.arguments.push_back(word);
  }
  auto result = run_command(command);
  if (!result) return {-1, "", result.error().message()};
  return std::move(*result);
}

CommandResult oci(const std::string& line) {
  return call("gantry-oci", line);
}

TEST(OciHelp, EveryCommandOfTheTableHasOne) {
  const auto all = oci("--help").output;
  EXPECT_GE(all_commands().size(), 15u);
  for (const auto& command : all_commands()) {
    const std::string name(command.usage.name);
    EXPECT_THAT(all, HasSubstr("\n  " + name + "  ")) << name << ": help2man takes one space for text";
    EXPECT_THAT(all, HasSubstr("  " + std::string(command.usage.summary) + "\n")) << name;
    const auto help = oci(name + " --help");
    EXPECT_EQ(help.status, 0) << name << help.errors;
    EXPECT_EQ(help.errors, "") << name;
    EXPECT_THAT(help.output, StartsWith("Usage: gantry-oci " + name + " [OPTIONS]"));
    EXPECT_THAT(help.output, HasSubstr("\n\n" + std::string(command.usage.summary) + "\n")) << name;
    EXPECT_THAT(help.output, HasSubstr("-h, --help ")) << name;
    EXPECT_EQ(oci(name + " -h").output, help.output) << name;
    EXPECT_EQ(oci("help " + name).output, help.output) << name;
    const auto wrong = oci(name + " --nosuch");
    EXPECT_EQ(wrong.status, 1) << name;
    EXPECT_EQ(wrong.errors,
              "gantry-oci: flag provided but not defined: --nosuch (see gantry-oci " + name + " --help)\n");
  }
}

TEST(OciHelp, IsPrintedWithoutACommandToo) {
  const auto help = oci("");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, StartsWith("Usage: gantry-oci [OPTIONS] COMMAND"));
  for (const auto* same : {"--help", "-h", "help"}) EXPECT_EQ(oci(same).output, help.output) << same;
}

TEST(OciHelp, SaysWhatIsRefusedAndWhatTheDefaultsAre) {
  const auto help = oci("--help").output;
  for (const auto* text :
       {"text or json (default text)", "disabled is --cgroup-limits none (default cgroupfs)",
        "(default auto)", "(default /run/gantry-oci, or $XDG_RUNTIME_DIR/gantry-oci for a user)",
        "(default required)"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
  EXPECT_THAT(oci("run --bundle /elsewhere --help").output, HasSubstr("(default .)"))
      << "what was given isn't the default";
  EXPECT_THAT(oci("exec --help").output, HasSubstr("numbers (default: the container's)\n"));
}

struct Wrong {
  const char* line;
  int status;
  const char* error;
};

TEST(OciUsage, IsRefusedInOneLineWithRuncsCodes) {
  for (const auto& wrong : {
           Wrong{"run", 1, "\"run\" requires exactly 1 argument(s), found 0 (see gantry-oci run --help)"},
           Wrong{"run a b", 1, "\"run\" requires exactly 1 argument(s), found 2 (see gantry-oci run --help)"},
           Wrong{"kill", 1,
                 "\"kill\" requires a minimum of 1 argument(s), found 0 (see gantry-oci kill --help)"},
           Wrong{"kill a b c", 1,
                 "\"kill\" requires a maximum of 2 argument(s), found 3 (see gantry-oci kill --help)"},
           Wrong{"list x", 1,
                 "\"list\" requires exactly 0 argument(s), found 1 (see gantry-oci list --help)"},
           Wrong{"exec", 1,
                 "\"exec\" requires a minimum of 1 argument(s), found 0 (see gantry-oci exec --help)"},
           Wrong{"exec --user", 1, "flag needs an argument: --user (see gantry-oci exec --help)"},
           Wrong{"run --detach=maybe a", 1,
                 "flag --detach takes true or false, found \"maybe\" (see gantry-oci run --help)"},
           Wrong{"run --bundle= a", 1, "--bundle must not be empty"},
           Wrong{"nosuch", 3, "unknown command \"nosuch\" (see gantry-oci --help)"},
           Wrong{"help nosuch", 3, "no help topic for \"nosuch\" (see gantry-oci --help)"},
           Wrong{"help run x", 3, "no help topic for \"run x\" (see gantry-oci --help)"},
           Wrong{"--nosuch list", 1, "flag provided but not defined: --nosuch (see gantry-oci --help)"},
           Wrong{"--root= list", 1, "--root must not be empty"},
           Wrong{"--log-format xml list", 1, "--log-format must be text or json, found \"xml\""},
           Wrong{"--log-level info list", 1, "--log-level must be error, warning or debug, found \"info\""},
           Wrong{"--log-only list", 1, "--log-only needs --log FILE"},
           Wrong{"--cgroup-manager x list", 1,
                 "--cgroup-manager must be cgroupfs, systemd or disabled, found \"x\""},
           Wrong{"--rootless x list", 1, "--rootless must be true, false or auto, found \"x\""},
       }) {
    const auto done = oci(wrong.line);
    EXPECT_EQ(done.status, wrong.status) << wrong.line;
    EXPECT_EQ(done.output, "") << wrong.line;
    EXPECT_EQ(done.errors, format("gantry-oci: {}\n", wrong.error));
  }
}

TEST(OciUsage, ExecOfNothingIsRuncs255) {
  const auto done = oci("--root /nonexistent exec nosuch true");
  EXPECT_EQ(done.status, 255);
  EXPECT_EQ(done.errors, "gantry-oci: exec failed: container does not exist: nosuch\n");
}

TEST(OciLog, LogOnlyKeepsErrorsOffStderr) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto log = join_path(folder->path(), "log");
  const auto both = oci("--log " + log + " state nosuch");
  EXPECT_EQ(both.errors, "container does not exist: nosuch\n");
  const auto one = oci("--log " + log + " --log-only state nosuch");
  EXPECT_EQ(one.status, 1);
  EXPECT_EQ(one.errors, "");
  EXPECT_EQ(split(read_file(log).value_or(""), '\n').size(), 3u) << "a line for each call";
}

TEST(OciLog, FilePrefixAndLevelAreCruns) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const auto log = join_path(folder->path(), "log");
  ASSERT_OK(make_directories(join_path(folder->path(), "root/broken"), 0700));  // a warning of `list`
  const std::string list = " --root " + folder->path() + "/root list";
  EXPECT_EQ(oci("--log-level error --log file:" + log + list).status, 0);
  EXPECT_EQ(read_file(log).value_or("?"), "");
  EXPECT_EQ(oci("--log-level warning --log file:" + log + list).status, 0);
  EXPECT_THAT(read_file(log).value_or(""),
              HasSubstr(" level=warning msg=\"container does not exist: broken"));
  EXPECT_EQ(oci("--log-level error" + list).errors, "");
  EXPECT_THAT(oci(list).errors, StartsWith("gantry-oci: warning: container does not exist: broken"));
}

TEST(OciVersion, IsPrintedInAllWays) {
  EXPECT_THAT(oci("--version").output, StartsWith("gantry-oci version " GANTRY_VERSION "\nspec: "));
  for (const auto* same : {"-v", "version"}) EXPECT_EQ(oci(same).output, oci("--version").output);
}

TEST(MonitorUsage, HelpAndVersion) {
  const auto help = call("gantry-monitor", "--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, StartsWith("Usage: gantry-monitor --dir DIR [OPTIONS]"));
  EXPECT_EQ(call("gantry-monitor", "-h").output, help.output);
  EXPECT_EQ(call("gantry-monitor", "--version").output, "gantry-monitor " GANTRY_VERSION "\n");
  EXPECT_EQ(call("gantry-monitor", "-v").output, "gantry-monitor " GANTRY_VERSION "\n");
}

TEST(MonitorUsage, WrongOptionsAreStatus2) {
  for (const auto& wrong : {
           Wrong{"", 2, "--dir DIR must be given (see gantry-monitor --help)"},
           Wrong{"--nosuch", 2, "unknown option \"--nosuch\" (see gantry-monitor --help)"},
           Wrong{"x", 2, "unknown argument \"x\" (see gantry-monitor --help)"},
           Wrong{"--dir", 2, "option --dir needs a value (see gantry-monitor --help)"},
           Wrong{"--dir=", 2, "option --dir must not be empty (see gantry-monitor --help)"},
           Wrong{"--dir=/x --sync-fd 1", 2, "option --sync-fd: descriptor 1 isn't open, or is one of 0 to 2"},
           Wrong{"--dir=/nonexistent", 1, "open /nonexistent/monitor.lock: No such file or directory"},
       }) {
    const auto done = call("gantry-monitor", wrong.line);
    EXPECT_EQ(done.status, wrong.status) << wrong.line;
    EXPECT_EQ(done.errors, format("gantry-monitor: {}\n", wrong.error));
  }
}

}  // namespace
}  // namespace gantry::runtime
