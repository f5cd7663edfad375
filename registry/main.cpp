#include "base/log.h"
#include "registry/check.h"
#include "registry/options.h"
#include "registry/registry.h"

#include <csignal>
#include <cstdio>

namespace gantry::registry {
namespace {

constexpr int wrong_options = 2;

// Blocked in all threads (this runs before any is started) and taken by wait_for_end().
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

Result<void> serve(const ProgramOptions& options) {
  const auto signals = block_signals();
  TRY(set_up_logging("gantry-registry", {options.log_level, "", false}));
  const SystemClock clock;
  const auto credentials = TRY(http::FileCredentialStore::open(options.credentials_file));
  auto registry = TRY(Registry::open(options.registry, *credentials, clock));
  const auto server = TRY(http::Server::start(options.server, registry));
  log::info("registry ready address={} port={} tls={} data={}", options.server.address, server->port(),
            options.registry.secure, options.registry.data);
  int signal = 0;
  sigwait(&signals, &signal);
  log::info("registry stops signal={}", signal);
  server->stop();
  return {};
}

int fail(int status, const Error& error) {
  std::fprintf(stderr, "gantry-registry: %s\n", error.message().c_str());
  return status;
}

int check_data(const std::string& data) {
  const auto checked = check(data);
  if (!checked) return fail(1, checked.error());
  for (const auto& fault : checked->faults) std::fprintf(stderr, "gantry-registry: %s\n", fault.c_str());
  const auto summary = format("{} repositories, {} manifests, {} tags, {} blobs ({} bytes): {} faults\n",
                              checked->repositories, checked->manifests, checked->tags, checked->blobs,
                              checked->bytes, checked->faults.size());
  const bool told = std::fputs(summary.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return told && checked->faults.empty() ? 0 : 1;
}

int run(const std::vector<std::string>& arguments) {
  const auto options = parse_options(arguments);
  if (options && options->help) return std::fputs(help_text().c_str(), stdout) < 0;
  if (options && options->version) return std::puts("gantry-registry " GANTRY_VERSION) < 0;
  if (!options) return fail(wrong_options, options.error());
  if (options->check) return check_data(options->registry.data);
  const auto served = serve(*options);
  return served ? 0 : fail(1, served.error());
}

}  // namespace
}  // namespace gantry::registry

int main(int argc, char** argv) {
  return gantry::registry::run({argv + 1, argv + argc});
}
