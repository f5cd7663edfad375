#include "builder/lexer.h"

#include "base/text.h"
#include "builder/errors.h"

#include <algorithm>
#include <optional>

namespace gantry::builder {
namespace {

constexpr std::string_view blanks = " \t\v\f\r";
constexpr size_t line_limit = size_t{1} << 20;

std::string_view trim_left(std::string_view text) {
  const size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

std::string_view trim_right(std::string_view text) {
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool is_comment(std::string_view line) {
  return trim_left(line).starts_with('#');
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

// "# name = value", or nothing.
std::optional<std::pair<std::string, std::string>> directive_of(std::string_view line) {
  if (!line.starts_with('#')) return std::nullopt;
  const std::string_view body = trim(line.substr(1));
  const size_t equals = body.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view name = trim(body.substr(0, equals));
  const std::string_view value = trim(body.substr(equals + 1));
  if (value.empty() || !is_plain(name, "") || (name[0] >= '0' && name[0] <= '9')) return std::nullopt;
  return std::pair(to_lower(name), std::string(value));
}

// A frontend image would be a program that we don't run: only the language that we read ourselves is taken.
Result<void> check_syntax(std::string_view value) {
  std::string_view name = value.substr(0, value.find_first_of(":@"));
  if (name.starts_with("docker.io/")) name.remove_prefix(10);
  if (name == "docker/dockerfile" || name == "docker/dockerfile-upstream") return {};
  return Error::make(
      ErrorKind::unsupported,
      "syntax={} is not supported: no frontend images are run, only docker/dockerfile is built in", value);
}

bool may_hold_heredocs(const LogicalLine& line) {
  std::string_view rest = line.rest;
  std::string name = line.name;
  if (name == "ONBUILD") {
    const size_t end = std::min(rest.find_first_of(blanks), rest.size());
    name = upper(rest.substr(0, end));
    rest = trim_left(rest.substr(end));
  }
  const bool takes = name == "RUN" || name == "COPY" || name == "ADD";
  return takes && !rest.starts_with('[') && rest.find("<<") != std::string_view::npos;
}

class Lexer {
 public:
  Lexer(std::string_view text, std::string_view source) : source_(source) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    while (!text.empty()) {
      const size_t end = text.find('\n');
      lines_.push_back(text.substr(0, end));
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
  }

  Result<LexedFile> run() {
    TRY(read_directives());
    while (at_ < lines_.size()) TRY(read_line());
    return std::move(file_);
  }

 private:
  // A line without its carriage return; heredocs keep theirs.
  std::string_view take() {
    std::string_view line = lines_[at_++];
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  Error fail(int line, std::string_view rule, ErrorKind kind = ErrorKind::invalid) const {
    return error_at(source_, line, kind, rule);
  }

  // They end at the first line that is none; what isn't known is a comment.
  Result<void> read_directives() {
    std::vector<std::string> seen;
    while (at_ < lines_.size()) {
      std::string_view line = lines_[at_];
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto directive = directive_of(line);
      if (!directive) return {};
      ++at_;
      const auto& [name, value] = *directive;
      const int number = static_cast<int>(at_);
      if (name != "escape" && name != "syntax" && name != "check") continue;
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
        return fail(number, format("only one {} parser directive can be used", name));
      }
      seen.push_back(name);
      if (name == "syntax") {
        if (auto checked = check_syntax(value); !checked) {
          return fail(number, checked.error().message(), checked.error().kind());
        }
      }
      if (name != "escape") continue;
      if (value != "\\" && value != "`") return fail(number, "escape must be \\ or `");
      file_.escape = value[0];
    }
    return {};
  }

  // Takes the escape character off the end of a line that goes on.
  bool continues(std::string_view& line) const {
    const std::string_view body = trim_right(line);
    if (!body.ends_with(file_.escape)) return false;
    if (body.size() > 1 && body[body.size() - 2] == file_.escape) return false;
    line = body.substr(0, body.size() - 1);
    return true;
  }

  Result<void> read_line() {
    const int number = static_cast<int>(at_) + 1;
    std::string_view first = trim_left(take());
    if (first.empty() || first.starts_with('#')) return {};
    std::string text;
    bool more = continues(first);
    text += first;
    while (more && at_ < lines_.size()) {
      std::string_view next = take();
      if (is_comment(next) || trim(next).empty()) continue;
      more = continues(next);
      text += next;
      if (text.size() > line_limit) return fail(number, "the instruction is longer than 1 MiB");
    }
    return add_line(number, trim(text));
  }

  Result<void> add_line(int number, std::string_view text) {
    if (text.empty()) return {};
    LogicalLine line;
    line.number = number;
    const size_t end = std::min(text.find_first_of(blanks), text.size());
    line.name = upper(text.substr(0, end));
    line.rest = trim(text.substr(end));
    if (line.rest.find('\0') != std::string::npos) return fail(number, "holds a NUL character");
    if (may_hold_heredocs(line)) TRY(read_heredocs(line));
    file_.lines.push_back(std::move(line));
    return {};
  }

  Result<void> read_heredocs(LogicalLine& line) {
    for (auto& start : heredocs_of(line.rest, file_.escape)) {
      bool ended = false;
      while (at_ < lines_.size() && !ended) {
        std::string_view raw = lines_[at_++];
        if (start.strip_tabs) raw.remove_prefix(std::min(raw.find_first_not_of('\t'), raw.size()));
        const std::string_view bare = raw.ends_with('\r') ? raw.substr(0, raw.size() - 1) : raw;
        ended = bare == start.heredoc.name;
        if (!ended) start.heredoc.content += std::string(raw) + "\n";
      }
      if (!ended) {
        return fail(line.number, format("{}: heredoc {} isn't terminated", line.name, start.heredoc.name));
      }
      line.heredocs.push_back(std::move(start.heredoc));
    }
    return {};
  }

  std::string_view source_;
  std::vector<std::string_view> lines_;
  size_t at_ = 0;
  LexedFile file_;
};

// "3<<-'EOF'" to its start.
std::optional<HeredocStart> heredoc_of(std::string_view word, char escape) {
  word.remove_prefix(std::min(word.find_first_not_of("0123456789"), word.size()));
  if (!word.starts_with("<<")) return std::nullopt;
  word.remove_prefix(2);
  HeredocStart start;
  start.strip_tabs = word.starts_with('-');
  if (start.strip_tabs) word.remove_prefix(1);
  if (word.empty() || word.find('<') != std::string_view::npos) return std::nullopt;
  char quote = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
      start.heredoc.expand = false;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && c == escape && i + 1 < word.size()) {
      start.heredoc.expand = false;
      start.heredoc.name += word[++i];
    } else {
      start.heredoc.name += c;
    }
  }
  if (quote != 0 || start.heredoc.name.empty()) return std::nullopt;
  return start;
}

}  // namespace

std::vector<std::string> raw_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (blanks.find(c) != std::string_view::npos || c == '\n')) {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
      continue;
    }
    word += c;
    if (c == escape && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::vector<HeredocStart> heredocs_of(std::string_view line, char escape) {
  std::vector<HeredocStart> starts;
  for (const auto& word : raw_words(line, escape)) {
    if (auto start = heredoc_of(word, escape)) starts.push_back(std::move(*start));
  }
  return starts;
}

bool is_heredoc(std::string_view word) {
  return heredoc_of(word, '\\').has_value();
}

Result<LexedFile> lex_dockerfile(std::string_view text, std::string_view source) {
  return Lexer(text, source).run();
}

}  // namespace gantry::builder
