#include "builder/expand.h"

#include "builder/errors.h"

#include <optional>

namespace gantry::builder {
namespace {

constexpr int most_substitutions = 50;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

enum class Quotes { taken_off, kept };

class Expander {
 public:
  Expander(std::string_view text, const Variables& variables, char escape, Quotes quotes)
      : text_(text), variables_(variables), escape_(escape), quotes_(quotes) {}

  Result<std::string> run() { return until('\0'); }
  std::vector<std::string> take_words() {
    end_word();
    return std::move(words_);
  }

 private:
  bool done() const { return at_ >= text_.size(); }

  // Up to `stop` (taken, not given); '\0': to the end.
  Result<std::string> until(char stop) {
    if (++depth_ > most_substitutions) return broken_rule("variables are nested too deep");
    std::string result;
    while (!done()) {
      const char c = text_[at_];
      if (stop != '\0' && c == stop) {
        ++at_;
        --depth_;
        return result;
      }
      TRY(step(c, result));
    }
    if (stop == '}') return broken_rule("syntax error: missing '}'");
    --depth_;
    return result;
  }

  Result<void> step(char c, std::string& result) {
    const bool plain = quotes_ == Quotes::kept;
    if (c == '\'' && !plain) return add_quoted(TRY(single_quoted()), result);
    if (c == '"' && !plain) return add_quoted(TRY(double_quoted()), result);
    if (c == '$') {
      const std::string value = TRY(dollar());
      result += value;
      for (const char each : value) add_to_word(each);
      return {};
    }
    ++at_;
    if (c == escape_ && !done() && (!plain || text_[at_] == '$' || text_[at_] == escape_)) {
      result += text_[at_];
      add_raw(text_[at_]);
      ++at_;
      return {};
    }
    result += c;
    add_to_word(c);
    return {};
  }

  Result<void> add_quoted(const std::string& value, std::string& result) {
    result += value;
    if (depth_ == 1) {
      word_ += value;
      in_word_ = true;
    }
    return {};
  }
  void add_raw(char c) {
    if (depth_ != 1) return;
    word_ += c;
    in_word_ = true;
  }
  void add_to_word(char c) {
    if (depth_ == 1 && is_blank(c))
      end_word();
    else
      add_raw(c);
  }
  void end_word() {
    if (in_word_) words_.push_back(word_);
    word_.clear();
    in_word_ = false;
  }

  Result<std::string> single_quoted() {
    const size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return broken_rule("a ' isn't closed");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  Result<std::string> double_quoted() {
    std::string value;
    ++at_;
    while (!done()) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return value;
      }
      if (c == '$') {
        value += TRY(dollar());
        continue;
      }
      ++at_;
      if (c == escape_ && !done()) {
        const char next = text_[at_++];
        if (next != '"' && next != '$' && next != escape_) value += c;
        value += next;
        continue;
      }
      value += c;
    }
    return broken_rule("a \" isn't closed");
  }

  std::string name() {
    const size_t begin = at_;
    if (!done() && is_name_start(text_[at_])) {
      while (!done() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
    } else if (!done() && is_digit(text_[at_])) {
      while (!done() && is_digit(text_[at_])) ++at_;
    } else if (!done() && std::string_view("@*#?-!").find(text_[at_]) != std::string_view::npos) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::optional<std::string> value_of(const std::string& variable) const {
    const auto found = variables_.find(variable);
    return found == variables_.end() ? std::nullopt : std::optional(found->second);
  }

  Result<std::string> dollar() {
    ++at_;
    if (done() || text_[at_] != '{') {
      const std::string variable = name();
      if (variable.empty()) return std::string("$");
      return value_of(variable).value_or("");
    }
    ++at_;
    const std::string variable = name();
    if (variable.empty()) return broken_rule("syntax error: bad substitution");
    if (done()) return broken_rule("syntax error: missing '}'");
    const auto value = value_of(variable);
    const char c = text_[at_++];
    if (c == '}') return value.value_or("");
    // The word of a modifier is no part of the words that are being made.
    return modified(variable, value, c);
  }

  Result<std::string> modified(const std::string& variable, const std::optional<std::string>& value, char c) {
    bool null_is_unset = false;
    if (c == ':' && !done()) {
      null_is_unset = true;
      c = text_[at_++];
    }
    const bool is_set = value && !(null_is_unset && value->empty());
    if (!null_is_unset && (c == '#' || c == '%' || c == '/')) return edited(value.value_or(""), c);
    if (c != '-' && c != '+' && c != '?') {
      return broken_rule(std::string("unsupported modifier (") + c + ") in substitution of " + variable);
    }
    const std::string word = TRY(until('}'));
    if (c == '-') return is_set ? *value : word;
    if (c == '+') return is_set ? word : std::string();
    if (is_set) return *value;
    return broken_rule(variable + ": " + (word.empty() ? "is not allowed to be unset" : word));
  }

  Result<std::string> edited(const std::string& value, char c) {
    bool twice = false;
    if (!done() && text_[at_] == c) {
      twice = true;
      ++at_;
    }
    if (c != '/') {
      const std::string pattern = TRY(until('}'));
      return c == '#' ? without_prefix(value, pattern, twice) : without_suffix(value, pattern, twice);
    }
    const std::string pattern = TRY(until_slash());
    const std::string replacement = TRY(until('}'));
    return replaced(value, pattern, replacement, twice);
  }

  // A pattern's end; "${a/b}" has no replacement, and its "}" stays for the caller.
  Result<std::string> until_slash() {
    std::string pattern;
    while (!done() && text_[at_] != '/' && text_[at_] != '}') {
      if (text_[at_] == '$') {
        pattern += TRY(dollar());
        continue;
      }
      if (text_[at_] == escape_ && at_ + 1 < text_.size() && text_[at_ + 1] == '/') ++at_;
      pattern += text_[at_++];
    }
    if (done()) return broken_rule("syntax error: missing '}'");
    if (text_[at_] == '/') ++at_;
    return pattern;
  }

  static std::string without_prefix(const std::string& value, const std::string& pattern, bool longest) {
    for (size_t i = 0; i <= value.size(); ++i) {
      const size_t length = longest ? value.size() - i : i;
      if (matches_shell_pattern(pattern, std::string_view(value).substr(0, length)))
        return value.substr(length);
    }
    return value;
  }
  static std::string without_suffix(const std::string& value, const std::string& pattern, bool longest) {
    for (size_t i = 0; i <= value.size(); ++i) {
      const size_t at = longest ? i : value.size() - i;
      if (matches_shell_pattern(pattern, std::string_view(value).substr(at))) return value.substr(0, at);
    }
    return value;
  }
  static std::string replaced(const std::string& value, const std::string& pattern, const std::string& by,
                              bool all) {
    if (pattern.empty()) return value;
    std::string result;
    size_t at = 0;
    while (at < value.size()) {
      size_t length = value.size() - at;
      while (length > 0 && !matches_shell_pattern(pattern, std::string_view(value).substr(at, length)))
        --length;
      if (length == 0) {
        result += value[at++];
        continue;
      }
      result += by;
      at += length;
      if (!all) break;
    }
    return result + value.substr(at);
  }

  std::string_view text_;
  const Variables& variables_;
  const char escape_;
  const Quotes quotes_;
  size_t at_ = 0;
  int depth_ = 0;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
};

// "[a-z]" at the pattern's begin: its length, 0 when it isn't closed.
size_t class_matches(std::string_view pattern, char c, bool& matches) {
  size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    const char low = pattern[i++];
    char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      high = pattern[i + 1];
      i += 2;
    }
    found = found || (low <= c && c <= high);
  }
  if (i >= pattern.size()) return 0;
  matches = found != negated;
  return i + 1;
}

}  // namespace

bool matches_shell_pattern(std::string_view pattern, std::string_view text) {
  size_t star = std::string_view::npos;  // after the last *
  size_t star_text = 0;
  size_t p = 0;
  size_t t = 0;
  while (t < text.size() || p < pattern.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && t < text.size()) {
      bool matches = pattern[p] == '?';
      size_t length = 1;
      if (pattern[p] == '[') {
        length = class_matches(pattern.substr(p), text[t], matches);
        if (length == 0) {
          length = 1;
          matches = text[t] == '[';
        }
      } else if (pattern[p] == '\\' && p + 1 < pattern.size()) {
        length = 2;
        matches = pattern[p + 1] == text[t];
      } else {
        matches = matches || pattern[p] == text[t];
      }
      if (matches) {
        p += length;
        ++t;
        continue;
      }
    }
    if (star == std::string_view::npos || star_text >= text.size()) return false;
    p = star;
    t = ++star_text;
  }
  return true;
}

Result<std::string> expand(std::string_view word, const Variables& variables, char escape) {
  return Expander(word, variables, escape, Quotes::taken_off).run();
}

Result<std::vector<std::string>> expand_words(std::string_view text, const Variables& variables,
                                              char escape) {
  Expander expander(text, variables, escape, Quotes::taken_off);
  TRY(expander.run());
  return expander.take_words();
}

Result<std::string> expand_heredoc(std::string_view text, const Variables& variables, char escape) {
  return Expander(text, variables, escape, Quotes::kept).run();
}

}  // namespace gantry::builder
