#pragma once

#include "cgroups/cgroup.h"
#include "runtime/command_line.h"
#include "runtime/create.h"

#include <span>

namespace gantry::runtime {

// Each takes the arguments after its name and returns the program's exit status, or an Error, which main
// prints and turns into 1. exec has its own: 255 for what fails before the program runs.
Result<int> command_create(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_run(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_start(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_exec(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_state(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_kill(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_delete(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_pause(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_resume(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_update(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_events(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_checkpoint(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_restore(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_list(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_ps(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_features(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_spec(const GlobalOptions& global, const Arguments& arguments);
Result<int> command_version(const GlobalOptions& global, const Arguments& arguments);

// The table of commands, in the help's order.
struct CommandEntry {
  Usage usage;
  Result<int> (*run)(const GlobalOptions&, const Arguments&);
};
std::span<const CommandEntry> all_commands();
const CommandEntry* find_command(std::string_view name);

// read_arguments() with the usage of the command called `name`.
Result<std::optional<Arguments>> arguments_of(std::string_view name, std::vector<Flag> flags,
                                              const Arguments& given);

// A container's folder, locked, and its record. Errors: "container does not exist".
struct Found {
  ContainerFolder folder;
  Record record;
};
Result<Found> find_container(const GlobalOptions& global, const std::string& id, bool locked);

// Errors: unsupported when the container has no cgroup.
Result<cgroups::Cgroup> cgroup_of(const Record& record);

void print_line(const std::string& text);  // on stdout

}  // namespace gantry::runtime
