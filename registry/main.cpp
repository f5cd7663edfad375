#include "base/log.h"
#include "registry/check.h"
#include "registry/front.h"
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
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void reload(http::Server& server, AccessLog* access_log) {
  const auto certificate = server.reload_certificate();
  if (!certificate) log::error("certificate not reloaded error=\"{}\"", certificate.error().message());
  const auto reopened = access_log == nullptr ? Result<void>() : access_log->reopen();
  if (!reopened) log::error("access log not opened anew error=\"{}\"", reopened.error().message());
  if (certificate && reopened) log::info("registry reloaded");
}

Result<void> serve(const ProgramOptions& options) {
  const auto signals = block_signals();
  TRY(set_up_logging("gantry-registry", {options.log_level, "", false}));
  const SystemClock clock;
  const auto credentials = TRY(http::FileCredentialStore::open(options.credentials_file));
  auto registry = TRY(Registry::open(options.registry, *credentials, clock));
  std::shared_ptr<AccessLog> access_log;
  if (!options.access_log.empty()) {
    access_log = std::make_shared<AccessLog>(TRY(AccessLog::open(options.access_log)));
  }
  const FrontOptions front{options.registry.read_only, options.open_metrics};
  const auto server =
      TRY(http::Server::start(options.server, std::make_shared<Front>(registry, access_log, front, clock)));
  log::info("registry ready address={} port={} tls={} data={}", options.server.address, server->port(),
            options.registry.secure, options.registry.data);
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) reload(*server, access_log.get());
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
