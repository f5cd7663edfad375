#include "builder/ignore.h"

#include "base/text.h"

namespace gantry::builder {

PathPattern::PathPattern(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size();) {
    const char c = pattern[i];
    if (c == '*' && i + 1 < pattern.size() && pattern[i + 1] == '*') {
      i += 2;
      if (i < pattern.size() && pattern[i] == '/') ++i;
      tokens_.push_back({i == pattern.size() ? Kind::rest : Kind::deep_star, {}});
    } else if (c == '*') {
      tokens_.push_back({Kind::star, {}});
      ++i;
    } else if (c == '?') {
      tokens_.push_back({Kind::any, {}});
      ++i;
    } else if (c == '[') {
      i = add_class(pattern, i);
    } else {
      if (c == '\\' && i + 1 < pattern.size()) ++i;
      tokens_.push_back({Kind::character, std::string(1, pattern[i])});
      ++i;
    }
  }
}

// Where it ends. One that isn't closed is a plain "[".
size_t PathPattern::add_class(std::string_view pattern, size_t at) {
  Token token{Kind::one_of, {}};
  size_t i = at + 1;
  if (i < pattern.size() && pattern[i] == '^') {
    token.negated = true;
    ++i;
  }
  const size_t first = i;
  while (i < pattern.size() && (pattern[i] != ']' || i == first)) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    const char low = pattern[i++];
    char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      high = pattern[i + 1];
      i += 2;
    }
    token.characters += {low, high};
  }
  if (i >= pattern.size()) {
    tokens_.push_back({Kind::character, "["});
    return at + 1;
  }
  tokens_.push_back(std::move(token));
  return i + 1;
}

bool PathPattern::takes(const Token& token, char c) {
  switch (token.kind) {
    case Kind::character:
      return token.characters[0] == c;
    case Kind::any:
    case Kind::star:
      return c != '/';
    case Kind::one_of:
      break;
    case Kind::deep_star:
    case Kind::rest:
      return true;
  }
  bool found = false;
  for (size_t i = 0; i + 1 < token.characters.size(); i += 2) {
    found = found || (token.characters[i] <= c && c <= token.characters[i + 1]);
  }
  return found != token.negated;
}

// A state stands before a token; 2n+1 is inside of a deep star, which only "/" ends.
void PathPattern::enter(size_t state, std::vector<bool>& states) const {
  while (true) {
    states[2 * state] = true;
    if (state == tokens_.size()) return;
    const Kind kind = tokens_[state].kind;
    if (kind == Kind::deep_star) states[2 * state + 1] = true;
    if (kind != Kind::star && kind != Kind::deep_star && kind != Kind::rest) return;
    ++state;
  }
}

bool PathPattern::matches(std::string_view path) const {
  std::vector<bool> states(2 * tokens_.size() + 2);
  enter(0, states);
  for (const char c : path) {
    std::vector<bool> next(states.size());
    for (size_t i = 0; i < tokens_.size(); ++i) {
      if (states[2 * i + 1]) {
        next[2 * i + 1] = true;
        if (c == '/') enter(i + 1, next);
      }
      if (!states[2 * i] || tokens_[i].kind == Kind::deep_star || !takes(tokens_[i], c)) continue;
      const bool stays = tokens_[i].kind == Kind::star || tokens_[i].kind == Kind::rest;
      enter(stays ? i : i + 1, next);
    }
    states = std::move(next);
  }
  return states[2 * tokens_.size()];
}

std::string clean_relative(std::string_view path) {
  std::vector<std::string> parts;
  for (auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      parts.push_back(std::move(part));
    else if (!parts.empty())
      parts.pop_back();
  }
  return join(parts, "/");
}

Result<IgnoreRules> IgnoreRules::parse(std::string_view text, std::string_view source) {
  IgnoreRules rules;
  int number = 0;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (const auto& line : split(text, '\n')) {
    ++number;
    if (line.starts_with('#')) continue;
    std::string_view pattern = trim(line);
    const bool exception = pattern.starts_with('!');
    if (exception) pattern = trim(pattern.substr(1));
    if (exception && pattern.empty()) {
      return Error::make(ErrorKind::invalid, "{}:{}: \"!\" needs a pattern", source, number);
    }
    if (pattern.empty()) continue;
    const std::string cleaned = clean_relative(pattern);
    if (cleaned.empty()) continue;  // "." and "/" are passed over, as docker does
    rules.rules_.push_back({PathPattern(cleaned), exception});
    rules.has_exceptions_ = rules.has_exceptions_ || exception;
  }
  return rules;
}

IgnoreRules IgnoreRules::of(const std::vector<std::string>& patterns) {
  IgnoreRules rules;
  for (const auto& pattern : patterns) rules.rules_.push_back({PathPattern(clean_relative(pattern)), false});
  return rules;
}

bool IgnoreRules::ignores(std::string_view path) const {
  bool ignored = false;
  for (const auto& rule : rules_) {
    if (rule.exception != ignored) continue;
    bool matches = rule.pattern.matches(path);
    for (size_t slash = path.find('/'); !matches && slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      matches = rule.pattern.matches(path.substr(0, slash));
    }
    if (matches) ignored = !rule.exception;
  }
  return ignored;
}

}  // namespace gantry::builder
