#include "base/files.h"
#include "runtime/channel.h"
#include "runtime/create.h"
#include "runtime/destroy.h"
#include "runtime/hooks.h"
#include "runtime/log.h"
#include "runtime/start_socket.h"

namespace gantry::runtime {
namespace {

Result<void> run_poststart_hooks(const oci::RuntimeConfig& config, const Record& record) {
  if (!config.hooks || config.hooks->poststart.empty()) return {};
  const auto hooks = TRY(plan_hooks("poststart", config.hooks->poststart, record.annotations));
  auto result = run_hooks_here(hooks, describe(record, oci::Status::running));
  if (!result) kill_container(record);
  return result;
}

// Init was told to go on: until the end of the connection, which execve closes.
Result<void> await_program(BorrowedFd connection) {
  const auto packet = TRY(receive_packet(connection));
  if (!packet) return {};
  return Error::make(ErrorKind::system, "unable to start container process: {}", packet->text);
}

}  // namespace

Result<void> let_go(const Created& created) {
  return answer(created.channel);
}

Result<void> start_failure(const Created& created) {
  return await_program(created.channel);
}

Result<void> start_created(const Created& created) {
  TRY(let_go(created));
  TRY(await_program(created.channel));
  return run_poststart_hooks(created.config, created.record);
}

Result<void> start_container(ContainerFolder& folder, const Record& record) {
  const auto status = current_status(folder, record);
  if (status == oci::Status::stopped) {
    return Error::make(ErrorKind::conflict, "cannot start a container that has stopped");
  }
  if (!folder.waits_for_start()) {
    return Error::make(ErrorKind::conflict, "cannot start an already running container");
  }
  if (status == oci::Status::paused)
    return Error::make(ErrorKind::conflict, "cannot start a paused container");
  const auto connection = connect_for_start(folder);
  // A dying init still listens, but never says that it is ready.
  const auto greeting =
      connection ? receive_packet(*connection) : Result<std::optional<Packet>>(connection.error());
  if (!greeting || !*greeting) {
    return Error::make(ErrorKind::conflict, "cannot start a container that has stopped");
  }
  // Unlinked before init is told: whoever looks sees `running`, and init ends by itself if we die in between.
  TRY(remove_file(folder.file("start.sock")));
  TRY(answer(*connection));
  TRY(await_program(*connection));
  log_debug("container {}: its program runs", record.id);
  const auto config = TRY(folder.load_config());
  auto hooked = run_poststart_hooks(config, record);
  // Source: runtime-spec runtime.md "Lifecycle", step 9: it goes on with the container's destruction.
  if (!hooked) log_result(destroy_container(folder, record, &config));
  return hooked;
}

}  // namespace gantry::runtime
