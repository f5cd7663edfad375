#include "runtime/commands.h"

namespace gantry::runtime {
namespace {

constexpr size_t any_number = SIZE_MAX;

constexpr std::string_view bundle_details =
    R"(ID names the container; it must be unique below --root. A bundle is a folder with a config.json and the root
that it names.)";

constexpr std::string_view exec_details =
    R"(Errors before the program runs end with status 255, else the status is the program's own (128 + n when signal n
ended it).)";

constexpr std::string_view criu_details =
    R"(criu(8) must be in PATH. restore brings the container back, here or on another host with the same root.)";

const CommandEntry commands[] = {
    {{"create", "ID", "Make a container that waits for start", bundle_details, 1, 1}, command_create},
    {{"start", "ID", "Let a created container run its program", {}, 1, 1}, command_start},
    {{"run", "ID", "Create and start a container, and wait for its end unless --detach", bundle_details, 1,
      1},
     command_run},
    {{"exec", "ID PROGRAM [ARG...], or --process FILE ID", "Run one more process in a container",
      exec_details, 1, any_number},
     command_exec},
    {{"state", "ID", "Print a container's state as JSON", {}, 1, 1}, command_state},
    {{"kill", "ID [SIGNAL]", "Signal a container's init process",
      "SIGNAL is a name, with or without SIG, or a number (default TERM).", 1, 2},
     command_kill},
    {{"delete", "ID", "Remove a stopped container", {}, 1, 1}, command_delete},
    {{"pause", "ID", "Freeze all processes of a container", {}, 1, 1}, command_pause},
    {{"resume", "ID", "Thaw a paused container", {}, 1, 1}, command_resume},
    {{"update", "ID", "Change a container's limits", {}, 1, 1}, command_update},
    {{"events", "ID", "Print a container's statistics and out-of-memory events, as JSON lines", {}, 1, 1},
     command_events},
    {{"checkpoint", "ID", "Save a container's processes to disk with criu, and end it", criu_details, 1, 1},
     command_checkpoint},
    {{"restore", "ID", "Make a container anew of what checkpoint saved, and wait for its end unless --detach",
      bundle_details, 1, 1},
     command_restore},
    {{"list", "", "List the containers below --root", {}, 0, 0}, command_list},
    {{"ps", "ID [PS'S OPTIONS]", "List the processes of a container",
      "What follows ID goes to ps(1) (default -ef); only the container's lines of its table are shown.", 1,
      any_number},
     command_ps},
    {{"spec", "", "Write a config.json to start from", {}, 0, 0}, command_spec},
    {{"features", "", "Print what this runtime supports, as JSON", {}, 0, 0}, command_features},
    {{"version", "", "Show the version", {}, 0, 0}, command_version},
};

}  // namespace

std::span<const CommandEntry> all_commands() {
  return commands;
}

const CommandEntry* find_command(std::string_view name) {
  for (const auto& command : commands) {
    if (command.usage.name == name) return &command;
  }
  return nullptr;
}

Result<std::optional<Arguments>> arguments_of(std::string_view name, std::vector<Flag> flags,
                                              const Arguments& given) {
  return read_arguments(find_command(name)->usage, std::move(flags), given);
}

}  // namespace gantry::runtime
