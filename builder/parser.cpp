#include "base/json.h"
#include "base/text.h"
#include "builder/errors.h"
#include "builder/flags.h"
#include "builder/lexer.h"
#include "builder/run_mount.h"
#include "images/changes.h"

#include <algorithm>
#include <array>

namespace gantry::builder {
namespace {

using Words = std::vector<std::string>;

Error unsupported(std::string_view rule) {
  return {ErrorKind::unsupported, std::string(rule)};
}

// What an instruction's parser sees: the rest of its line behind the flags.
struct Source {
  std::string_view name;
  std::string_view text;
  Flags flags;
  std::vector<Heredoc> heredocs;
  char escape;
};

// A JSON list of strings; anything else is taken as it stands.
std::optional<Words> json_form(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  auto words = parse_json<Words>(text, "list");
  return words ? std::optional<Words>(std::move(words).value()) : std::nullopt;
}

Words blank_separated(std::string_view text) {
  Words words;
  for (size_t at = 0; (at = text.find_first_not_of(" \t\v\f\r\n", at)) != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(" \t\v\f\r\n", at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

Words list_form(std::string_view text) {
  auto json = json_form(text);
  return json ? *json : blank_separated(text);
}

CommandLine command_form(std::string_view text) {
  if (auto json = json_form(text)) return {false, std::move(*json)};
  return {true, {std::string(text)}};
}

Result<void> need_text(const Source& source) {
  if (source.text.empty()) return broken_rule("needs at least one argument");
  return {};
}

bool is_stage_name(std::string_view name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' && is_plain(name, "-_.");
}

Result<From> parse_from(Source& source) {
  From from;
  from.platform = TRY(source.flags.take("platform"));
  const Words words = blank_separated(source.text);
  if (words.size() != 1 && words.size() != 3) return broken_rule("takes IMAGE or IMAGE AS NAME");
  from.image = words[0];
  if (words.size() == 1) return from;
  if (!equals_ignoring_case(words[1], "as")) return broken_rule("takes IMAGE or IMAGE AS NAME");
  from.name = to_lower(words[2]);
  if (!is_stage_name(from.name)) {
    return broken_rule(
        format("stage name \"{}\" must begin with a letter and be letters, digits, -, _ and .", words[2]));
  }
  return from;
}

Result<Run> parse_run(Source& source) {
  Run run;
  for (const auto& text : source.flags.take_all("mount")) run.mounts.push_back(TRY(parse_run_mount(text)));
  const std::string network = TRY(source.flags.take("network"));
  if (network == "none") run.network = RunNetwork::none;
  if (network == "host") run.network = RunNetwork::host;
  if (!network.empty() && network != "none" && network != "host" && network != "default") {
    return broken_rule(format("--network={} must be default, none or host", network));
  }
  const std::string security = TRY(source.flags.take("security"));
  if (!security.empty() && security != "sandbox") {
    return unsupported(format("--security={} is not supported, only sandbox is", security));
  }
  TRY(need_text(source));
  run.command = command_form(source.text);
  if (run.command.words.empty()) return broken_rule("the list is empty");
  run.heredocs = std::move(source.heredocs);
  return run;
}

// Heredocs among the sources, in their order.
Result<void> split_sources(Copy& copy, Words words, Source& source) {
  if (words.size() < 2) return broken_rule("needs a source and a destination");
  copy.destination = std::move(words.back());
  words.pop_back();
  size_t next = 0;
  for (auto& word : words) {
    if (next < source.heredocs.size() && is_heredoc(word)) {
      copy.files.push_back(std::move(source.heredocs[next++]));
    } else {
      copy.sources.push_back(std::move(word));
    }
  }
  if (next < source.heredocs.size()) return broken_rule("a heredoc can't be the destination");
  return {};
}

Result<Copy> parse_copy(Source& source) {
  Copy copy;
  copy.add = source.name == "ADD";
  copy.chown = TRY(source.flags.take("chown"));
  copy.chmod = TRY(source.flags.take("chmod"));
  copy.exclude = source.flags.take_all("exclude");
  copy.link = TRY(source.flags.take_switch("link"));
  if (copy.add) {
    for (const auto* name : {"checksum", "keep-git-dir", "unpack"}) {
      if (source.flags.has(name)) return unsupported(format("--{} is not supported", name));
    }
  } else {
    copy.from = TRY(source.flags.take("from"));
    copy.parents = TRY(source.flags.take_switch("parents"));
  }
  auto json = json_form(source.text);
  TRY(split_sources(copy, json ? *json : blank_separated(source.text), source));
  const size_t count = copy.sources.size() + copy.files.size();
  const bool folder = copy.destination.ends_with('/') || copy.destination == "." || copy.destination == "..";
  if (count > 1 && !folder && copy.destination.find('$') == std::string::npos) {
    return broken_rule("with more than one source, the destination must be a folder and end with /");
  }
  if (!copy.from.empty() && !copy.files.empty()) return broken_rule("--from can't be used with heredocs");
  for (const auto& each : copy.sources) {
    const bool remote = each.find("://") != std::string::npos || each.starts_with("git@");
    if (remote && copy.add) return unsupported(format("source {}: addresses are not supported", each));
  }
  return copy;
}

Result<Pairs> parse_pairs(const Source& source) {
  Pairs pairs;
  TRY(need_text(source));
  const Words words = raw_words(source.text, source.escape);
  if (words.empty()) return broken_rule("needs at least one argument");
  if (words[0].find('=') == std::string::npos) {
    // The old form: one name, and the rest of the line.
    const size_t end = source.text.find_first_of(" \t");
    if (end == std::string_view::npos)
      return broken_rule(format("{} has no value: NAME=VALUE is the form", words[0]));
    pairs.emplace_back(source.text.substr(0, end), trim(source.text.substr(end)));
    return pairs;
  }
  for (const auto& word : words) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos)
      return broken_rule(format("can't find = in \"{}\": NAME=VALUE is the form", word));
    if (equals == 0) return broken_rule(format("\"{}\" has no name", word));
    pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return pairs;
}

Result<Arg> parse_arg(const Source& source) {
  Arg arg;
  TRY(need_text(source));
  for (const auto& word : raw_words(source.text, source.escape)) {
    const size_t equals = word.find('=');
    if (equals == 0) return broken_rule(format("\"{}\" has no name", word));
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    arg.variables.emplace_back(word.substr(0, equals), std::move(value));
  }
  return arg;
}

Result<std::string> parse_text(const Source& source) {
  TRY(need_text(source));
  return std::string(source.text);
}

Result<Words> parse_list(const Source& source) {
  TRY(need_text(source));
  auto words = list_form(source.text);
  if (words.empty()) return broken_rule("the list is empty");
  if (std::find(words.begin(), words.end(), "") != words.end()) return broken_rule("holds an empty word");
  return words;
}

Result<Shell> parse_shell(const Source& source) {
  auto words = json_form(source.text);
  if (!words || words->empty()) return broken_rule("takes a JSON list, such as [\"/bin/sh\", \"-c\"]");
  return Shell{std::move(*words)};
}

Result<HealthCheckCommand> parse_health_check(const Source& source) {
  TRY(need_text(source));
  oci::ContainerConfig trial;
  HealthCheckCommand check{std::string(source.text)};
  TRY(images::apply_change(trial, "HEALTHCHECK " + check.text));
  return check;
}

Result<OnBuild> parse_on_build(const Source& source, std::string_view file, int line) {
  TRY(need_text(source));
  std::string trigger(source.text);
  for (const auto& heredoc : source.heredocs) trigger += "\n" + heredoc.content + heredoc.name;
  const std::string name(trigger.substr(0, trigger.find_first_of(" \t")));
  for (const auto* each : {"ONBUILD", "FROM", "MAINTAINER"}) {
    if (equals_ignoring_case(name, each)) return broken_rule(format("{} can't be a trigger", each));
  }
  TRY(parse_trigger(trigger, file, line));
  return OnBuild{std::move(trigger)};
}

constexpr std::array<std::string_view, 19> known = {
    "FROM",   "RUN",    "COPY", "ADD",        "ENV",   "LABEL",      "ARG",         "WORKDIR", "USER",
    "VOLUME", "EXPOSE", "CMD",  "ENTRYPOINT", "SHELL", "STOPSIGNAL", "HEALTHCHECK", "ONBUILD", "MAINTAINER"};

std::vector<FlagName> flags_of(std::string_view name) {
  if (name == "FROM") return {{"platform"}};
  if (name == "RUN") return {{"mount"}, {"network"}, {"security"}};
  if (name == "COPY") {
    return {{"from"}, {"chown"}, {"chmod"}, {"exclude"}, {"link", true}, {"parents", true}};
  }
  if (name == "ADD") {
    return {{"chown"},       {"chmod"}, {"exclude"}, {"link", true}, {"checksum"}, {"keep-git-dir", true},
            {"unpack", true}};
  }
  return {};
}

using What = decltype(Instruction::what);

Result<What> parse_what(Source& source, std::string_view file, int line) {
  const std::string_view name = source.name;
  if (name == "FROM") return What(TRY(parse_from(source)));
  if (name == "RUN") return What(TRY(parse_run(source)));
  if (name == "COPY" || name == "ADD") return What(TRY(parse_copy(source)));
  if (name == "ENV") return What(Env{TRY(parse_pairs(source))});
  if (name == "LABEL") return What(Label{TRY(parse_pairs(source))});
  if (name == "ARG") return What(TRY(parse_arg(source)));
  if (name == "WORKDIR") return What(WorkDir{TRY(parse_text(source))});
  if (name == "USER") return What(User{TRY(parse_text(source))});
  if (name == "VOLUME") return What(Volume{TRY(parse_list(source))});
  if (name == "EXPOSE") return What(Expose{TRY(parse_list(source))});
  if (name == "CMD") return What(Cmd{command_form(source.text)});
  if (name == "ENTRYPOINT") return What(Entrypoint{command_form(source.text)});
  if (name == "SHELL") return What(TRY(parse_shell(source)));
  if (name == "STOPSIGNAL") return What(StopSignal{TRY(parse_text(source))});
  if (name == "HEALTHCHECK") return What(TRY(parse_health_check(source)));
  if (name == "ONBUILD") return What(TRY(parse_on_build(source, file, line)));
  return What(Maintainer{TRY(parse_text(source))});
}

Result<Instruction> parse_instruction(LogicalLine line, std::string_view file, char escape) {
  if (std::find(known.begin(), known.end(), line.name) == known.end()) {
    return error_at(file, line.number, ErrorKind::unsupported, format("unknown instruction: {}", line.name));
  }
  const auto parse = [&]() -> Result<Instruction> {
    std::string_view rest = line.rest;
    // HEALTHCHECK's options are read with its command.
    Flags flags = line.name == "HEALTHCHECK" || line.name == "ONBUILD"
                      ? Flags()
                      : TRY(take_flags(rest, flags_of(line.name), escape));
    Source source{line.name, rest, std::move(flags), std::move(line.heredocs), escape};
    Instruction instruction;
    instruction.line = line.number;
    instruction.text = line.rest.empty() ? line.name : line.name + " " + line.rest;
    instruction.what = TRY(parse_what(source, file, line.number));
    return instruction;
  };
  auto instruction = parse();
  if (instruction) return instruction;
  const std::string& message = instruction.error().message();
  if (message.starts_with(format("{}:{}: ", file, line.number))) return instruction;  // a trigger's
  return error_at(file, line.number, instruction.error().kind(), format("{}: {}", line.name, message));
}

Result<void> add(Dockerfile& dockerfile, Instruction instruction) {
  if (std::holds_alternative<From>(instruction.what)) {
    dockerfile.stages.push_back({std::move(instruction), {}});
  } else if (!dockerfile.stages.empty()) {
    dockerfile.stages.back().instructions.push_back(std::move(instruction));
  } else if (std::holds_alternative<Arg>(instruction.what)) {
    dockerfile.arguments.push_back(std::move(instruction));
  } else {
    return error_at(dockerfile.source, instruction.line, ErrorKind::invalid,
                    "no build stage yet: only ARG may stand before the first FROM");
  }
  return {};
}

}  // namespace

Result<Dockerfile> parse_dockerfile(std::string_view text, std::string_view source) {
  auto lexed = TRY(lex_dockerfile(text, source));
  Dockerfile dockerfile;
  dockerfile.source = source;
  dockerfile.escape = lexed.escape;
  for (auto& line : lexed.lines) {
    auto instruction = TRY(parse_instruction(std::move(line), source, lexed.escape));
    TRY(add(dockerfile, std::move(instruction)));
  }
  if (dockerfile.stages.empty()) {
    return Error::make(ErrorKind::invalid, "{}: holds no FROM", source);
  }
  return dockerfile;
}

Result<Instruction> parse_trigger(std::string_view text, std::string_view source, int line) {
  auto lexed = TRY(lex_dockerfile(text, source));
  if (lexed.lines.size() != 1)
    return error_at(source, line, ErrorKind::invalid, "ONBUILD: needs one instruction");
  lexed.lines[0].number = line;
  return parse_instruction(std::move(lexed.lines[0]), source, lexed.escape);
}

}  // namespace gantry::builder
