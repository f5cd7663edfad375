#include "base/text.h"
#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Flags of checkpoint and restore that say what is saved. Needs criu, and a kernel that it works on.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

using Flags = std::vector<std::string>;

class CheckpointFlags : public Containers {
 protected:
  // The container of holder_program.cpp, once it has all.
  void hold(
      const Flags& what,
      const std::function<void(oci::RuntimeConfig&)>& change = [](oci::RuntimeConfig&) {}) {
    ASSERT_OK(make_directories(file("data"), 0755));
    const auto program = read_file(test::program_directory() + "/../tests/holder", size_t{1} << 26);
    ASSERT_OK(program);
    ASSERT_OK(write_file(rootfs() + "/bin/holder", *program, 0755));
    Flags arguments = {"holder"};
    arguments.insert(arguments.end(), what.begin(), what.end());
    configure(arguments, [&](auto& config) {
      change(config);
      config.mounts.push_back({"/data", "bind", file("data"), {"rbind", "rw"}, {}, {}});
      for (auto* set : {&config.process->capabilities->bounding, &config.process->capabilities->effective,
                        &config.process->capabilities->permitted}) {
        set->push_back("CAP_NET_ADMIN");
      }
    });
    const auto started = run_silently({"run", "--detach", "--bundle", bundle(), test_id});
    ASSERT_EQ(started.status, 0) << started.errors;
    ASSERT_TRUE(test::wait_until([&] { return count() > 1; })) << said();
  }
  CommandResult checkpoint(const Flags& flags, const std::string& images = "images") {
    Flags arguments = {"checkpoint", "--image-path", file(images)};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.push_back(test_id);
    return runtime(arguments);
  }
  CommandResult restore(const Flags& flags, const std::string& id = test_id) {
    Flags arguments = {"restore", "--detach", "--bundle", bundle(), "--image-path", file("images")};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.push_back(id);
    return run_silently(arguments);
  }
  void refused(const Flags& flags, const char* error) {
    const auto result = checkpoint(flags);
    EXPECT_EQ(result.status, 1);
    EXPECT_THAT(result.errors, HasSubstr(error));
    EXPECT_EQ(status(test_id), "running");
  }
  // Saved with these flags, and brought back with these.
  void save_and_restore(const Flags& flags, const Flags& of_restore) {
    const auto saved = checkpoint(flags);
    ASSERT_EQ(saved.status, 0) << saved.errors;
    before_ = count();
    const auto restored = restore(of_restore);
    ASSERT_EQ(restored.status, 0) << restored.errors;
  }
  bool goes_on() {
    return test::wait_until([&] { return count() > before_ + 1; });
  }
  std::string said() { return read_file(file("data/count")).value_or("nothing"); }
  int64_t count() { return parse_integer("count", trim(said()), 0, INT32_MAX).value_or(0); }
  // By the host's shell; what it leaves running holds none of our descriptors.
  static CommandResult run_script(const std::string& script) {
    Command command;
    command.arguments = {"/bin/sh", "-c", "exec >/dev/null 2>&1 </dev/null; " + script};
    command.limit = std::chrono::minutes(3);
    auto result = run_command(command);
    if (!result) return {-1, "", result.error().message()};
    return std::move(*result);
  }
  CommandResult inside(const std::string& script) { return runtime({"exec", test_id, "sh", "-c", script}); }

  int64_t before_ = 0;
};

TEST_F(CheckpointFlags, AnOpenConnectionIsSavedWithTcpEstablished) {
  hold({"tcp"});
  refused({}, "--tcp-established");
  save_and_restore({"--tcp-established"}, {"--tcp-established"});
  EXPECT_TRUE(goes_on()) << said();
}

TEST_F(CheckpointFlags, AnOpenConnectionIsRestoredClosedWithTcpClose) {
  hold({"tcp"});
  save_and_restore({"--tcp-close"}, {"--tcp-close"});
  EXPECT_TRUE(test::wait_until([&] { return said() == "lost tcp\n"; })) << said();
}

TEST_F(CheckpointFlags, AConnectionThatWaitsIsLeftOutWithTcpSkipInFlight) {
  hold({"waiting"});
  refused({}, "In-flight connection");
  save_and_restore({"--tcp-skip-in-flight"}, {});
  EXPECT_TRUE(goes_on()) << said();
}

TEST_F(CheckpointFlags, LocksAndUnlinkedFilesAreSavedWithTheirFlags) {
  hold({"lock", "unlinked"});
  refused({"--link-remap"}, "--file-locks");
  refused({"--file-locks"}, "link-remap");
  save_and_restore({"--file-locks", "--link-remap"}, {"--file-locks"});
  EXPECT_TRUE(goes_on()) << said();
  const UniqueFd lock(::open((rootfs() + "/tmp/lock").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), -1);
  EXPECT_EQ(errno, EWOULDBLOCK);
  EXPECT_EQ(inside("stat -c %h /tmp/linked").output, "1\n") << "criu's own name of it was left";
}

TEST_F(CheckpointFlags, AUnixSocketThatLeadsOutIsSavedWithExtUnixSk) {
  ASSERT_OK(make_directories(file("data"), 0755));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = file("data/socket");
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  unsigned latest = 0;
  const auto drain = [&] {
    while (::recv(socket.get(), &latest, sizeof latest, 0) == sizeof latest) {
    }
    return latest;
  };
  hold({"unix"}, [&](auto& config) {
    // criu goes by the name that the other end was bound to, and sees that in the same network namespace
    // only.
    config.mounts.push_back({file("data"), "bind", file("data"), {"rbind", "rw"}, {}, {}});
    std::erase_if(config.linux_->namespaces,
                  [](const auto& entry) { return entry.type == oci::NamespaceType::network; });
    std::erase_if(config.mounts, [](const auto& mount) { return mount.destination == "/sys"; });
  });
  refused({}, "--ext-unix-sk");
  drain();
  save_and_restore({"--ext-unix-sk"}, {"--ext-unix-sk"});
  EXPECT_TRUE(test::wait_until([&] { return drain() > before_; })) << said();
}

TEST_F(CheckpointFlags, AnEmptyNetworkNamespaceIsRestoredWithEmptyNs) {
  hold({"tcp"});
  save_and_restore({"--tcp-close", "--empty-ns", "network"}, {"--tcp-close", "--empty-ns", "network"});
  EXPECT_THAT(inside("busybox ip link show lo").output, testing::Not(HasSubstr("UP")));
}

// Blocks on disk of the memory in a folder of images.
int64_t blocks_of_pages(const std::string& images) {
  int64_t blocks = 0;
  for (const auto& name : list_directory(images).value_or({})) {
    struct stat info {};
    if (name.rfind("pages-", 0) != 0 || ::stat((images + "/" + name).c_str(), &info) != 0) continue;
    blocks += info.st_blocks;
  }
  return blocks;
}

TEST_F(CheckpointFlags, AutoDedupFreesWhatIsSavedAgainAndWhatIsRestored) {
  hold({"memory"});
  ASSERT_EQ(checkpoint({"--pre-dump"}, "parent").status, 0);
  const auto whole = blocks_of_pages(file("parent"));
  before_ = count();
  ASSERT_TRUE(goes_on());
  const auto saved = checkpoint({"--parent-path", "../parent", "--auto-dedup"});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  const auto rest = blocks_of_pages(file("parent"));
  EXPECT_LT(rest, whole);
  EXPECT_GT(rest, whole / 2) << "most of the memory wasn't written to, and isn't saved again";
  before_ = count();
  const auto restored = restore({"--auto-dedup"});
  ASSERT_EQ(restored.status, 0) << restored.errors;
  EXPECT_TRUE(goes_on()) << said();
  EXPECT_LT(blocks_of_pages(file("parent")), rest);
}

TEST_F(CheckpointFlags, EveryModeOfCgroupsRestoresIntoTheContainersOwn) {
  hold({});
  for (const char* mode : {"soft", "full", "ignore"}) {
    save_and_restore({"--manage-cgroups-mode", mode}, {"--manage-cgroups-mode", mode});
    if (HasFatalFailure()) FAIL() << mode;
    EXPECT_TRUE(goes_on()) << mode;
    const auto processes = read_file(cgroup_directory(test_id) + "/cgroup.procs").value_or("");
    EXPECT_EQ(processes, std::to_string(pid_of(test_id)) + "\n") << mode;
  }
}

TEST_F(CheckpointFlags, OnlyALockOfTheNetworkThatIsTakenOffAgainIsTaken) {
  hold({"tcp"});
  refused({"--tcp-established", "--network-lock", "nftables"}, "--network-lock nftables: criu never unlocks");
  const auto skipped = checkpoint({"--tcp-established", "--network-lock", "skip", "--leave-running"});
  if (skipped.status != 0) {  // criu 3.17
    EXPECT_THAT(skipped.errors, HasSubstr("--network-lock skip needs 3.18"));
  }
  EXPECT_EQ(status(test_id), "running");
  const auto locked = checkpoint({"--tcp-established", "--network-lock", "iptables", "--leave-running"});
  EXPECT_EQ(locked.status, 0) << locked.errors;
  before_ = count();
  EXPECT_TRUE(goes_on()) << said();
}

TEST_F(CheckpointFlags, APageServerGetsTheMemory) {
  hold({"memory"});
  ASSERT_OK(make_directories(file("pages"), 0700));
  const auto server =
      run_script("exec criu page-server -D " + file("pages") + " --address 127.0.0.1 --port 7123 --daemon");
  ASSERT_EQ(server.status, 0) << server.errors;
  const auto saved = checkpoint({"--page-server", "127.0.0.1:7123"});
  ASSERT_EQ(saved.status, 0) << saved.errors;
  before_ = count();
  EXPECT_GT(blocks_of_pages(file("pages")), 4096);  // 4 MiB are 8192
  EXPECT_EQ(blocks_of_pages(file("images")), 0);
  ASSERT_EQ(run_script("cp " + file("pages") + "/page* " + file("images")).status, 0);
  const auto restored = restore({});
  ASSERT_EQ(restored.status, 0) << restored.errors;
  EXPECT_TRUE(goes_on()) << said();
}

// The memory goes over when it is used; checkpoint ends, and with it the saved container, when all of it has
// gone.
TEST_F(CheckpointFlags, LazyPagesMoveARunningContainer) {
  hold({"memory"});
  ASSERT_OK(make_directories(file("work"), 0700));
  const std::string oci = std::string(test::program_path("gantry-oci")) + " --root " + root();
  const std::string saving = oci + " checkpoint --lazy-pages --page-server 127.0.0.1:7124 --status-fd 9 " +
                             "--image-path " + file("images") + " " + test_id + " 9>" + file("status");
  ASSERT_EQ(run_script("(" + saving + "; echo $? >" + file("saved") + ") &").status, 0);
  ASSERT_TRUE(
      test::wait_until([&] { return read_file(file("status")).value_or("") == std::string(1, '\0'); }));
  before_ = count();
  ASSERT_EQ(run_script("criu lazy-pages --page-server --address 127.0.0.1 --port 7124 --daemon -D " +
                       file("images") + " -W " + file("work"))
                .status,
            0);
  const std::string id = std::string(test_id) + "-moved";
  const auto restored = restore({"--lazy-pages", "--work-path", file("work")}, id);
  ASSERT_EQ(restored.status, 0) << restored.errors;
  EXPECT_TRUE(goes_on()) << said();
  ASSERT_TRUE(test::wait_until([&] { return read_file(file("saved")).value_or("") == "0\n"; }));
  EXPECT_EQ(state_folders(), std::vector<std::string>{id});
}

}  // namespace
}  // namespace gantry::runtime
