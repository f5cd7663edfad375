#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "cgroups/cgroup.h"
#include "runtime/commands.h"
#include "runtime/log.h"

#include <algorithm>
#include <set>

namespace gantry::runtime {
namespace {

// From /etc/passwd, by hand: a static program can't load the name service's modules.
std::string user_name(uint32_t uid) {
  const auto text = read_file("/etc/passwd");
  if (text) {
    for (const auto& line : split(*text, '\n')) {
      const auto fields = split(line, ':');
      if (fields.size() > 2 && fields[2] == std::to_string(uid)) return fields[0];
    }
  }
  return format("#{}", uid);
}

std::string state_array(const std::vector<oci::State>& states) {
  std::string text = "[";
  for (const auto& state : states) {
    if (text.size() > 1) text += ',';
    text += oci::to_json_text(state);
  }
  return text + "]";
}

void print_table(const std::vector<oci::State>& states) {
  size_t widths[4] = {2, 3, 6, 6};
  for (const auto& state : states) {
    widths[0] = std::max(widths[0], state.id.size());
    widths[1] = std::max(widths[1], std::to_string(state.pid).size());
    widths[2] = std::max(widths[2], oci::status_name(state.status).size());
    widths[3] = std::max(widths[3], state.bundle.size());
  }
  const auto row = [&](std::string_view id, std::string_view pid, std::string_view status,
                       std::string_view bundle, std::string_view created, std::string_view owner) {
    print_line(format("{:<{}}  {:<{}}  {:<{}}  {:<{}}  {:<30}  {}", id, widths[0], pid, widths[1], status,
                      widths[2], bundle, widths[3], created, owner));
  };
  row("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
  for (const auto& state : states) {
    row(state.id, std::to_string(state.pid), oci::status_name(state.status), state.bundle, state.created,
        state.owner);
  }
}

Result<void> check_format(const std::string& chosen) {
  if (chosen == "table" || chosen == "json") return {};
  return Error::make(ErrorKind::invalid, "invalid format option \"{}\": must be table or json", chosen);
}

Result<std::vector<pid_t>> container_processes(const Found& found) {
  if (!found.record.cgroup.empty()) {
    const auto cgroup = cgroups::Cgroup::open(found.record.cgroup);
    if (cgroup) return cgroup->processes();
  }
  return std::vector<pid_t>{found.record.pid};
}

// The header of ps's own table, and the lines whose PID column is one of ours.
Result<void> print_ps(const std::vector<pid_t>& pids, const Arguments& options) {
  Command command{{"ps"}, {}, {}, {}, {}};
  if (options.empty()) command.arguments.push_back("-ef");
  command.arguments.insert(command.arguments.end(), options.begin(), options.end());
  const auto lines = split(TRY(check_command(command)), '\n');
  std::set<std::string> wanted;
  for (const pid_t pid : pids) wanted.insert(std::to_string(pid));
  const auto words = [](const std::string& line) {
    auto parts = split(line, ' ');
    std::erase(parts, "");
    return parts;
  };
  const auto header = words(lines[0]);
  const auto column = static_cast<size_t>(std::find(header.begin(), header.end(), "PID") - header.begin());
  if (column == header.size()) return Error::make(ErrorKind::invalid, "ps printed no PID column");
  print_line(lines[0]);
  for (const auto& line : lines) {
    const auto parts = words(line);
    if (parts.size() > column && wanted.count(parts[column]) != 0) print_line(line);
  }
  return {};
}

}  // namespace

Result<int> command_list(const GlobalOptions& global, const Arguments& arguments) {
  std::string chosen = "table";
  bool quiet = false;
  const auto rest = TRY(arguments_of(
      "list",
      {option("format", 'f', chosen, "FORMAT", "table or json"), toggle("quiet", 'q', quiet, "ids only")},
      arguments));
  if (!rest) return 0;
  TRY(check_format(chosen));
  std::vector<oci::State> states;
  for (const auto& id : TRY(ContainerFolder::list(global.root))) {
    const auto found = find_container(global, id, false);
    if (!found) {
      log_warning(found.error().message());
      continue;
    }
    auto state = describe(found->record, current_status(found->folder, found->record));
    state.owner = user_name(found->record.owner);
    states.push_back(std::move(state));
  }
  if (quiet) {
    for (const auto& state : states) print_line(state.id);
  } else if (chosen == "json") {
    print_line(state_array(states));
  } else {
    print_table(states);
  }
  return 0;
}

Result<int> command_ps(const GlobalOptions& global, const Arguments& arguments) {
  std::string chosen = "table";
  auto rest = TRY(arguments_of(
      "ps", {option("format", 'f', chosen, "FORMAT", "table, or json: process ids only")}, arguments));
  if (!rest) return 0;
  TRY(check_format(chosen));
  const auto found = TRY(find_container(global, rest->at(0), false));
  if (current_status(found.folder, found.record) == oci::Status::stopped) {
    return Error::make(ErrorKind::conflict, "container not running");
  }
  const auto pids = TRY(container_processes(found));
  if (chosen == "table") {
    rest->erase(rest->begin());
    TRY(print_ps(pids, *rest));
    return 0;
  }
  std::string text = "[";
  for (const pid_t pid : pids) text += (text.size() > 1 ? "," : "") + std::to_string(pid);
  print_line(text + "]");
  return 0;
}

}  // namespace gantry::runtime
