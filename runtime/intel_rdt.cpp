#include "runtime/intel_rdt.h"

#include "base/files.h"
#include "base/text.h"

#include <linux/magic.h>
#include <map>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr const char* usual_root = "/sys/fs/resctrl";

// The kernel's own words on the last write or mkdir that it refused.
Error refused(Error error, const std::string& root) {
  const auto status = read_file(join_path(root, "info/last_cmd_status"));
  if (!status || trim(*status) == "ok") return error;
  return {error.kind(), format("{}, last_cmd_status: {}", error.message(), trim(*status))};
}

Result<void> check_class(const std::string& id, const Place& place) {
  if (id == "." || id == ".." || (id != "/" && id.find('/') != std::string::npos)) {
    return place.invalid(".closID", "invalid intelRdt.ClosID \"{}\"", id);
  }
  return {};
}

Result<void> check_line(const std::string& line, const char* prefix, const char* member, const Place& place) {
  if (line.find('\n') != std::string::npos) return place.invalid(member, "must not contain a newline");
  if (line.empty() || line.rfind(prefix, 0) == 0) return {};
  return place.invalid(member, "must begin with \"{}\", found \"{}\"", prefix, line);
}

bool is_monitored(const oci::IntelRdt& config) {
  return config.enable_monitoring || config.enable_cmt || config.enable_mbm;
}

Result<void> check_available(const oci::IntelRdt& config, const std::string& root, const Place& place) {
  if (!config.l3_cache_schema.empty() && !path_exists(join_path(root, "info/L3"))) {
    return place.unsupported(
        ".l3CacheSchema", "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled");
  }
  if (!config.mem_bw_schema.empty() && !path_exists(join_path(root, "info/MB"))) {
    return place.unsupported(".memBwSchema",
                             "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled");
  }
  if (is_monitored(config) && !path_exists(join_path(root, "mon_groups"))) {
    return place.unsupported(".enableMonitoring", "resctrl offers no monitoring on this host");
  }
  return {};
}

// "L3:0=7ff;1=1f" as {"L3:0": "7ff", …}; the file's lines are padded with spaces and zeros.
std::map<std::string, std::string> entries_of(std::string_view lines) {
  std::map<std::string, std::string> entries;
  for (const auto& line : split(lines, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string resource(trim(std::string_view(line).substr(0, colon)));
    for (const auto& part : split(std::string_view(line).substr(colon + 1), ';')) {
      const auto equals = part.find('=');
      if (equals == std::string::npos) continue;
      const auto value = trim(std::string_view(part).substr(equals + 1));
      const auto digits = value.find_first_not_of('0');
      entries[resource + ":" + std::string(trim(std::string_view(part).substr(0, equals)))] =
          digits == std::string_view::npos ? "0" : to_lower(value.substr(digits));
    }
  }
  return entries;
}

// A class that is there already belongs to others too: what it has must be what is asked for.
Result<void> compare_schema(const std::string& wanted, const std::string& present, const char* member,
                            const Place& place) {
  const auto have = entries_of(present);
  for (const auto& [name, value] : entries_of(wanted)) {
    const auto found = have.find(name);
    if (found != have.end() && found->second == value) continue;
    return place.invalid(member, "does not match the existing closID: \"{}\" is asked for, it has \"{}\"",
                         wanted, trim(present));
  }
  return {};
}

void add_line(std::string& lines, const std::string& line) {
  if (!line.empty()) lines += line + "\n";
}

bool sets_schemata(const oci::IntelRdt& config) {
  return !config.schemata.empty() || !config.l3_cache_schema.empty() || !config.mem_bw_schema.empty();
}

Result<void> plan_existing(const oci::IntelRdt& config, RdtPlan& plan, const Place& place) {
  if (!config.l3_cache_schema.empty() || !config.mem_bw_schema.empty()) {
    const std::string present = TRY(read_file(join_path(plan.group, "schemata")));
    TRY(compare_schema(config.l3_cache_schema, present, ".l3CacheSchema", place));
    TRY(compare_schema(config.mem_bw_schema, present, ".memBwSchema", place));
  }
  for (const auto& line : config.schemata) add_line(plan.schemata, line);
  return {};
}

Result<void> make_group_folder(const std::string& path, const std::string& root) {
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return refused(Error::system(errno, "intelrdt: make {}", path), root);
}

Result<void> write_group_file(const std::string& folder, const char* name, const std::string& text,
                              const std::string& root) {
  auto written = write_existing(join_path(folder, name), text);
  if (written) return {};
  return refused(std::move(written).error().context("intelrdt: write \"{}\"", trim(text)), root);
}

Result<void> remove_group_folder(const std::string& path) {
  if (path.empty() || ::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return Error::system(errno, "intelrdt: remove {}", path);
}

}  // namespace

Result<std::string> find_resctrl() {
  struct statfs info {};
  if (::statfs(usual_root, &info) == 0 && info.f_type == RDTGROUP_SUPER_MAGIC) return std::string(usual_root);
  // "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS … - TYPE SOURCE OPTIONS". proc_pid_mountinfo(5).
  for (const auto& line : split(TRY(read_file("/proc/self/mountinfo")), '\n')) {
    if (line.find(" - resctrl ") == std::string::npos) continue;
    const auto fields = split(line, ' ');
    if (fields.size() > 4) return fields[4];
  }
  return Error::make(ErrorKind::unsupported, "intelRdt is specified in config, but Intel RDT is not enabled");
}

RdtPlan existing_rdt_groups(const oci::IntelRdt& config, const std::string& id, const std::string& root) {
  RdtPlan groups;
  groups.root = root;
  const bool default_class = config.clos_id == "/";
  groups.group = default_class ? root : join_path(root, config.clos_id.empty() ? id : config.clos_id);
  if (is_monitored(config)) groups.monitor = join_path(join_path(groups.group, "mon_groups"), id);
  return groups;
}

Result<RdtPlan> plan_rdt(const oci::IntelRdt& config, const std::string& id, const std::string& root,
                         const Place& place) {
  TRY(check_class(config.clos_id, place));
  TRY(check_line(config.l3_cache_schema, "L3:", ".l3CacheSchema", place));
  TRY(check_line(config.mem_bw_schema, "MB:", ".memBwSchema", place));
  for (const auto& line : config.schemata) TRY(check_line(line, "", ".schemata", place));
  TRY(check_available(config, root, place));
  RdtPlan plan = existing_rdt_groups(config, id, root);
  plan.makes_group = !path_exists(plan.group);
  plan.own_group = plan.makes_group && config.clos_id.empty();
  if (plan.makes_group && !config.clos_id.empty() && !sets_schemata(config)) {
    return place.invalid(".closID",
                         "clos dir not accessible (must be pre-created when schemata, l3CacheSchema "
                         "and memBwSchema are empty): {}",
                         plan.group);
  }
  if (!plan.makes_group) {
    TRY(plan_existing(config, plan, place));
    return plan;
  }
  add_line(plan.schemata, config.l3_cache_schema);
  add_line(plan.schemata, config.mem_bw_schema);
  for (const auto& line : config.schemata) add_line(plan.schemata, line);
  return plan;
}

Result<void> make_rdt_groups(const RdtPlan& plan) {
  if (plan.makes_group) TRY(make_group_folder(plan.group, plan.root));
  if (plan.monitor.empty()) return {};
  return make_group_folder(plan.monitor, plan.root);
}

Result<void> join_rdt_groups(const RdtPlan& plan, pid_t pid) {
  if (!plan.schemata.empty()) TRY(write_group_file(plan.group, "schemata", plan.schemata, plan.root));
  TRY(write_group_file(plan.group, "tasks", std::to_string(pid), plan.root));
  if (plan.monitor.empty()) return {};
  return write_group_file(plan.monitor, "tasks", std::to_string(pid), plan.root);
}

Result<void> update_rdt(const RdtPlan& groups, const std::string& l3_cache,
                        const std::string& memory_bandwidth) {
  constexpr Place place{"update", ""};
  TRY(check_line(l3_cache, "L3:", "--l3-cache-schema", place));
  TRY(check_line(memory_bandwidth, "MB:", "--mem-bw-schema", place));
  if (!l3_cache.empty() && !path_exists(join_path(groups.root, "info/L3"))) {
    return Error::make(ErrorKind::unsupported, "Intel RDT/CAT: l3 cache schema is not enabled");
  }
  if (!memory_bandwidth.empty() && !path_exists(join_path(groups.root, "info/MB"))) {
    return Error::make(ErrorKind::unsupported, "Intel RDT/MBA: memory bandwidth schema is not enabled");
  }
  std::string lines;
  add_line(lines, l3_cache);
  add_line(lines, memory_bandwidth);
  return write_group_file(groups.group, "schemata", lines, groups.root);
}

Result<void> remove_rdt_groups(const std::string& group, const std::string& monitor) {
  TRY(remove_group_folder(monitor));
  return remove_group_folder(group);
}

}  // namespace gantry::runtime
