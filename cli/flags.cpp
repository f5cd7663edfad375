#include "cli/flags.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <fmt/core.h>

namespace gantry::cli {

namespace {

Result<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "1" || text == "t" || text == "T" || text == "TRUE") return true;
  if (text == "false" || text == "0" || text == "f" || text == "F" || text == "FALSE") return false;
  return Error::make(ErrorKind::invalid, "must be true or false, found \"{}\"", text);
}

std::string with_default(std::string help, const std::string& value) {
  return value.empty() ? help : help + format(" (default {})", value);
}

}  // namespace

FlagSet& FlagSet::toggle(std::string name, char letter, bool& target, std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target = TRY(parse_bool(text));
    return {};
  };
  help = with_default(std::move(help), target ? "true" : "");
  flags_.push_back({std::move(name), letter, true, set, {}, std::move(help), {}});
  return *this;
}

FlagSet& FlagSet::custom(std::string name, char letter, Setter set, std::string placeholder,
                         std::string help) {
  flags_.push_back(
      {std::move(name), letter, false, std::move(set), std::move(placeholder), std::move(help), {}});
  return *this;
}

FlagSet& FlagSet::value(std::string name, char letter, std::string& target, std::string placeholder,
                        std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target = text;
    return {};
  };
  return custom(std::move(name), letter, set, std::move(placeholder), with_default(std::move(help), target));
}

FlagSet& FlagSet::values(std::string name, char letter, std::vector<std::string>& target,
                         std::string placeholder, std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target.push_back(text);
    return {};
  };
  return custom(std::move(name), letter, set, std::move(placeholder), std::move(help));
}

FlagSet& FlagSet::refused(std::string name, char letter, std::string placeholder, std::string reason) {
  flags_.push_back(
      {std::move(name), letter, false, {}, std::move(placeholder), "refused: " + reason, reason});
  return *this;
}

FlagSet& FlagSet::arguments(size_t least, size_t most) {
  least_ = least;
  most_ = most;
  return *this;
}

FlagSet& FlagSet::epilogue(std::string text) {
  epilogue_ = std::move(text);
  return *this;
}

const FlagSet::Flag* FlagSet::find(const std::string& name) const {
  for (const auto& flag : flags_) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

const FlagSet::Flag* FlagSet::find(char letter) const {
  for (const auto& flag : flags_) {
    if (flag.letter == letter && letter != 0) return &flag;
  }
  return nullptr;
}

// Goes through the words; knows where it is.
class FlagSet::Reader {
 public:
  Reader(const FlagSet& set, const std::vector<std::string>& words) : set_(set), words_(words) {}

  bool wants_help() const { return help_; }
  std::vector<std::string> take_positional() { return std::move(positional_); }

  Result<void> run() {
    while (at_ < words_.size() && !help_) {
      const std::string& word = words_[at_++];
      if (word == "--") break;
      if (word.size() < 2 || word[0] != '-') {
        positional_.push_back(word);
        if (set_.order_ == Order::flags_first) break;
      } else if (word[1] == '-') {
        TRY(read_long(word.substr(2)));
      } else {
        TRY(read_short(word.substr(1)));
      }
    }
    while (at_ < words_.size() && !help_) positional_.push_back(words_[at_++]);
    return {};
  }

 private:
  Result<std::string> next_word(const std::string& flag) {
    if (at_ < words_.size()) return words_[at_++];
    return Error::make(ErrorKind::invalid, "flag needs an argument: {}", flag);
  }

  static Result<void> check_taken(const Flag& flag) {
    if (flag.refusal.empty()) return {};
    return Error::make(ErrorKind::unsupported, "--{} is refused: {}", flag.name, flag.refusal);
  }

  Result<void> read_long(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name == "help") {
      help_ = equals == std::string::npos ||
              TRY(parse_bool(text.substr(equals + 1)).context("invalid argument for --help"));
      return {};
    }
    const Flag* flag = set_.find(name);
    if (flag == nullptr) return Error::make(ErrorKind::invalid, "unknown flag: --{}", name);
    TRY(check_taken(*flag));
    std::string value = "true";
    if (equals != std::string::npos) {
      value = text.substr(equals + 1);
    } else if (!flag->is_switch) {
      value = TRY(next_word("--" + name));
    }
    return flag->set(value).context("invalid argument \"{}\" for --{}", value, name);
  }

  // "it", "p80:80", "p" with the next word.
  Result<void> read_short(const std::string& letters) {
    for (size_t i = 0; i < letters.size(); ++i) {
      const Flag* flag = set_.find(letters[i]);
      if (flag == nullptr && letters[i] == 'h') {
        help_ = true;
        return {};
      }
      if (flag == nullptr) {
        return Error::make(ErrorKind::invalid, "unknown shorthand flag: '{}' in -{}", letters[i], letters);
      }
      TRY(check_taken(*flag));
      if (flag->is_switch) {
        TRY(flag->set("true"));
        continue;
      }
      std::string value = letters.substr(i + 1);
      if (!value.empty() && value[0] == '=') value.erase(0, 1);
      if (i + 1 == letters.size()) value = TRY(next_word(format("-{}", letters[i])));
      return flag->set(value).context("invalid argument \"{}\" for -{}, --{}", value, letters[i], flag->name);
    }
    return {};
  }

  const FlagSet& set_;
  const std::vector<std::string>& words_;
  size_t at_ = 0;
  bool help_ = false;
  std::vector<std::string> positional_;
};

std::optional<std::string> FlagSet::check_arguments(const std::vector<std::string>& arguments) const {
  const size_t count = arguments.size();
  if (count >= least_ && count <= most_) {
    const size_t names = order_ == Order::flags_first ? std::min<size_t>(count, 1) : count;
    const auto end = arguments.begin() + static_cast<ptrdiff_t>(names);
    if (std::find(arguments.begin(), end, "") == end) return std::nullopt;
    return format("'{}': an argument is empty", title_.command);
  }
  if (most_ == 0) return format("'{}' accepts no arguments", title_.command);
  const bool too_few = count < least_;
  const size_t bound = too_few ? least_ : most_;
  const std::string_view rule = least_ == most_ ? "exactly" : too_few ? "at least" : "at most";
  return format("'{}' requires {} {} argument{}, found {}", title_.command, rule, bound,
                bound == 1 ? "" : "s", count);
}

Parsed FlagSet::parse(const std::vector<std::string>& given) const {
  Reader reader(*this, given);
  const auto read = reader.run();
  if (!read) return {{}, wrong_usage(read.error().message())};
  if (reader.wants_help()) {
    fmt::print("{}", help());
    return {{}, 0};
  }
  Parsed parsed{reader.take_positional(), {}};
  const auto problem = check_arguments(parsed.arguments);
  if (problem) parsed.exit = wrong_usage(*problem, wrong_arguments);
  return parsed;
}

int FlagSet::wrong_usage(const std::string& error, int code) const {
  fmt::print(stderr, "gantry: {}\n\nUsage:  {} {}\n\nRun '{} --help' for more information\n", error,
             title_.command, synopsis_, title_.command);
  return code;
}

std::string FlagSet::help() const {
  std::string text = format("Usage:  {} {}\n\n{}\n", title_.command, synopsis_, title_.summary);
  if (title_.aliases.size() > 1) text += format("\nAliases:\n  {}\n", join(title_.aliases, ", "));
  text += "\nOptions:\n" + options_help();
  if (!epilogue_.empty()) text += "\n" + epilogue_;
  return text;
}

// By name, as docker has them.
std::string FlagSet::options_help() const {
  auto flags = flags_;
  flags.push_back({"help", find('h') == nullptr ? 'h' : '\0', true, {}, {}, "show this help", {}});
  std::sort(flags.begin(), flags.end(), [](const Flag& a, const Flag& b) { return a.name < b.name; });
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& flag : flags) {
    const std::string letter = flag.letter == 0 ? "    " : format("-{}, ", flag.letter);
    const std::string value = flag.placeholder.empty() ? "" : " " + flag.placeholder;
    rows.emplace_back(format("{}--{}{}", letter, flag.name, value), flag.help);
  }
  return two_columns(rows);
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  constexpr size_t widest = 32;
  size_t width = 0;
  for (const auto& row : rows) {
    if (row.first.size() <= widest) width = std::max(width, row.first.size());
  }
  std::string text;
  for (const auto& [name, what] : rows) {
    const bool fits = name.size() <= width;
    text += fits ? format("  {:<{}}   {}\n", name, width, what)
                 : format("  {}\n  {:<{}}   {}\n", name, "", width, what);
  }
  return text;
}

}  // namespace gantry::cli
