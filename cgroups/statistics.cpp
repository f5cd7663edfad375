#include "cgroups/statistics.h"

#include "base/files.h"
#include "base/text.h"

namespace gantry::cgroups {

namespace {

// Absent when the file isn't there: the controller isn't enabled for this cgroup.
std::optional<std::string> read_if_there(const std::string& directory, std::string_view file) {
  auto text = read_file(join_path(directory, file));
  if (!text) return std::nullopt;
  return std::move(text).value();
}

uint64_t number_or_zero(std::string_view text) {
  return parse_unsigned("cgroup file", trim(text)).value_or(0);
}

uint64_t read_number(const std::string& directory, std::string_view file) {
  const auto text = read_if_there(directory, file);
  return text ? number_or_zero(*text) : 0;
}

std::optional<uint64_t> read_maximum(const std::string& directory, std::string_view file) {
  const auto text = read_if_there(directory, file);
  if (!text || trim(*text) == "max") return std::nullopt;
  return number_or_zero(*text);
}

uint64_t value_of(const std::map<std::string, uint64_t>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? 0 : found->second;
}

Result<CpuStatistics> read_cpu(const std::string& directory) {
  const auto values = parse_flat_keyed(TRY(read_file(join_path(directory, "cpu.stat"))));
  CpuStatistics cpu;
  cpu.usage_us = value_of(values, "usage_usec");
  cpu.user_us = value_of(values, "user_usec");
  cpu.system_us = value_of(values, "system_usec");
  cpu.periods = value_of(values, "nr_periods");
  cpu.throttled_periods = value_of(values, "nr_throttled");
  cpu.throttled_us = value_of(values, "throttled_usec");
  return cpu;
}

std::optional<MemoryStatistics> read_memory(const std::string& directory) {
  const auto current = read_if_there(directory, "memory.current");
  if (!current) return std::nullopt;
  MemoryStatistics memory;
  memory.current = number_or_zero(*current);
  memory.peak = read_number(directory, "memory.peak");
  memory.maximum = read_maximum(directory, "memory.max");
  memory.swap_current = read_number(directory, "memory.swap.current");
  memory.swap_maximum = read_maximum(directory, "memory.swap.max");
  memory.detail = parse_flat_keyed(read_if_there(directory, "memory.stat").value_or(""));
  memory.inactive_file = value_of(memory.detail, "inactive_file");
  const auto events = parse_flat_keyed(read_if_there(directory, "memory.events").value_or(""));
  memory.oom = value_of(events, "oom");
  memory.oom_kill = value_of(events, "oom_kill");
  return memory;
}

std::optional<PidsStatistics> read_pids(const std::string& directory) {
  const auto current = read_if_there(directory, "pids.current");
  if (!current) return std::nullopt;
  return PidsStatistics{number_or_zero(*current), read_maximum(directory, "pids.max")};
}

std::map<std::string, HugetlbStatistics> read_hugetlb(const std::string& directory) {
  constexpr std::string_view prefix = "hugetlb.", suffix = ".current";
  std::map<std::string, HugetlbStatistics> sizes;
  for (const auto& name : list_directory(directory).value_or({})) {
    if (name.rfind(prefix, 0) != 0 || name.size() <= prefix.size() + suffix.size()) continue;
    if (name.compare(name.size() - suffix.size(), suffix.size(), suffix) != 0) continue;
    const auto size = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    if (size.find('.') != std::string::npos) continue;  // hugetlb.2MB.rsvd.current
    const auto events =
        parse_flat_keyed(read_if_there(directory, format("hugetlb.{}.events", size)).value_or(""));
    sizes[size] = {read_number(directory, name), value_of(events, "max")};
  }
  return sizes;
}

std::optional<CpusetStatistics> read_cpuset(const std::string& directory) {
  const auto cpus = read_if_there(directory, "cpuset.cpus.effective");
  if (!cpus) return std::nullopt;
  const auto mems = read_if_there(directory, "cpuset.mems.effective").value_or("");
  return CpusetStatistics{std::string(trim(*cpus)), std::string(trim(mems))};
}

std::optional<RdmaStatistics> read_rdma(const std::string& directory) {
  const auto current = read_if_there(directory, "rdma.current");
  if (!current) return std::nullopt;
  return RdmaStatistics{parse_rdma(*current), parse_rdma(read_if_there(directory, "rdma.max").value_or(""))};
}

std::map<std::string, MiscStatistics> read_misc(const std::string& directory) {
  std::map<std::string, MiscStatistics> resources;
  const auto events = parse_flat_keyed(read_if_there(directory, "misc.events").value_or(""));
  for (const auto& [name, value] : parse_flat_keyed(read_if_there(directory, "misc.current").value_or(""))) {
    resources[name] = {value, value_of(events, name + ".max")};
  }
  return resources;
}

std::optional<Pressure> read_pressure(const std::string& directory, std::string_view file) {
  const auto text = read_if_there(directory, file);  // EOPNOTSUPP with psi=0: absent too
  if (!text) return std::nullopt;
  return parse_pressure(*text);
}

double decimal_or_zero(const std::string& text) {
  char* end = nullptr;
  return std::strtod(text.c_str(), &end);
}

void set_io(IoStatistics& io, std::string_view key, uint64_t value) {
  if (key == "rbytes") io.read_bytes = value;
  if (key == "wbytes") io.written_bytes = value;
  if (key == "rios") io.reads = value;
  if (key == "wios") io.writes = value;
}

}  // namespace

std::map<std::string, uint64_t> parse_flat_keyed(std::string_view text) {
  std::map<std::string, uint64_t> values;
  for (const auto& line : split(text, '\n')) {
    const auto space = line.find(' ');
    if (space != std::string::npos)
      values[line.substr(0, space)] = number_or_zero(std::string_view(line).substr(space));
  }
  return values;
}

std::vector<IoStatistics> parse_io_stat(std::string_view text) {
  std::vector<IoStatistics> devices;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    const auto numbers = split(fields[0], ':');
    if (numbers.size() != 2) continue;
    IoStatistics io;
    io.major = static_cast<uint32_t>(number_or_zero(numbers[0]));
    io.minor = static_cast<uint32_t>(number_or_zero(numbers[1]));
    for (size_t i = 1; i < fields.size(); ++i) {
      const auto pair = split(fields[i], '=');
      if (pair.size() == 2) set_io(io, pair[0], number_or_zero(pair[1]));
    }
    devices.push_back(io);
  }
  return devices;
}

std::vector<RdmaEntry> parse_rdma(std::string_view text) {
  std::vector<RdmaEntry> devices;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(trim(line), ' ');
    if (fields[0].empty()) continue;
    RdmaEntry entry{fields[0], {}, {}};
    for (size_t i = 1; i < fields.size(); ++i) {
      const auto pair = split(fields[i], '=');
      if (pair.size() != 2 || pair[1] == "max") continue;
      const auto value = static_cast<uint32_t>(number_or_zero(pair[1]));
      if (pair[0] == "hca_handle") entry.hca_handles = value;
      if (pair[0] == "hca_object") entry.hca_objects = value;
    }
    devices.push_back(std::move(entry));
  }
  return devices;
}

Pressure parse_pressure(std::string_view text) {
  Pressure pressure;
  for (const auto& line : split(text, '\n')) {
    auto& sums = line.rfind("full", 0) == 0 ? pressure.full : pressure.some;
    for (const auto& field : split(line, ' ')) {
      const auto pair = split(field, '=');
      if (pair.size() != 2) continue;
      if (pair[0] == "avg10") sums.average_10 = decimal_or_zero(pair[1]);
      if (pair[0] == "avg60") sums.average_60 = decimal_or_zero(pair[1]);
      if (pair[0] == "avg300") sums.average_300 = decimal_or_zero(pair[1]);
      if (pair[0] == "total") sums.total_us = number_or_zero(pair[1]);
    }
  }
  return pressure;
}

Result<Statistics> read_statistics(const std::string& directory) {
  Statistics statistics;
  statistics.cpu = TRY(read_cpu(directory));
  statistics.memory = read_memory(directory);
  statistics.pids = read_pids(directory);
  if (const auto text = read_if_there(directory, "io.stat")) statistics.io = parse_io_stat(*text);
  statistics.hugetlb = read_hugetlb(directory);
  statistics.cpuset = read_cpuset(directory);
  statistics.rdma = read_rdma(directory);
  statistics.misc = read_misc(directory);
  statistics.cpu_pressure = read_pressure(directory, "cpu.pressure");
  statistics.memory_pressure = read_pressure(directory, "memory.pressure");
  statistics.io_pressure = read_pressure(directory, "io.pressure");
  return statistics;
}

}  // namespace gantry::cgroups
