#pragma once

#include "tests/runtime/container_fixture.h"

namespace gantry::runtime {

inline constexpr unsigned test_user = 4711;
inline constexpr unsigned first_sub_id =
    200000;  // of the 65536 in the test's own /etc/subuid and /etc/subgid

// The fixture's bundle as an ordinary user's: commands run as `test_user`, without capabilities, with an /etc
// of their own in a private mount namespace, so that the host's /etc/subuid stays as it is.
class UsersContainers : public Containers {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A shell command line as the user; $OCI is the runtime, $BUNDLE the bundle.
  CommandResult as_user(const std::string& script, const std::string& path = "/usr/sbin:/usr/bin:/sbin:/bin");
  // config.json as `spec --rootless` makes it, without terminal.
  void configure_user(
      std::vector<std::string> args,
      const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {});
  // Container ids 0 to 65536: the user's own, then those of /etc/subuid.
  static void map_ranges(oci::RuntimeConfig& config);

  std::string runtime_folder() const { return file("run"); }
  std::string users_root() const { return runtime_folder() + "/gantry-oci"; }
  // Called as root, with $AS_USER_PATH, it becomes the user and the program that it is given.
  std::string user_script() const { return file("as-user"); }
};

}  // namespace gantry::runtime
