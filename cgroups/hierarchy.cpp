#include "cgroups/hierarchy.h"

#include "base/files.h"
#include "base/text.h"
#include "cgroups/statistics.h"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::cgroups {

namespace {

std::set<std::string> read_names(const std::string& folder, std::string_view file) {
  std::set<std::string> names;
  for (auto& name : split(trim(read_file(join_path(folder, file)).value_or("")), ' ')) {
    if (!name.empty()) names.insert(std::move(name));
  }
  return names;
}

Result<void> check_free(const std::string& folder, const std::string& path) {
  const auto events = parse_flat_keyed(TRY(read_file(join_path(folder, "cgroup.events"))));
  const auto is_set = [&](const char* key) { return events.count(key) != 0 && events.at(key) != 0; };
  if (is_set("populated")) return Error::make(ErrorKind::exists, "cgroup {} is not empty", path);
  if (is_set("frozen")) return Error::make(ErrorKind::exists, "cgroup {} is frozen", path);
  return {};
}

Result<void> enable_one(const std::string& folder, const std::string& controller, bool required) {
  auto written = write_existing(join_path(folder, "cgroup.subtree_control"), "+" + controller);
  if (written || !required) return {};
  return std::move(written).error().context("give controller {} to the children of {}", controller, folder);
}

// The kernel gives no controllers to the children of a cgroup that has processes; or, if only "threaded" ones
// such as cpu are asked for, it does, and turns the cgroup into something that can never have the others. The
// root is exempt, which alone has no cgroup.type.
bool has_own_processes(const std::string& folder) {
  return path_exists(join_path(folder, "cgroup.type")) && !read_names(folder, "cgroup.procs").empty();
}

Error occupied(const std::string& folder, const std::string& controller) {
  return Error::make(
      ErrorKind::conflict,
      "cgroup {} has processes of its own, so the kernel gives controller {} to none of its children", folder,
      controller);
}

Result<void> enable_in(const std::string& folder, const std::set<std::string>& needed,
                       const std::set<std::string>& all) {
  const auto enabled = read_names(folder, "cgroup.subtree_control");
  std::vector<std::string> missing;
  for (const auto& name : all) {
    if (enabled.count(name) == 0) missing.push_back("+" + name);
  }
  if (missing.empty()) return {};
  if (has_own_processes(folder)) {
    for (const auto& name : missing) {
      if (needed.count(name.substr(1)) != 0) return occupied(folder, name.substr(1));
    }
    return {};
  }
  if (write_existing(join_path(folder, "cgroup.subtree_control"), join(missing, " "))) return {};
  for (const auto& name : missing) {  // one at a time, to get what works and name what doesn't
    TRY(enable_one(folder, name.substr(1), needed.count(name.substr(1)) != 0));
  }
  return {};
}

}  // namespace

HostSupport within_delegation(HostSupport host, const std::string& path) {
  auto folder = host.mount;
  for (const auto& part : path_parts(path).value_or({})) {
    const auto control = join_path(folder, "cgroup.subtree_control");
    if (path_exists(control) && ::access(control.c_str(), W_OK) != 0) {
      const auto given = read_names(folder, "cgroup.subtree_control");
      std::erase_if(host.controllers, [&](const auto& name) { return given.count(name) == 0; });
      host.giver = folder;
    }
    folder = join_path(folder, part);
  }
  return host;
}

Result<std::vector<std::string>> path_parts(const std::string& path) {
  const auto broken = [&](std::string_view rule) {
    return Error::make(ErrorKind::invalid, "cgroup path must {}, found \"{}\"", rule, path);
  };
  if (path.empty() || path[0] != '/') return broken("begin with /");
  auto parts = split(std::string_view(path).substr(1), '/');
  for (const auto& part : parts) {
    if (part.empty() || part == "." || part == "..") return broken("have no empty, . or .. part");
    if (part.size() > 255) return broken("have parts of at most 255 bytes");
  }
  return parts;
}

CreatedFolders::~CreatedFolders() {
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) rmdir(folder->c_str());
}

Result<CreatedFolders> make_folders(const HostSupport& host, const std::string& path) {
  const auto parts = TRY(path_parts(path));
  CreatedFolders created;
  if (const auto whole = host.mount + path; mkdir(whole.c_str(), 0755) == 0) {
    created.add(whole);
    return created;
  }
  auto folder = host.mount;
  for (size_t i = 0; i < parts.size(); ++i) {
    folder = join_path(folder, parts[i]);
    if (mkdir(folder.c_str(), 0755) == 0) {
      created.add(folder);
      continue;
    }
    const int error = errno;
    if (error != EEXIST) return Error::system(error, "make cgroup {}", folder);
    if (i + 1 == parts.size()) TRY(check_free(folder, path));
  }
  return created;
}

Result<void> enable_controllers(const HostSupport& host, const std::string& path,
                                const std::set<std::string>& needed, const std::set<std::string>& wanted) {
  const auto parts = TRY(path_parts(path));
  auto all = needed;
  for (const auto& name : wanted) {
    if (host.offers(name)) all.insert(name);
  }
  if (all.empty()) return {};
  const auto has = read_names(host.mount + path, "cgroup.controllers");
  if (std::includes(has.begin(), has.end(), all.begin(), all.end())) return {};
  auto folder = host.mount;
  for (const auto& part : parts) {
    TRY(enable_in(folder, needed, all));
    folder = join_path(folder, part);
  }
  return {};
}

}  // namespace gantry::cgroups
