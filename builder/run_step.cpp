#include "base/files.h"
#include "base/text.h"
#include "builder/mounts.h"
#include "builder/stage_builder.h"

namespace gantry::builder {
namespace {

struct Program {
  std::vector<std::string> arguments;
  std::optional<Heredoc> script;  // to be run itself: it begins with "#!"
};

// RUN <<EOF alone: its content is the shell's text, or a script; else the shell gets the heredocs as they
// are.
Program program_of(const Run& run, const StageState& state) {
  Program program;
  if (!run.command.shell) {
    program.arguments = run.command.words;
    return program;
  }
  std::string text = run.command.words[0];
  if (run.heredocs.size() == 1 && text.find_first_of(" \t") == std::string::npos) {
    if (run.heredocs[0].content.starts_with("#!")) {
      program.script = run.heredocs[0];
      program.arguments = {"/dev/pipes/" + run.heredocs[0].name};
      return program;
    }
    text = run.heredocs[0].content;
  } else {
    for (const auto& heredoc : run.heredocs) text += "\n" + heredoc.content + heredoc.name;
  }
  program.arguments = state.shell();
  program.arguments.push_back(std::move(text));
  return program;
}

std::string history_text(const std::vector<std::string>& arguments, const std::vector<std::string>& args) {
  std::string text = "RUN ";
  if (!args.empty()) text += format("|{} {} ", args.size(), join(args, " "));
  return text + join(arguments, " ");
}

std::string network_of(const Run& run, const BuildOptions& options) {
  switch (run.network) {
    case RunNetwork::none:
      return "none";
    case RunNetwork::host:
      return "host";
    case RunNetwork::standard:
      break;
  }
  return options.network;
}

std::vector<std::string> environment_of(const StageState& state, const BuildOptions& options) {
  auto environment = state.config.config.env;
  const auto arguments = state.argument_list();
  environment.insert(environment.end(), arguments.begin(), arguments.end());
  for (const auto& [name, value] : options.arguments) {
    if (is_proxy_argument(name)) environment.push_back(name + "=" + value);
  }
  return environment;
}

Result<engine::MountSpec> script_mount(const Heredoc& script, const engine::BuildRoot& root) {
  const std::string folder = root.scratch() + "/pipes";
  TRY(make_directories(folder, 0755));
  TRY(write_file(join_path(folder, script.name), script.content, 0755));
  return engine::MountSpec{.source = folder, .destination = "/dev/pipes", .read_only = true};
}

}  // namespace

Result<void> StageBuilder::run(const Run& run, Progress::Step& step) {
  const Program program = program_of(run, state_);
  if (program.script && program.script->name.find('/') != std::string::npos) {
    return Error::make(ErrorKind::invalid, "a script's heredoc can't be named {}", program.script->name);
  }
  RunMounts mounts(shared_.engine, shared_.options, shared_.context.root);
  TRY(mounts.plan(run.mounts, state_, [&](const std::string& from) { return source_state(from); }));
  const std::string network = network_of(run, shared_.options);
  Key key = step_key("run");
  key.add_all(program.arguments).add_all(state_.config.config.env).add_all(state_.argument_list());
  key.add(program.script ? program.script->content : "").add(state_.config.config.user);
  key.add(state_.working_directory()).add(network).add_all(shared_.options.extra_hosts);
  mounts.add_to(key);
  StepRun step_run{key.finish(), history_text(program.arguments, state_.argument_list()), {}, false};
  step_run.root.for_run = true;
  step_run.root.mount_targets = mounts.targets();
  return cached(std::move(step_run), step, [&](engine::BuildRoot& root) -> Result<void> {
    engine::BuildStepSpec spec;
    spec.arguments = program.arguments;
    spec.environment = environment_of(state_, shared_.options);
    spec.user = state_.config.config.user;
    spec.working_directory = state_.working_directory();
    spec.network = network;
    spec.extra_hosts = shared_.options.extra_hosts;
    spec.cancel_fd = shared_.canceller.fd().get();
    TRY(mounts.open(root, spec, [&](const StageState& state) { return open_from(state); }));
    if (program.script) spec.mounts.push_back(TRY(script_mount(*program.script, root)));
    const int code = TRY(root.run(spec, [&](auto, std::string_view piece) { step.output(piece); }));
    if (shared_.canceller.cancelled()) return Error(ErrorKind::conflict, "the build was cancelled");
    if (code == 0) return {};
    return Error::make(ErrorKind::conflict, "process \"{}\" did not complete successfully: exit code: {}",
                       join(program.arguments, " "), code);
  });
}

}  // namespace gantry::builder
