#include "tests/cli/gantry_runner.h"

#include "base/text.h"
#include "tests/support/programs.h"

#include <fcntl.h>
#include <unistd.h>

namespace gantry::test {

std::vector<std::string> GantryRunner::command(std::vector<std::string> words) const {
  std::vector<std::string> all = {test::program_path("gantry"), "--root", sandbox_.root(), "--run-root",
                                  sandbox_.run_root()};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

CommandResult GantryRunner::run(std::vector<std::string> words, const std::string& input) const {
  Command wanted;
  wanted.arguments = command(std::move(words));
  wanted.input = input;
  wanted.limit = std::chrono::seconds(60);
  auto result = run_command(wanted);
  if (!result) return {255, "", result.error().message()};
  return std::move(result).value();
}

pid_t GantryRunner::start(std::vector<std::string> words, const std::string& output) const {
  const auto all = command(std::move(words));
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int fd = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(fd, 1);
  dup2(fd, 2);
  dup2(open("/dev/null", O_RDONLY), 0);
  std::vector<char*> argv;
  for (const auto& word : all) argv.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execv's type
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

std::string GantryRunner::id_of(std::vector<std::string> words) const {
  return std::string(trim(run(std::move(words)).output));
}

}  // namespace gantry::test
