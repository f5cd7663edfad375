#include "images/changes.h"

#include "base/json.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace gantry::images {
namespace {

using Words = std::vector<std::string>;

Error bad(std::string_view rule) {
  return {ErrorKind::invalid, std::string(rule)};
}

// Takes the first word off `text`.
std::string_view take_word(std::string_view& text) {
  const size_t end = text.find_first_of(" \t");
  const std::string_view word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
  return word;
}

// ["a", "b"], or empty when the text isn't a JSON list of strings: then it is the shell form.
std::optional<Words> json_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  auto words = parse_json<Words>(text, "list");
  return words ? std::optional<Words>(std::move(words).value()) : std::nullopt;
}

Words command_form(const oci::ContainerConfig& config, std::string_view text) {
  if (auto words = json_form(text)) return *words;
  Words words = config.shell.empty() ? Words{"/bin/sh", "-c"} : config.shell;
  words.emplace_back(text);
  return words;
}

Result<std::pair<std::string, std::string>> key_and_value(const std::string& word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return bad(format("\"{}\" must be NAME=VALUE", word));
  return std::pair(word.substr(0, equals), word.substr(equals + 1));
}

// "NAME=VALUE NAME=VALUE …", or the old "NAME the whole rest".
Result<std::vector<std::pair<std::string, std::string>>> assignments(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string_view rest = text;
  const std::string_view first = take_word(rest);
  if (first.find('=') == std::string_view::npos) {
    if (rest.empty()) return bad(format("\"{}\" has no value", first));
    pairs.emplace_back(first, rest);
    return pairs;
  }
  for (const auto& word : TRY(split_words(text))) pairs.push_back(TRY(key_and_value(word)));
  return pairs;
}

Result<void> change_env(oci::ContainerConfig& config, std::string_view text) {
  for (const auto& [name, value] : TRY(assignments(text))) {
    const std::string prefix = name + "=";
    bool replaced = false;
    for (auto& variable : config.env) {
      if (!variable.starts_with(prefix)) continue;
      variable = prefix + value;
      replaced = true;
    }
    if (!replaced) config.env.push_back(prefix + value);
  }
  return {};
}

Result<void> change_label(oci::ContainerConfig& config, std::string_view text) {
  for (auto& [name, value] : TRY(assignments(text))) config.labels[name] = value;
  return {};
}

// PORT, PORT/PROTOCOL, FIRST-LAST/PROTOCOL.
Result<void> change_expose(oci::ContainerConfig& config, std::string_view text) {
  for (const auto& word : TRY(split_words(text))) {
    const size_t slash = word.find('/');
    const std::string ports = word.substr(0, slash);
    const std::string protocol = slash == std::string::npos ? "tcp" : to_lower(word.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
      return bad(format("protocol \"{}\" must be tcp, udp or sctp", protocol));
    }
    const size_t dash = ports.find('-');
    const uint64_t first = TRY(parse_unsigned("port", ports.substr(0, dash), 65535));
    const uint64_t last =
        dash == std::string::npos ? first : TRY(parse_unsigned("port", ports.substr(dash + 1), 65535));
    if (first == 0 || last < first) return bad(format("port range \"{}\" is empty", ports));
    for (uint64_t port = first; port <= last; ++port) config.exposed_ports[format("{}/{}", port, protocol)];
  }
  return {};
}

Result<void> change_working_dir(oci::ContainerConfig& config, std::string_view text) {
  if (text.starts_with('/')) {
    config.working_dir = text;
  } else {
    const bool slash = config.working_dir.ends_with('/');
    config.working_dir += (slash ? "" : "/") + std::string(text);
  }
  return {};
}

Result<void> change_volume(oci::ContainerConfig& config, std::string_view text) {
  const auto json = json_form(text);
  for (const auto& word : json ? *json : TRY(split_words(text))) {
    if (word.empty()) return bad("a volume's path must not be empty");
    config.volumes[word];
  }
  return {};
}

Result<std::chrono::nanoseconds> duration(std::string_view option, std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 6> units = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  double total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t digits = rest.find_first_not_of("0123456789.");
    const size_t next = rest.find_first_of("0123456789.", digits == std::string_view::npos ? 0 : digits);
    const std::string_view unit = digits == std::string_view::npos ? "" : rest.substr(digits, next - digits);
    const auto* found =
        std::find_if(units.begin(), units.end(), [&](const auto& each) { return each.first == unit; });
    if (digits == 0 || found == units.end()) {
      return bad(format("{}: \"{}\" must be a duration such as 30s or 1m30s", option, text));
    }
    total += strtod(std::string(rest.substr(0, digits)).c_str(), nullptr) * found->second;
    rest = next == std::string_view::npos ? std::string_view() : rest.substr(next);
  }
  if (text.empty() || total < 0 || total > 1e18)
    return bad(format("{}: \"{}\" is out of range", option, text));
  return std::chrono::nanoseconds(static_cast<int64_t>(total));
}

Result<void> health_option(oci::HealthCheck& check, std::string_view option) {
  const size_t equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : option.substr(equals + 1);
  const std::array<std::pair<std::string_view, std::chrono::nanoseconds*>, 4> durations = {
      {{"--interval", &check.interval},
       {"--timeout", &check.timeout},
       {"--start-period", &check.start_period},
       {"--start-interval", &check.start_interval}}};
  for (const auto& [known, into] : durations) {
    if (name != known) continue;
    *into = TRY(duration(name, value));
    return {};
  }
  if (name != "--retries") return bad(format("unknown option {}", name));
  check.retries = static_cast<int>(TRY(parse_unsigned(name, value, 1'000'000)));
  return {};
}

Result<void> change_health_check(oci::ContainerConfig& config, std::string_view text) {
  oci::HealthCheck check;
  while (text.starts_with("--")) TRY(health_option(check, take_word(text)));
  const std::string kind(take_word(text));
  if (equals_ignoring_case(kind, "none")) {
    if (!text.empty()) return bad("NONE takes no arguments");
    check.test = {"NONE"};
  } else if (equals_ignoring_case(kind, "cmd")) {
    if (text.empty()) return bad("CMD needs a command");
    const auto words = json_form(text);
    check.test = {words ? "CMD" : "CMD-SHELL"};
    if (words)
      check.test.insert(check.test.end(), words->begin(), words->end());
    else
      check.test.emplace_back(text);
  } else {
    return bad(format("\"{}\" must be CMD or NONE", kind));
  }
  config.health_check = check;
  return {};
}

Result<void> change_shell(oci::ContainerConfig& config, std::string_view text) {
  const auto words = json_form(text);
  if (!words || words->empty()) return bad("SHELL takes a JSON list");
  config.shell = *words;
  return {};
}

Result<void> change_entrypoint(oci::ContainerConfig& config, std::string_view text) {
  config.entrypoint = command_form(config, text);
  return {};
}

Result<void> change_cmd(oci::ContainerConfig& config, std::string_view text) {
  config.cmd = command_form(config, text);
  return {};
}

Result<void> change_user(oci::ContainerConfig& config, std::string_view text) {
  config.user = text;
  return {};
}

Result<void> change_stop_signal(oci::ContainerConfig& config, std::string_view text) {
  config.stop_signal = text;
  return {};
}

Result<void> change_on_build(oci::ContainerConfig& config, std::string_view text) {
  config.on_build.emplace_back(text);
  return {};
}

struct Instruction {
  std::string_view name;
  Result<void> (*apply)(oci::ContainerConfig&, std::string_view);
};
constexpr std::array instructions = {
    Instruction{"CMD", change_cmd},
    Instruction{"ENTRYPOINT", change_entrypoint},
    Instruction{"ENV", change_env},
    Instruction{"EXPOSE", change_expose},
    Instruction{"WORKDIR", change_working_dir},
    Instruction{"USER", change_user},
    Instruction{"LABEL", change_label},
    Instruction{"VOLUME", change_volume},
    Instruction{"STOPSIGNAL", change_stop_signal},
    Instruction{"HEALTHCHECK", change_health_check},
    Instruction{"SHELL", change_shell},
    Instruction{"ONBUILD", change_on_build},
};

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view text) {
  Words words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (++i == text.size()) return bad("ends in a backslash");
      const bool literal = quote == '"' && text[i] != '"' && text[i] != '\\' && text[i] != '$';
      if (literal) word += c;
      word += text[i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return bad(format("the quote {} isn't closed", quote));
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<void> apply_change(oci::ContainerConfig& config, std::string_view change) {
  std::string_view text = trim(change);
  const std::string_view name = take_word(text);
  for (const auto& instruction : instructions) {
    if (!equals_ignoring_case(instruction.name, name)) continue;
    if (text.empty()) return Error::make(ErrorKind::invalid, "change \"{}\": {} needs a value", change, name);
    return instruction.apply(config, text).context("change \"{}\"", change);
  }
  return Error::make(ErrorKind::unsupported, "change \"{}\": instruction {} can't be used here", change,
                     name);
}

Result<void> apply_changes(oci::ContainerConfig& config, const ChangeList& changes) {
  for (const auto& change : changes) TRY(apply_change(config, change));
  return {};
}

}  // namespace gantry::images
