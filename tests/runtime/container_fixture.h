#pragma once

#include "base/files.h"
#include "base/process.h"
#include "oci/runtime_config.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantry::runtime {

// A bundle with a busybox root and the configuration of `gantry-oci spec`, changed for tests (no terminal, a
// writable root), and a state root of its own. Whatever a test leaves is killed and removed.
class Containers : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // gantry-oci with the test's own --root. Never waits longer than three minutes (an emulated guest is slow).
  CommandResult runtime(std::vector<std::string> arguments);
  // Writes config.json: the default one with `args` as its program, after `change`.
  void configure(
      std::vector<std::string> args,
      const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {});
  // configure, then `run ID`.
  CommandResult run(
      std::vector<std::string> args,
      const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {});
  CommandResult run_shell(
      const std::string& script,
      const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {});
  // gantry-oci with nothing inherited, for containers that live on: they keep stdio open, and run_command
  // reads its pipes to their end.
  CommandResult run_silently(const std::vector<std::string>& arguments);
  CommandResult create(const std::string& id);
  std::string status(const std::string& id);
  pid_t pid_of(const std::string& id);

  std::string bundle() const { return folder_->path() + "/bundle"; }
  std::string rootfs() const { return bundle() + "/rootfs"; }
  std::string root() const { return folder_->path() + "/state"; }
  std::string file(const std::string& name) const { return folder_->path() + "/" + name; }
  std::vector<std::string> state_folders();  // of containers, without the filter cache
  std::string cgroup_directory(const std::string& id);

 private:
  std::unique_ptr<TemporaryDirectory> folder_;
  oci::RuntimeConfig default_;
};

// Of this process alone, as the host's cgroups are everybody's.
extern const char* const test_id;

}  // namespace gantry::runtime
