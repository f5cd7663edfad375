#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"

#include <fmt/core.h>
#include <thread>
#include <unistd.h>

namespace gantry::cli {

namespace {

struct Sample {
  engine::ContainerInfo info;
  engine::ContainerStats first;
  engine::ContainerStats second;
};

// Of one CPU: 200 % is two of them wholly used, as docker has it.
double cpu_percent(const Sample& sample) {
  const double used = static_cast<double>(sample.second.cpu_usage_microseconds) -
                      static_cast<double>(sample.first.cpu_usage_microseconds);
  const double system = static_cast<double>(sample.second.system_cpu_microseconds) -
                        static_cast<double>(sample.first.system_cpu_microseconds);
  return system > 0 && used > 0 ? used / system * sample.second.online_cpus * 100 : 0;
}

std::map<std::string, std::string> row_of(const Sample& sample) {
  const auto& stats = sample.second;
  const std::string usage = stats.memory_usage ? format_size(*stats.memory_usage) : "--";
  const double share =
      stats.memory_usage && stats.memory_limit > 0
          ? 100.0 * static_cast<double>(*stats.memory_usage) / static_cast<double>(stats.memory_limit)
          : 0;
  return {{"ID", short_id(sample.info.id)},
          {"Name", sample.info.name},
          {"CPUPerc", format("{:.2f}%", cpu_percent(sample))},
          {"MemUsage", format("{} / {}", usage, format_size(stats.memory_limit))},
          {"MemPerc", stats.memory_usage ? format("{:.2f}%", share) : "--"},
          {"NetIO", format("{} / {}", format_size(stats.network_receive_bytes),
                           format_size(stats.network_transmit_bytes))},
          {"BlockIO",
           format("{} / {}", format_size(stats.block_read_bytes), format_size(stats.block_write_bytes))},
          {"PIDs", stats.process_count ? std::to_string(*stats.process_count) : "--"}};
}

Result<std::vector<engine::ContainerInfo>> chosen(const engine::Engine& engine,
                                                  const std::vector<std::string>& names) {
  std::vector<engine::ContainerInfo> infos;
  if (names.empty()) {
    for (auto& info : TRY(engine.list())) {
      if (info.state == engine::ContainerState::running) infos.push_back(std::move(info));
    }
  }
  for (const auto& name : names) infos.push_back(TRY(engine.inspect(name)));
  return infos;
}

// Two readings a second apart, since a share of CPU is a difference. One that ended meanwhile is left out.
std::vector<Sample> take_samples(const engine::Engine& engine,
                                 const std::vector<engine::ContainerInfo>& infos) {
  std::vector<Sample> samples;
  for (const auto& info : infos) {
    if (auto stats = engine.stats(info.id)) samples.push_back({info, std::move(stats).value(), {}});
  }
  if (!samples.empty()) std::this_thread::sleep_for(std::chrono::seconds(1));
  std::erase_if(samples, [&](Sample& sample) {
    auto stats = engine.stats(sample.info.id);
    if (stats) sample.second = std::move(stats).value();
    return !stats;
  });
  return samples;
}

Result<void> print_once(const engine::Engine& engine, const std::vector<std::string>& names,
                        const std::string& format) {
  const auto infos = TRY(chosen(engine, names));
  Table table({{"CONTAINER ID", "ID"},
               {"NAME", "Name"},
               {"CPU %", "CPUPerc"},
               {"MEM USAGE / LIMIT", "MemUsage"},
               {"MEM %", "MemPerc"},
               {"NET I/O", "NetIO"},
               {"BLOCK I/O", "BlockIO"},
               {"PIDS", "PIDs"}});
  for (const auto& sample : take_samples(engine, infos)) table.add(row_of(sample));
  if (isatty(STDOUT_FILENO) == 1 && format.empty()) fmt::print("\x1b[2J\x1b[H");
  TRY(table.print(format));
  fflush(stdout);
  return {};
}

Result<int> stats(const Session& session, const std::vector<std::string>& words) {
  bool once = false;
  std::string format;
  FlagSet set(session.title, "[OPTIONS] [CONTAINER...]");
  set.toggle("no-stream", 0, once, "print once, then leave")
      .value("format", 0, format, "FORMAT",
             "table, json, or a template such as {{.CPUPerc}} (default table)");
  const Parsed parsed = set.arguments(0).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  do {
    TRY(print_once(engine, parsed.arguments, format));
  } while (!once);
  return 0;
}

Result<int> top(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "CONTAINER");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  Table table({{"UID", "UID"}, {"PID", "PID"}, {"PPID", "PPID"}, {"TIME", "Time"}, {"CMD", "Command"}});
  for (const auto& process : TRY(engine.processes(parsed.arguments[0]))) {
    const uint64_t seconds = process.cpu_microseconds / 1'000'000;
    table.add({{"UID", std::to_string(process.uid)},
               {"PID", std::to_string(process.pid)},
               {"PPID", std::to_string(process.parent_pid)},
               {"Time", format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)},
               {"Command", process.command}});
  }
  TRY(table.print(""));
  return 0;
}

}  // namespace

std::vector<VerbEntry> usage_verbs() {
  return {{{"stats", "container stats"}, stats, "Show what containers use of CPU, memory, network and disks"},
          {{"top", "container top"}, top, "Show the processes of a container"}};
}

}  // namespace gantry::cli
