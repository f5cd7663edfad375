#include "runtime/command_line.h"

#include "base/files.h"

#include <algorithm>

namespace gantry::runtime {
namespace {

const Flag* find_flag(const std::vector<Flag>& flags, std::string_view text) {
  for (const auto& flag : flags) {
    const bool by_name = text.size() > 2 && text.substr(0, 2) == "--" && text.substr(2) == flag.name;
    const bool by_letter = flag.letter != 0 && text.size() == 2 && text[1] == flag.letter;
    if (by_name || by_letter) return &flag;
  }
  return nullptr;
}

Result<void> set_switch(const Flag& flag, std::string_view text, bool has_value, const std::string& value) {
  if (has_value && value != "true" && value != "false") {
    return Error::make(ErrorKind::invalid, "flag {} takes true or false, found \"{}\"", text, value);
  }
  *flag.given = !has_value || value == "true";
  return {};
}

}  // namespace

const std::string not_given(1, '\0');

Flag option(std::string_view name, char letter, std::string& value, std::string_view placeholder,
            std::string_view help) {
  return {name, letter, &value, nullptr, nullptr, placeholder, help, value == not_given ? "" : value};
}

Flag repeated(std::string_view name, char letter, std::vector<std::string>& list,
              std::string_view placeholder, std::string_view help) {
  return {name, letter, nullptr, &list, nullptr, placeholder, help, {}};
}

Flag toggle(std::string_view name, char letter, bool& given, std::string_view help) {
  return {name, letter, nullptr, nullptr, &given, {}, help, {}};
}

Result<Arguments> parse_flags(const std::vector<Flag>& flags, const Arguments& arguments) {
  size_t at = 0;
  for (; at < arguments.size(); ++at) {
    const std::string& text = arguments[at];
    if (text == "--") {
      ++at;
      break;
    }
    if (text.size() < 2 || text[0] != '-') break;
    const size_t equals = text.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string name = text.substr(0, equals);
    const Flag* flag = find_flag(flags, name);
    if (flag == nullptr) {
      return Error::make(ErrorKind::invalid, "flag provided but not defined: {}", name);
    }
    std::string value = has_value ? text.substr(equals + 1) : "";
    if (flag->given != nullptr) {
      TRY(set_switch(*flag, name, has_value, value));
      continue;
    }
    if (!has_value) {
      if (++at == arguments.size())
        return Error::make(ErrorKind::invalid, "flag needs an argument: {}", name);
      value = arguments[at];
    }
    if (flag->value != nullptr) *flag->value = value;
    if (flag->list != nullptr) flag->list->push_back(value);
  }
  return Arguments(arguments.begin() + static_cast<ptrdiff_t>(at), arguments.end());
}

namespace {

Result<void> check_argument_count(const Usage& usage, size_t count) {
  if (count >= usage.least && count <= usage.most) return {};
  if (usage.least == usage.most) {
    return Error::make(ErrorKind::invalid, "\"{}\" requires exactly {} argument(s), found {}", usage.name,
                       usage.least, count);
  }
  const bool too_few = count < usage.least;
  return Error::make(ErrorKind::invalid, "\"{}\" requires {} {} argument(s), found {}", usage.name,
                     too_few ? "a minimum of" : "a maximum of", too_few ? usage.least : usage.most, count);
}

void print_command_help(const Usage& usage, const std::vector<Flag>& flags) {
  const std::string_view space = usage.arguments.empty() ? "" : " ";
  std::string text =
      format("Usage: gantry-oci {} [OPTIONS]{}{}\n\n{}\n", usage.name, space, usage.arguments, usage.summary);
  if (!usage.details.empty()) text += format("\n{}\n", usage.details);
  (void)write_all(BorrowedFd(1), text + "\nOptions:\n" + flags_help(flags));
}

}  // namespace

Result<std::optional<Arguments>> read_arguments(const Usage& usage, std::vector<Flag> flags,
                                                const Arguments& arguments) {
  bool help = false;
  flags.push_back(toggle("help", 'h', help, "show this help"));
  const auto where = [&](const Error& error) {
    return Error::make(error.kind(), "{} (see gantry-oci {} --help)", error.message(), usage.name);
  };
  auto rest = parse_flags(flags, arguments);
  if (!rest) return where(rest.error());
  if (help) {
    print_command_help(usage, flags);
    return std::optional<Arguments>();
  }
  if (const auto counted = check_argument_count(usage, rest->size()); !counted) return where(counted.error());
  return std::optional<Arguments>(std::move(*rest));
}

std::string flags_help(const std::vector<Flag>& flags) {
  std::vector<std::string> names;
  size_t width = 0;
  for (const auto& flag : flags) {
    const std::string letter = flag.letter == 0 ? "    " : format("-{}, ", flag.letter);
    const std::string_view space = flag.placeholder.empty() ? "" : " ";
    names.push_back(format("{}--{}{}{}", letter, flag.name, space, flag.placeholder));
    width = std::max(width, names.back().size());
  }
  std::string text;
  for (size_t i = 0; i < flags.size(); ++i) {
    const std::string standard = flags[i].standard.empty() ? "" : format(" (default {})", flags[i].standard);
    text += format("  {:<{}}  {}{}\n", names[i], width, flags[i].help, standard);
  }
  return text;
}

}  // namespace gantry::runtime
