#include "cli/flags.h"

#include "base/format.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

Result<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "1" || text == "t" || text == "T" || text == "TRUE") return true;
  if (text == "false" || text == "0" || text == "f" || text == "F" || text == "FALSE") return false;
  return Error::make(ErrorKind::invalid, "must be true or false, found \"{}\"", text);
}

std::string first_word(const std::string& text) {
  return text.substr(0, text.find(" ["));
}

}  // namespace

FlagSet& FlagSet::toggle(std::string name, char letter, bool& target, std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target = TRY(parse_bool(text));
    return {};
  };
  flags_.push_back({std::move(name), letter, true, set, {}, std::move(help)});
  return *this;
}

FlagSet& FlagSet::custom(std::string name, char letter, Setter set, std::string placeholder,
                         std::string help) {
  flags_.push_back({std::move(name), letter, false, std::move(set), std::move(placeholder), std::move(help)});
  return *this;
}

FlagSet& FlagSet::value(std::string name, char letter, std::string& target, std::string placeholder,
                        std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target = text;
    return {};
  };
  return custom(std::move(name), letter, set, std::move(placeholder), std::move(help));
}

FlagSet& FlagSet::values(std::string name, char letter, std::vector<std::string>& target,
                         std::string placeholder, std::string help) {
  const auto set = [&target](const std::string& text) -> Result<void> {
    target.push_back(text);
    return {};
  };
  return custom(std::move(name), letter, set, std::move(placeholder), std::move(help));
}

FlagSet& FlagSet::arguments(size_t least, size_t most) {
  least_ = least;
  most_ = most;
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

  Result<void> read_long(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name == "help") {
      help_ = true;
      return {};
    }
    const Flag* flag = set_.find(name);
    if (flag == nullptr) return Error::make(ErrorKind::invalid, "unknown flag: --{}", name);
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
      if (flag == nullptr) {
        return Error::make(ErrorKind::invalid, "unknown shorthand flag: '{}' in -{}", letters[i], letters);
      }
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

std::optional<std::string> FlagSet::check_count(size_t count) const {
  if (count >= least_ && count <= most_) return std::nullopt;
  const std::string verb = first_word(usage_);
  if (least_ == most_) {
    if (least_ == 0) return format("\"gantry {}\" accepts no arguments", verb);
    return format("\"gantry {}\" requires exactly {} argument{}", verb, least_, least_ == 1 ? "" : "s");
  }
  if (count < least_) {
    return format("\"gantry {}\" requires at least {} argument{}", verb, least_, least_ == 1 ? "" : "s");
  }
  return format("\"gantry {}\" requires at most {} argument{}", verb, most_, most_ == 1 ? "" : "s");
}

Parsed FlagSet::parse(const std::vector<std::string>& given) const {
  Reader reader(*this, given);
  const auto read = reader.run();
  if (!read) return {{}, wrong_usage(read.error().message())};
  if (reader.wants_help()) {
    print_help();
    return {{}, 0};
  }
  Parsed parsed{reader.take_positional(), {}};
  if (const auto problem = check_count(parsed.arguments.size())) parsed.exit = wrong_usage(*problem);
  return parsed;
}

int FlagSet::wrong_usage(const std::string& error) const {
  const std::string verb = usage_.substr(0, usage_.find(" ["));
  fmt::print(stderr, "gantry: {}\nusage: gantry {}\nrun 'gantry {} --help' for more information\n", error,
             usage_, verb);
  return 125;
}

void FlagSet::print_help() const {
  fmt::print("Usage: gantry {}\n\n{}\n", usage_, summary_);
  if (!flags_.empty()) fmt::print("\nOptions:\n");
  for (const auto& flag : flags_) {
    const std::string letter = flag.letter == 0 ? "    " : format("-{}, ", flag.letter);
    const std::string name = format("--{} {}", flag.name, flag.placeholder);
    fmt::print("  {}{:<30} {}\n", letter, name, flag.help);
  }
}

}  // namespace gantry::cli
