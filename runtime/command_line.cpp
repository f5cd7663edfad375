#include "runtime/command_line.h"

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

Result<void> expect_arguments(std::string_view command, const Arguments& arguments, size_t least,
                              size_t most) {
  if (arguments.size() >= least && arguments.size() <= most) return {};
  if (least == most) {
    return Error::make(ErrorKind::invalid, "\"{}\" requires exactly {} argument(s), found {}", command, least,
                       arguments.size());
  }
  return Error::make(ErrorKind::invalid, "\"{}\" requires {} to {} arguments, found {}", command, least, most,
                     arguments.size());
}

}  // namespace gantry::runtime
