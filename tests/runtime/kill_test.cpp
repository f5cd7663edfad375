#include "tests/runtime/kill_fixture.h"

// kill -9 at every system call of create, start and delete: `delete --force` then leaves no process, mount,
// cgroup, namespace or file. With namespaces of the network and of users, devices' cgroup and a filter.

namespace gantry::runtime {
namespace {

using testing::IsEmpty;

class Killing : public KilledAtEachCall {
 protected:
  void configure_all(bool user_namespace) {
    configure({"sleep", "1000"}, [&](auto& config) {
      config.linux_->seccomp = oci::SeccompProfile{};
      config.linux_->seccomp->syscalls = {{{"mkdir"}, oci::SeccompAction::error, 1, {}}};
      config.linux_->sysctl["net.ipv4.ip_forward"] = "1";
      config.hooks = oci::Hooks{};
      config.hooks->create_runtime = {{"/bin/true", {}, {}, {}}};
      config.hooks->poststop = {{"/bin/true", {}, {}, {}}};
      if (!user_namespace) return;
      config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
      config.linux_->uid_mappings = {{0, 100000, 65536}};
      config.linux_->gid_mappings = {{0, 100000, 65536}};
      config.linux_->resources.devices.clear();
    });
    // What is made in the root and in the cache stays; it isn't what a killed command leaves.
    ASSERT_EQ(create(test_id).status, 0);
    ASSERT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  }
  // Without a mount namespace: the mounts are the test's own to see, and don't end with init.
  void configure_inherited_mounts() {
    configure({"sleep", "1000"}, [](auto& config) {
      std::erase_if(config.linux_->namespaces,
                    [](const auto& space) { return space.type == oci::NamespaceType::mount; });
      config.linux_->masked_paths.clear();
      config.linux_->readonly_paths.clear();
    });
    ASSERT_EQ(create(test_id).status, 0);
    ASSERT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  }
  void create_and(bool start) {
    ASSERT_EQ(create(test_id).status, 0);
    if (start) {
      ASSERT_EQ(runtime({"start", test_id}).status, 0);
    }
  }
  std::vector<std::string> create_command() const {
    return command({"create", "--bundle", bundle(), test_id});
  }
};

// Every call with the container that has most; then some of those of others. All calls of all took minutes.
constexpr int some = 4;

// Checked: with the record saved only after its cgroup is made. With a cache of filters that is empty: the
// one place outside of the container's folder that is written.
TEST_F(Killing, CreateItself) {
  configure_all(false);
  const std::string cache = root() + "/seccomp@2";
  ASSERT_OK(remove_tree(cache));
  const int calls = kill_everywhere(
      1, [] {},
      [&](int number) {
        const auto killed = run_and_kill(create_command(), Victim::program, number);
        for (const auto& name : list_directory(cache).value_or({})) {
          EXPECT_EQ(name.find('.'), std::string::npos) << name << " is left in the cache";
        }
        (void)remove_tree(cache);
        return killed;
      });
  EXPECT_GT(calls, 100);
}

TEST_F(Killing, CreateItselfWithAUserNamespace) {
  configure_all(true);
  const int calls = kill_everywhere(
      some, [] {}, [&](int number) { return run_and_kill(create_command(), Victim::program, number); });
  EXPECT_GT(calls, 100 / some);
}

TEST_F(Killing, InitWhileItIsCreated) {
  for (const bool user_namespace : {false, true}) {
    configure_all(user_namespace);
    const int stride = user_namespace ? some : 1;
    const int calls = kill_everywhere(
        stride, [] {}, [&](int number) { return run_and_kill(create_command(), Victim::child, number); });
    EXPECT_GT(calls, 100 / stride) << user_namespace;
  }
}

// The root's mount is on record before it is attached, or a killed create would leave it.
TEST_F(Killing, WithoutAMountNamespace) {
  configure_inherited_mounts();
  for (const Victim victim : {Victim::program, Victim::child}) {
    const int calls = kill_everywhere(
        some, [] {}, [&](int number) { return run_and_kill(create_command(), victim, number); });
    EXPECT_GT(calls, 50 / some);
  }
  const int calls = kill_everywhere(
      some, [&] { create_and(false); },
      [&](int number) {
        return run_and_kill(command({"delete", "--force", test_id}), Victim::program, number);
      });
  EXPECT_GT(calls, 30 / some);
}

TEST_F(Killing, StartItself) {
  configure_all(false);
  const int calls = kill_everywhere(
      1, [&] { create_and(false); },
      [&](int number) {
        return run_and_kill(command({"start", test_id}), Victim::program, number);
      });
  EXPECT_GT(calls, 30);
}

TEST_F(Killing, InitWhileItIsStarted) {
  configure_all(false);
  const int calls = kill_everywhere(
      1, [&] { create_and(false); },
      [&](int number) {
        return run_and_kill_other(command({"start", test_id}), pid_of(test_id), number);
      });
  EXPECT_GT(calls, 8);
}

TEST_F(Killing, DeleteItself) {
  configure_all(false);
  for (const bool running : {true, false}) {
    const int stride = running ? 1 : some;
    const int calls = kill_everywhere(
        stride, [&] { create_and(running); },
        [&](int number) {
          return run_and_kill(command({"delete", "--force", test_id}), Victim::program, number);
        });
    EXPECT_GT(calls, 40 / stride) << running;
  }
}

}  // namespace
}  // namespace gantry::runtime
