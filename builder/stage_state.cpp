#include "builder/stage_state.h"

#include "base/text.h"
#include "builder/errors.h"
#include "builder/ignore.h"
#include "engine/signals.h"
#include "images/changes.h"

#include <algorithm>
#include <array>

namespace gantry::builder {
namespace {

void set_variable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const std::string prefix = name + "=";
  for (auto& variable : environment) {
    if (!variable.starts_with(prefix)) continue;
    variable = prefix + value;
    return;
  }
  environment.push_back(prefix + value);
}

std::vector<std::string> full_command(const StageState& state, const CommandLine& command) {
  if (!command.shell) return command.words;
  auto words = state.shell();
  words.insert(words.end(), command.words.begin(), command.words.end());
  return words;
}

// One instruction, by its kind. What changes files is no business of it.
class Apply {
 public:
  Apply(StageState& state, const ArgumentValues& values)
      : state_(state), config_(state.config.config), values_(values), visible_(state.variables()) {}

  Result<void> operator()(const From&) { return {}; }
  Result<void> operator()(const Run&) { return {}; }
  Result<void> operator()(const Copy&) { return {}; }
  Result<void> operator()(const WorkDir& workdir) {
    const std::string path = TRY(word(workdir.path));
    if (path.empty()) return broken_rule("the path is empty");
    config_.working_dir = clean_absolute(state_.absolute(path));
    return {};
  }
  Result<void> operator()(const Env& env) {
    for (const auto& [name, value] : env.pairs) {
      const std::string expanded = TRY(word(name));
      if (expanded.empty()) return broken_rule("a name is empty");
      set_variable(config_.env, expanded, TRY(word(value)));
    }
    return {};
  }
  Result<void> operator()(const Label& label) {
    for (const auto& [name, value] : label.pairs) {
      const std::string expanded = TRY(word(name));
      if (expanded.empty()) return broken_rule("a name is empty");
      config_.labels[expanded] = TRY(word(value));
    }
    return {};
  }
  Result<void> operator()(const Arg& arg) {
    return apply_argument(arg, visible_, values_.given, &values_.global, state_.escape, state_.arguments);
  }
  Result<void> operator()(const User& user) {
    config_.user = TRY(word(user.name));
    if (config_.user.empty()) return broken_rule("the name is empty");
    return {};
  }
  Result<void> operator()(const Volume& volume) {
    for (const auto& path : volume.paths) {
      const std::string expanded = TRY(word(path));
      if (expanded.empty()) return broken_rule("a path is empty");
      config_.volumes[expanded];
    }
    return {};
  }
  Result<void> operator()(const Expose& expose) {
    for (const auto& port : expose.ports) {
      for (const auto& expanded : TRY(expand_words(port, visible_, state_.escape))) {
        TRY(images::apply_change(config_, "EXPOSE " + expanded));
      }
    }
    return {};
  }
  Result<void> operator()(const Entrypoint& entrypoint) {
    config_.entrypoint = full_command(state_, entrypoint.command);
    if (!state_.has_own_command) config_.cmd.reset();  // the base's goes with its entrypoint
    return {};
  }
  Result<void> operator()(const Cmd& cmd) {
    config_.cmd = full_command(state_, cmd.command);
    state_.has_own_command = true;
    return {};
  }
  Result<void> operator()(const Shell& shell) {
    config_.shell = shell.words;
    return {};
  }
  Result<void> operator()(const StopSignal& stop) {
    const std::string name = TRY(word(stop.signal));
    TRY(engine::parse_signal(name));
    config_.stop_signal = name;
    return {};
  }
  Result<void> operator()(const HealthCheckCommand& check) {
    return images::apply_change(config_, "HEALTHCHECK " + check.text);
  }
  Result<void> operator()(const OnBuild& trigger) {
    config_.on_build.push_back(trigger.trigger);
    return {};
  }
  Result<void> operator()(const Maintainer& maintainer) {
    state_.config.author = maintainer.name;
    return {};
  }

 private:
  static std::string clean_absolute(const std::string& path) { return "/" + clean_relative(path); }
  Result<std::string> word(const std::string& text) { return expand(text, visible_, state_.escape); }

  StageState& state_;
  oci::ContainerConfig& config_;
  const ArgumentValues& values_;
  const Variables visible_;
};

}  // namespace

bool is_proxy_argument(std::string_view name) {
  constexpr std::array<std::string_view, 5> names = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                                     "all_proxy"};
  const std::string lower = to_lower(name);
  const bool known = std::find(names.begin(), names.end(), lower) != names.end();
  return known && (name == lower ||
                   std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; }));
}

Variables StageState::variables() const {
  Variables all = arguments;
  for (const auto& variable : config.config.env) {
    const size_t equals = variable.find('=');
    all[variable.substr(0, equals)] = equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  return all;
}

std::vector<std::string> StageState::argument_list() const {
  std::vector<std::string> list;
  for (const auto& [name, value] : arguments) {
    const std::string prefix = name + "=";
    const auto& env = config.config.env;
    const bool hidden =
        std::any_of(env.begin(), env.end(), [&](const auto& each) { return each.starts_with(prefix); });
    if (!hidden) list.push_back(prefix + value);
  }
  return list;
}

std::string StageState::working_directory() const {
  const std::string& path = config.config.working_dir;
  return path.starts_with('/') ? path : "/" + path;
}

std::vector<std::string> StageState::shell() const {
  return config.config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.config.shell;
}

std::string StageState::absolute(const std::string& path) const {
  const std::string whole = path.starts_with('/') ? path : working_directory() + "/" + path;
  std::string cleaned = "/" + clean_relative(whole);
  const bool folder = path.ends_with('/') || path == "." || path == ".." || path.ends_with("/.");
  if (folder && cleaned != "/") cleaned += "/";
  return cleaned;
}

Result<void> StageState::apply(const Instruction& instruction, const ArgumentValues& values) {
  return std::visit(Apply(*this, values), instruction.what);
}

void StageState::add_history(std::string created_by, bool empty_layer, const std::string& created) {
  config.history.push_back({.created = created,
                            .created_by = std::move(created_by),
                            .comment = "gantry build",
                            .empty_layer = empty_layer});
  config.created = created;
}

Result<void> apply_argument(const Arg& arg, const Variables& visible, const Variables& given,
                            const Variables* global, char escape, Variables& into) {
  Variables seen = visible;
  for (const auto& [raw, value] : arg.variables) {
    const std::string name = TRY(expand(raw, seen, escape));
    std::optional<std::string> found;
    if (const auto each = given.find(name); each != given.end()) {
      found = each->second;
    } else if (value) {
      found = TRY(expand(*value, seen, escape));
    } else if (global != nullptr && global->count(name) != 0) {
      found = global->at(name);
    }
    if (!found) continue;
    into[name] = *found;
    seen.emplace(name, *found);
  }
  return {};
}

}  // namespace gantry::builder
