#include "runtime/intel_rdt_statistics.h"

#include "base/files.h"
#include "base/text.h"

#include <algorithm>

namespace gantry::runtime {
namespace {

std::optional<uint64_t> number_in(const std::string& folder, const char* name) {
  const auto text = read_file(join_path(folder, name));
  if (!text) return std::nullopt;
  const auto number = parse_unsigned(name, trim(*text));
  return number ? std::optional(*number) : std::nullopt;  // "Unavailable": no sensor just now
}

Result<std::vector<std::string>> schemata_of(const std::string& group) {
  std::vector<std::string> lines;
  for (const auto& line : split(TRY(read_file(join_path(group, "schemata"))), '\n')) {
    if (!trim(line).empty()) lines.emplace_back(trim(line));
  }
  return lines;
}

std::optional<std::vector<RdtDomain>> domains_of(const std::string& group) {
  const std::string folder = join_path(group, "mon_data");
  auto names = list_directory(folder);
  if (!names) return std::nullopt;
  std::sort(names->begin(), names->end());
  std::vector<RdtDomain> domains;
  for (const auto& name : *names) {
    const std::string domain = join_path(folder, name);
    domains.push_back({number_in(domain, "mbm_total_bytes"), number_in(domain, "mbm_local_bytes"),
                       number_in(domain, "llc_occupancy")});
  }
  return domains;
}

}  // namespace

Result<RdtStatistics> read_rdt_statistics(const RdtPlan& groups) {
  RdtStatistics statistics;
  const std::string l3 = join_path(groups.root, "info/L3");
  if (const auto mask = read_file(join_path(l3, "cbm_mask"))) {
    statistics.cache = RdtCacheInfo{std::string(trim(*mask)), number_in(l3, "min_cbm_bits").value_or(0),
                                    number_in(l3, "num_closids").value_or(0)};
  }
  const std::string mb = join_path(groups.root, "info/MB");
  if (path_exists(mb)) {
    statistics.bandwidth = RdtBandwidthInfo{
        number_in(mb, "bandwidth_gran").value_or(0), number_in(mb, "delay_linear").value_or(0),
        number_in(mb, "min_bandwidth").value_or(0), number_in(mb, "num_closids").value_or(0)};
  }
  statistics.root_schemata = TRY(schemata_of(groups.root));
  statistics.schemata = TRY(schemata_of(groups.group));
  statistics.domains = domains_of(groups.monitor.empty() ? groups.group : groups.monitor);
  return statistics;
}

}  // namespace gantry::runtime
