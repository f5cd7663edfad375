#pragma once

#include "base/result.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gantry::cli {

// What parsing gave: the positional arguments, or the exit code when there is nothing more to do because help
// was printed or the usage was wrong (and that was said).
struct Parsed {
  std::vector<std::string> arguments;
  std::optional<int> exit;
};

// docker's exit codes of wrong usage.
constexpr int wrong_option = 125;
constexpr int wrong_arguments = 1;  // too few or too many, and unknown commands

// What a command is called in its help and its errors.
struct Title {
  std::string command;  // "gantry image ls"
  std::string summary;  // "List images"
  // All its names, when it has several: {"gantry image ls", "gantry images"}.
  std::vector<std::string> aliases;
};

// The flags of one command, in the manner of docker's: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -it for
// two switches, --switch=false, "--" ends them. --help is one of every set, and -h unless it means another.
class FlagSet {
 public:
  using Setter = std::function<Result<void>(const std::string&)>;
  enum class Order { mixed, flags_first /* the first positional argument ends the flags */ };

  // `synopsis`: "[OPTIONS] IMAGE [COMMAND] [ARG...]".
  FlagSet(Title title, std::string synopsis, Order order = Order::mixed)
      : title_(std::move(title)), synopsis_(std::move(synopsis)), order_(order) {}

  // `letter` 0: none. What `target` holds when the flag is added is shown as the default, unless it is false
  // or empty.
  FlagSet& toggle(std::string name, char letter, bool& target, std::string help);
  FlagSet& value(std::string name, char letter, std::string& target, std::string placeholder,
                 std::string help);
  FlagSet& values(std::string name, char letter, std::vector<std::string>& target, std::string placeholder,
                  std::string help);
  FlagSet& custom(std::string name, char letter, Setter set, std::string placeholder, std::string help);

  // Known, but not to be given: the error is `reason`, and never quotes the value, which may be a secret.
  FlagSet& refused(std::string name, char letter, std::string placeholder, std::string reason);

  // How many positional arguments there may be; checked by parse(), as is that none of them is empty (with
  // flags_first: the first, the others being a program's).
  FlagSet& arguments(size_t least, size_t most = SIZE_MAX);
  // Ends the help.
  FlagSet& epilogue(std::string text);

  Parsed parse(const std::vector<std::string>& given) const;
  std::string help() const;
  // Prints the error and where to find help; returns `code`.
  int wrong_usage(const std::string& error, int code = wrong_option) const;

 private:
  struct Flag {
    std::string name;
    char letter;
    bool is_switch;
    Setter set;
    std::string placeholder;
    std::string help;
    std::string refusal;  // empty: it is taken
  };
  class Reader;

  const Flag* find(const std::string& name) const;
  const Flag* find(char letter) const;
  std::string options_help() const;
  std::optional<std::string> check_arguments(const std::vector<std::string>& arguments) const;

  Title title_;
  std::string synopsis_;
  Order order_;
  std::vector<Flag> flags_;
  size_t least_ = 0;
  size_t most_ = 0;
  std::string epilogue_;
};

// "  NAME   TEXT" for each pair, in columns; a name that is too long has its text on the next line.
std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace gantry::cli
