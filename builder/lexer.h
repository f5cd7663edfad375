#pragma once

#include "builder/dockerfile.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::builder {

// An instruction's line, its continuations joined, comments left out.
struct LogicalLine {
  int number = 0;    // of its first line, from 1
  std::string name;  // upper case: "RUN"
  std::string rest;  // after the name, trimmed
  std::vector<Heredoc> heredocs;
};

struct LexedFile {
  char escape = '\\';
  std::vector<LogicalLine> lines;
};

// Lines, parser directives (escape; syntax and check as parse_dockerfile says), continuations, heredocs.
Result<LexedFile> lex_dockerfile(std::string_view text, std::string_view source);

// The heredocs that a line opens, empty content; none in a line that is in JSON form. The name loses its
// quotes.
struct HeredocStart {
  Heredoc heredoc;
  bool strip_tabs = false;  // <<-
};
std::vector<HeredocStart> heredocs_of(std::string_view line, char escape);
// Whether `word` is "<<NAME" and nothing else.
bool is_heredoc(std::string_view word);

// Splits at white space; quotes and escapes keep it in a word, and stay in the word.
std::vector<std::string> raw_words(std::string_view text, char escape);

}  // namespace gantry::builder
