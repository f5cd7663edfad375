#include "builder/flags.h"

#include "base/text.h"

#include <algorithm>

namespace gantry::builder {
namespace {

// The next word, quotes and escapes undone.
std::string take_word(std::string_view& rest, char escape) {
  std::string word;
  char quote = 0;
  size_t i = 0;
  for (; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quote == 0 && (c == ' ' || c == '\t')) break;
    if (c == escape && i + 1 < rest.size()) {
      word += rest[++i];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      word += c;
    }
  }
  rest = trim(rest.substr(i));
  return word;
}

Result<std::pair<std::string, std::string>> parse_flag(const std::string& word,
                                                       const std::vector<FlagName>& known) {
  const size_t equals = word.find('=');
  const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const auto& each) { return each.name == name; });
  if (found == known.end()) return Error::make(ErrorKind::unsupported, "unknown flag: --{}", name);
  if (equals != std::string::npos) return std::pair(name, word.substr(equals + 1));
  if (!found->is_switch)
    return Error::make(ErrorKind::invalid, "flag --{} needs a value: --{}=VALUE", name, name);
  return std::pair(name, std::string("true"));
}

}  // namespace

bool Flags::has(std::string_view name) const {
  return !take_all(name).empty();
}

Result<std::string> Flags::take(std::string_view name) const {
  auto all = take_all(name);
  if (all.size() > 1) return Error::make(ErrorKind::invalid, "flag --{} is given twice", name);
  return all.empty() ? std::string() : std::move(all[0]);
}

Result<bool> Flags::take_switch(std::string_view name) const {
  const std::string value = TRY(take(name));
  if (value.empty() || value == "false") return false;
  if (value == "true") return true;
  return Error::make(ErrorKind::invalid, "flag --{} must be true or false, found \"{}\"", name, value);
}

std::vector<std::string> Flags::take_all(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& [each, value] : values_) {
    if (each == name) found.push_back(value);
  }
  return found;
}

Result<Flags> take_flags(std::string_view& rest, const std::vector<FlagName>& known, char escape) {
  Flags flags;
  while (rest.starts_with("--")) {
    const std::string word = take_word(rest, escape);
    if (word == "--") break;
    flags.values_.push_back(TRY(parse_flag(word, known)));
  }
  return flags;
}

}  // namespace gantry::builder
