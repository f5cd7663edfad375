#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::builder {

// A pattern of .dockerignore: * and ? stay in one component, ** takes any number of them, [a-z] and [^a-z],
// \x. Source: moby's patternmatcher.
class PathPattern {
 public:
  explicit PathPattern(std::string_view pattern);
  bool matches(std::string_view path) const;

 private:
  enum class Kind { character, any, one_of, star, deep_star, rest };
  struct Token {
    Kind kind;
    std::string characters;  // character: one; one_of: pairs of bounds
    bool negated = false;
  };
  size_t add_class(std::string_view pattern, size_t at);
  void enter(size_t state, std::vector<bool>& states) const;
  static bool takes(const Token& token, char c);
  std::vector<Token> tokens_;
};

// The patterns of a .dockerignore: the last that matches a path or a folder above it decides, "!" takes back.
class IgnoreRules {
 public:
  // Errors: invalid, "SOURCE:LINE: RULE".
  static Result<IgnoreRules> parse(std::string_view text, std::string_view source);
  static IgnoreRules of(const std::vector<std::string>& patterns);  // all of them exclude

  bool empty() const { return rules_.empty(); }
  bool ignores(std::string_view path) const;  // relative to the root, clean
  // Whether something below an ignored folder may be taken back.
  bool has_exceptions() const { return has_exceptions_; }

 private:
  struct Rule {
    PathPattern pattern;
    bool exception;
  };
  std::vector<Rule> rules_;
  bool has_exceptions_ = false;
};

// "a/./b//../c/" to "a/c"; ".." never leads above the root; "" for the root.
std::string clean_relative(std::string_view path);

}  // namespace gantry::builder
