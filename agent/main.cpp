#include "agent/agent.h"
#include "agent/engine_driver.h"
#include "base/log.h"
#include "http/credentials_file.h"

#include <csignal>
#include <cstdio>
#include <thread>
#include <unistd.h>

namespace {

using namespace gantry;

constexpr int wrong_options = 2;
constexpr int refused_for_good = 5;  // the ECS agent's supervisors don't start it again after this one
constexpr std::chrono::seconds patience{10};

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos) values[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return values;
}

int fail(int status, const Error& error) {
  std::fprintf(stderr, "gantry-agent: %s\n", error.message().c_str());
  return status;
}

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// A step that blocks (a pull, a stop) is cut off after a while: every step may be, at any moment.
void end_on_signal(agent::Stopping& stopping) {
  const auto signals = ending_signals();
  int received = 0;
  ::sigwait(&signals, &received);
  log::info("ending signal={}: tasks run on", received);
  stopping.set();
  std::this_thread::sleep_for(patience);
  ::_exit(0);
}

Result<int> run(const agent::Config& config) {
  TRY(set_up_logging("gantry-agent", {config.log_level, config.log_file, false}));
  for (const auto& name : config.ignored) log::warning("variable not honoured name={}", name);
  const auto credentials = TRY(http::find_credentials(config.credentials_file));
  const auto signals = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto driver = TRY(agent::make_engine_driver(config, credentials));
  agent::Stopping stopping;
  std::thread([&stopping] { end_on_signal(stopping); }).detach();
  const SystemClock clock;
  log::info("begin version={} cluster={} endpoint={} data={}", GANTRY_VERSION, config.cluster,
            config.endpoint, config.data_directory);
  const auto outcome = TRY(agent::run_agent(config, credentials, *driver, clock, stopping));
  return outcome == agent::Outcome::refused ? refused_for_good : 0;
}

}  // namespace

int main(int count, char** arguments) {
  agent::ConfigSource source;
  source.arguments.assign(arguments + 1, arguments + count);
  source.environment = read_environment();
  const auto line = agent::read_config(source);
  if (!line) return fail(wrong_options, line.error());
  if (line->help) std::fputs(agent::help_text().c_str(), stdout);
  if (line->version) std::puts("gantry-agent " GANTRY_VERSION);
  if (line->help || line->version) return 0;
  const auto status = run(line->config);
  if (!status) return fail(1, status.error());
  std::fflush(nullptr);
  ::_exit(*status);  // the thread that waits for signals still uses what main owns
}
