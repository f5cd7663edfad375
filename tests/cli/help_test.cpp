// gantry's help, version and wrong usage. Needs no root and no container.

#include "base/process.h"
#include "base/text.h"
#include "tests/support/programs.h"
#include "tests/support/results.h"

namespace gantry {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Words = std::vector<std::string>;

CommandResult gantry(const std::string& line) {
  Words words = {test::program_path("gantry")};
  for (const auto& word : split(line, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  auto result = run_command({.arguments = words});
  if (!result) return {255, "", result.error().message()};
  return std::move(result).value();
}

// The first words of the lines below "TITLE:".
Words names_below(const std::string& title, const std::string& help) {
  Words names;
  bool below = false;
  for (const auto& line : split(help, '\n')) {
    if (below && !line.starts_with("  ")) break;
    if (below) names.push_back(split(trim(line), ' ')[0]);
    below |= line == title + ":";
  }
  return names;
}

// "run", "image ls", …: all that the help names.
Words all_commands() {
  const std::string help = gantry("--help").output;
  Words all = names_below("Commands", help);
  for (const auto& group : names_below("Groups of commands", help)) {
    for (const auto& name : names_below("Commands", gantry(group).output)) all.push_back(group + " " + name);
  }
  return all;
}

TEST(Help, EveryCommandOfTheTableNamesItself) {
  const auto commands = all_commands();
  EXPECT_GT(commands.size(), 45u);
  for (const auto& command : commands) {
    const auto help = gantry(command + " --help");
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_EQ(help.errors, "") << command;
    EXPECT_THAT(help.output, StartsWith("Usage:  gantry " + command)) << command;
    EXPECT_THAT(help.output, HasSubstr("--help ")) << command;
    EXPECT_EQ(gantry("help " + command).output, help.output) << command;
    if (help.output.find("-h, --help") != std::string::npos) {
      EXPECT_EQ(gantry(command + " -h").output, help.output) << command;
    }
    const auto wrong = gantry(command + " --nosuch");
    EXPECT_EQ(wrong.status, 125) << command;
    EXPECT_EQ(wrong.output, "") << command;
    EXPECT_THAT(wrong.errors, StartsWith("gantry: unknown flag: --nosuch\n\nUsage:  gantry " + command));
    EXPECT_THAT(wrong.errors, HasSubstr("Run 'gantry " + command + " --help' for more information\n"));
  }
}

TEST(Help, IsPrintedWithoutACommandAndByHelp) {
  const auto help = gantry("");
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, StartsWith("Usage:  gantry [OPTIONS] COMMAND"));
  for (const auto* same : {"--help", "-h", "help", "help --help"})
    EXPECT_EQ(gantry(same).output, help.output);
  EXPECT_THAT(gantry("image").output, StartsWith("Usage:  gantry image COMMAND"));
  for (const auto* same : {"image --help", "help image"})
    EXPECT_EQ(gantry(same).output, gantry("image").output);
}

TEST(Help, NamesAliases) {
  EXPECT_THAT(gantry("images --help").output,
              HasSubstr("Aliases:\n  gantry images, gantry image ls, gantry image list\n"));
  EXPECT_THAT(gantry("image list --help").output, StartsWith("Usage:  gantry image list"));
}

TEST(WrongUsage, HasDockersCodesAndSaysWhereToFindHelp) {
  struct Case {
    std::string line;
    int status;
    std::string error;
    std::string help;
  };
  const Case cases[] = {
      {"run", 1, "'gantry run' requires at least 1 argument, found 0", "gantry run"},
      {"exec x", 1, "'gantry exec' requires at least 2 arguments, found 1", "gantry exec"},
      {"tag a", 1, "'gantry tag' requires exactly 2 arguments, found 1", "gantry tag"},
      {"images a b", 1, "'gantry images' requires at most 1 argument, found 2", "gantry images"},
      {"ps x", 1, "'gantry ps' accepts no arguments", "gantry ps"},
      {"image prune x", 1, "'gantry image prune' accepts no arguments", "gantry image prune"},
      {"nosuch", 1, "unknown command: gantry nosuch", "gantry"},
      {"image nosuch", 1, "unknown command: gantry image nosuch", "gantry image"},
      {"image stop", 1, "unknown command: gantry image stop", "gantry image"},
      {"help nosuch", 1, "unknown help topic: nosuch", "gantry"},
      {"help run x", 1, "unknown help topic: run x", "gantry"},
      {"--nosuch", 125, "unknown flag: --nosuch", "gantry"},
      {"--root", 125, "flag needs an argument: --root", "gantry"},
      {"--root= ps", 125, "invalid argument \"\" for --root: must not be empty", "gantry"},
      {"--subnet 10.0.0.0 ps", 125, "must be ADDRESS/PREFIX, such as 10.88.0.0/16, found \"10.0.0.0\"",
       "gantry"},
      {"run --dns name x", 125, "for --dns: must be an IP address, found \"name\"", "gantry run"},
      {"run --tmpfs x y", 125, "for --tmpfs: must be DIR[:OPTIONS] with an absolute DIR", "gantry run"},
      {"run --mount target=x y", 125, "target must be an absolute path", "gantry run"},
      {"--cgroup-limits maybe ps", 125, "must be required or best-effort, found \"maybe\"", "gantry"},
      {"run -z x", 125, "unknown shorthand flag: 'z' in -z", "gantry run"},
      {"run --rm=maybe x", 125, "must be true or false, found \"maybe\"", "gantry run"},
      {"run --memory= x", 125, "invalid argument \"\" for --memory", "gantry run"},
      {"ps --filter name", 125, "invalid argument \"name\" for --filter: must be KEY=VALUE", "gantry ps"},
      {"ps --filter colour=red", 125, "\"colour\" is not supported", "gantry ps"},
      {"login -p secret", 125,
       "--password is refused: a password on the command line can be seen by everyone; use --password-stdin",
       "gantry login"},
  };
  for (const auto& wrong : cases) {
    const auto done = gantry(wrong.line);
    EXPECT_EQ(done.status, wrong.status) << wrong.line;
    EXPECT_EQ(done.output, "") << wrong.line;
    EXPECT_THAT(done.errors, StartsWith("gantry: ")) << wrong.line;
    EXPECT_THAT(done.errors, HasSubstr(wrong.error)) << wrong.line;
    EXPECT_THAT(done.errors, HasSubstr("\n\nRun '" + wrong.help + " --help' for more information\n"));
  }
  EXPECT_THAT(gantry("login -p secret").errors, Not(HasSubstr("secret")));
}

TEST(Output, ThatCantBeWrittenIsAnErrorAndNoCrash) {
  const auto shell = [](const std::string& redirection) {
    const auto program = test::program_path("gantry");
    return run_command({.arguments = {"/bin/sh", "-c", "\"$0\" " + redirection, program}}).value();
  };
  const auto full = shell("version >/dev/full");
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(full.errors, HasSubstr("write: No space left on device"));
  EXPECT_EQ(shell("version >/dev/full 2>/dev/full").status, 1);
  EXPECT_EQ(shell("nosuch 2>/dev/full").status, 1);
  const auto enough = run_command(
      {.arguments = {"/bin/sh", "-c", "(\"$0\" --help; echo $? >&2) | true", test::program_path("gantry")}});
  EXPECT_EQ(enough->errors, "0\n") << "a reader that leaves is no error";
}

TEST(Version, IsPrintedInAllWays) {
  EXPECT_EQ(gantry("--version").output, "gantry version " GANTRY_VERSION "\n");
  EXPECT_EQ(gantry("-v").output, gantry("--version").output);
  EXPECT_EQ(gantry("version").output, gantry("--version").output);
}

TEST(Version, TakesDockersTemplates) {
  EXPECT_EQ(gantry("version --format {{.Client.Version}}").output, GANTRY_VERSION "\n");
  EXPECT_EQ(gantry("version -f {{.Server.Version}}").output, GANTRY_VERSION "\n");
  EXPECT_THAT(gantry("version --format json").output,
              StartsWith("{\"Client\":{\"Version\":\"" GANTRY_VERSION));
  const auto unknown = gantry("version --format {{.Server.Flavour}}");
  EXPECT_EQ(unknown.status, 1);
  EXPECT_EQ(unknown.errors, "gantry: template: .Server.Flavour: there is no \"Flavour\"\n");
}

}  // namespace
}  // namespace gantry
