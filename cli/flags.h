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

// The flags of one verb, in the manner of docker's: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, -it for
// two switches, --switch=false, "--" ends them.
class FlagSet {
 public:
  using Setter = std::function<Result<void>(const std::string&)>;
  enum class Order { mixed, flags_first /* the first positional argument ends the flags */ };

  // `usage`: "run [OPTIONS] IMAGE [COMMAND] [ARG...]".
  FlagSet(std::string usage, std::string summary, Order order = Order::mixed)
      : usage_(std::move(usage)), summary_(std::move(summary)), order_(order) {}

  // `letter` 0: none.
  FlagSet& toggle(std::string name, char letter, bool& target, std::string help);
  FlagSet& value(std::string name, char letter, std::string& target, std::string placeholder,
                 std::string help);
  FlagSet& values(std::string name, char letter, std::vector<std::string>& target, std::string placeholder,
                  std::string help);
  FlagSet& custom(std::string name, char letter, Setter set, std::string placeholder, std::string help);

  // How many positional arguments there may be; checked by parse().
  FlagSet& arguments(size_t least, size_t most = SIZE_MAX);

  Parsed parse(const std::vector<std::string>& given) const;
  // Prints the error and where to find help; returns 125 as docker does.
  int wrong_usage(const std::string& error) const;

 private:
  struct Flag {
    std::string name;
    char letter;
    bool is_switch;
    Setter set;
    std::string placeholder;
    std::string help;
  };
  class Reader;

  const Flag* find(const std::string& name) const;
  const Flag* find(char letter) const;
  void print_help() const;
  std::optional<std::string> check_count(size_t count) const;

  std::string usage_;
  std::string summary_;
  Order order_;
  std::vector<Flag> flags_;
  size_t least_ = 0;
  size_t most_ = 0;
};

}  // namespace gantry::cli
