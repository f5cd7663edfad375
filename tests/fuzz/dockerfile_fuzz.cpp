#include "builder/dockerfile.h"
#include "builder/expand.h"
#include "builder/ignore.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>

// A Dockerfile, its words with their variables, and the same text as a .dockerignore.

namespace {

using namespace gantry;
using namespace gantry::builder;

void check_line(const Instruction& instruction, int lines) {
  if (instruction.line < 1 || instruction.line > lines) fuzz::fail("no such line: " + instruction.text);
}

void expand_all(const std::string& text, char escape) {
  const Variables variables = {{"a", "1 2"}, {"V", "*"}, {"empty", ""}};
  const auto word = expand(text, variables, escape);
  const auto words = expand_words(text, variables, escape);
  if (bool(word) != bool(words)) fuzz::fail("one word or several: " + text);
  (void)expand_heredoc(text, variables, escape);
}

void check(const Instruction& instruction, const Dockerfile& file, int lines) {
  check_line(instruction, lines);
  if (instruction.text.size() < 4096) expand_all(instruction.text, file.escape);
  if (const auto* trigger = std::get_if<OnBuild>(&instruction.what)) {
    // With another escape character it may read as something else, but it must be refused by its place then.
    fuzz::check_error(parse_trigger(trigger->trigger, "input", instruction.line), "input:");
  }
  if (const auto* copy = std::get_if<Copy>(&instruction.what)) {
    if (copy->sources.empty() && copy->files.empty()) fuzz::fail("a copy of nothing");
  }
}

void read_ignore(std::string_view text) {
  const auto rules = IgnoreRules::parse(text, "input");
  fuzz::check_error(rules, "input:");
  if (!rules) return;
  for (const char* path : {"a", "a/b", "a/b/c.d", "x*"}) (void)rules->ignores(path);
}

}  // namespace

FUZZ_TARGET(text) {
  read_ignore(text);
  const auto file = parse_dockerfile(text, "input");
  fuzz::check_error(file, "input:");
  if (!file) return;
  const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const auto& argument : file->arguments) check(argument, *file, lines);
  for (const auto& stage : file->stages) {
    check_line(stage.from, lines);
    for (const auto& instruction : stage.instructions) check(instruction, *file, lines);
  }
}
