#include "base/log.h"
#include "controlplane/control_server.h"

#include <csignal>
#include <cstdio>

namespace {

using namespace gantry;

constexpr int wrong_options = 2;

// Signals are taken by sigwait in main, so every thread must have them blocked from its beginning.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  (void)std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

Result<void> serve(const controlplane::ControlOptions& options) {
  TRY(set_up_logging("gantry-control", {.level = options.log_level}));
  const auto signals = block_signals();
  const auto server = TRY(controlplane::ControlServer::start(options));
  log::info("serving listen={} port={} region={} account={} state={}", options.listen, server->port(),
            options.identity.region, options.identity.account, options.state_directory);
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("stopping signal={}", signal);
  server->stop();
  return {};
}

int fail(int status, const Error& error) {
  std::fprintf(stderr, "gantry-control: %s\n", error.message().c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = gantry::controlplane::parse_control_options({argv + 1, argv + argc});
  if (!options) return fail(wrong_options, options.error());
  if (options->help) {
    std::fputs(gantry::controlplane::control_help().c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::puts("gantry-control " GANTRY_VERSION);
    return 0;
  }
  const auto served = serve(*options);
  if (!served) return fail(1, served.error());
  return 0;
}
