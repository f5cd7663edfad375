#include "tests/builder/describe.h"

#include "base/text.h"

namespace gantry::test {
namespace {

using namespace builder;

std::string words(const std::vector<std::string>& list) {
  return "[" + join(list, "|") + "]";
}

std::string command(const CommandLine& line) {
  return (line.shell ? "shell" : "exec") + words(line.words);
}

std::string pairs(const Pairs& list) {
  std::string text;
  for (const auto& [name, value] : list) text += "(" + name + "=" + value + ")";
  return text;
}

std::string heredocs(const std::vector<Heredoc>& list) {
  std::string text;
  for (const auto& each : list)
    text += " <<" + each.name + (each.expand ? "$" : "") + "{" + each.content + "}";
  return text;
}

std::string named(const std::string& name, const std::string& value) {
  return value.empty() ? "" : " " + name + "=" + value;
}

struct Describe {
  std::string operator()(const From& from) {
    return "FROM " + from.image + named("as", from.name) + named("platform", from.platform);
  }
  std::string operator()(const Run& run) {
    std::string text = "RUN " + command(run.command) + heredocs(run.heredocs);
    for (const auto& mount : run.mounts) {
      text += format(" mount={}:{}", static_cast<int>(mount.type), mount.target);
      text += named("from", mount.from) + named("source", mount.source) + named("id", mount.id);
      text += mount.read_only ? " ro" : " rw";
    }
    if (run.network == RunNetwork::none) text += " network=none";
    if (run.network == RunNetwork::host) text += " network=host";
    return text;
  }
  std::string operator()(const Copy& copy) {
    return (copy.add ? "ADD " : "COPY ") + words(copy.sources) + heredocs(copy.files) + " -> " +
           copy.destination + named("from", copy.from) + named("chown", copy.chown) +
           named("chmod", copy.chmod) + named("exclude", join(copy.exclude, "|")) +
           (copy.link ? " link" : "") + (copy.parents ? " parents" : "");
  }
  std::string operator()(const Env& env) { return "ENV " + pairs(env.pairs); }
  std::string operator()(const Label& label) { return "LABEL " + pairs(label.pairs); }
  std::string operator()(const Arg& arg) {
    std::string text = "ARG ";
    for (const auto& [name, value] : arg.variables) text += "(" + name + (value ? "=" + *value : "") + ")";
    return text;
  }
  std::string operator()(const WorkDir& each) { return "WORKDIR " + each.path; }
  std::string operator()(const User& each) { return "USER " + each.name; }
  std::string operator()(const Volume& each) { return "VOLUME " + words(each.paths); }
  std::string operator()(const Expose& each) { return "EXPOSE " + words(each.ports); }
  std::string operator()(const Entrypoint& each) { return "ENTRYPOINT " + command(each.command); }
  std::string operator()(const Cmd& each) { return "CMD " + command(each.command); }
  std::string operator()(const Shell& each) { return "SHELL " + words(each.words); }
  std::string operator()(const StopSignal& each) { return "STOPSIGNAL " + each.signal; }
  std::string operator()(const HealthCheckCommand& each) { return "HEALTHCHECK " + each.text; }
  std::string operator()(const OnBuild& each) { return "ONBUILD " + each.trigger; }
  std::string operator()(const Maintainer& each) { return "MAINTAINER " + each.name; }
};

}  // namespace

std::string describe(const Instruction& instruction) {
  return std::visit(Describe{}, instruction.what);
}

}  // namespace gantry::test
