#include "engine/engine.h"

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "engine/monitor_upgrade.h"
#include "images/image_store.h"
#include "runtime/monitor_client.h"
#include "tests/engine/sandbox.h"
#include "tests/support/programs.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace gantry::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

class EngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!test::can_run_containers()) return;
    ASSERT_OK(test::isolate());
    auto made = test::Sandbox::make();
    ASSERT_OK(made);
    sandbox_ = std::make_unique<test::Sandbox>(std::move(made).value());
    auto engine = Engine::open(options());
    ASSERT_OK(engine);
    images::ImportOptions import;
    import.reference = oci::Reference::parse("busybox:1").value();
    import.changes = {"ENV FROM_IMAGE=yes", "VOLUME /data"};
    ASSERT_OK(engine->images().import_directory(sandbox_->busybox(), import));
  }

  static void TearDownTestSuite() { sandbox_.reset(); }

  void SetUp() override {
    if (!sandbox_) GTEST_SKIP() << "needs root and a static busybox";
    auto opened = Engine::open(options());
    ASSERT_OK(opened);
    engine_ = std::make_unique<Engine>(std::move(opened).value());
  }

  void TearDown() override {
    if (!engine_) return;
    const auto infos = engine_->list();
    ASSERT_OK(infos);
    for (const auto& info : *infos) {
      EXPECT_OK(engine_->remove(info.id, {.force = true, .anonymous_volumes = true}));
    }
    // A monitor's own clean-up may still be at it.
    EXPECT_TRUE(
        test::wait_until([] { return list_directory(sandbox_->root() + "/containers").value().empty(); }));
    EXPECT_THAT(list_directory(sandbox_->root() + "/names").value(), IsEmpty());
    EXPECT_THAT(list_directory(sandbox_->root() + "/volumes").value(), IsEmpty());
  }

  static EngineOptions options() {
    EngineOptions options;
    options.root = sandbox_->root();
    options.run_root = sandbox_->run_root();
    options.runtime = test::program_path("gantry-oci");
    options.monitor = test::program_path("gantry-monitor");
    options.command_line = test::program_path("gantry");
    return options;
  }

  static ContainerSpec spec(std::vector<std::string> command) {
    ContainerSpec spec;
    spec.image = "busybox:1";
    spec.network = "none";
    spec.command = std::move(command);
    return spec;
  }

  std::string create(const ContainerSpec& wanted) {
    const auto id = engine_->create(wanted);
    EXPECT_OK(id);
    return id ? *id : std::string();
  }

  std::string run(const ContainerSpec& wanted) {
    const std::string id = create(wanted);
    EXPECT_OK(engine_->start(id));
    return id;
  }

  std::string output_of(const std::string& id) {
    std::string text;
    EXPECT_OK(engine_->logs(id, {}, [&](const LogLine& line) {
      text += line.text;
      return true;
    }));
    return text;
  }

  ContainerInfo inspect(const std::string& id) { return engine_->inspect(id).value_or({}); }

  static std::unique_ptr<test::Sandbox> sandbox_;
  std::unique_ptr<Engine> engine_;
};

std::unique_ptr<test::Sandbox> EngineTest::sandbox_;

TEST_F(EngineTest, RunsAProgramAndKeepsItsExitCodeAndOutput) {
  const std::string id = run(spec({"sh", "-c", "echo out; echo err >&2; echo $FROM_IMAGE; exit 3"}));
  const auto code = engine_->wait(id, std::chrono::seconds(20));
  ASSERT_OK(code);
  EXPECT_EQ(*code, 3);
  const auto info = inspect(id);
  EXPECT_EQ(info.state, ContainerState::exited);
  EXPECT_EQ(info.pid, 0);
  EXPECT_GE(info.finished_at, info.started_at);
  EXPECT_THAT(output_of(id), HasSubstr("yes"));
  EXPECT_THAT(output_of(id), HasSubstr("err"));
}

// What a shell or a service's unit may have set; all of it back when this ends.
class CallersSettings {
 public:
  CallersSettings() {
    own_score_ = read_file(score_file).value_or("0");
    EXPECT_OK(write_existing(score_file, "300"));
    getrlimit(RLIMIT_NOFILE, &own_files_);
    const rlimit few{256, own_files_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
    sched_getaffinity(0, sizeof own_processors_, &own_processors_);
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    sched_setaffinity(0, sizeof first, &first);
    setpriority(PRIO_PROCESS, 0, 7);
  }
  CallersSettings(const CallersSettings&) = delete;
  CallersSettings& operator=(const CallersSettings&) = delete;
  ~CallersSettings() {
    EXPECT_OK(write_existing(score_file, own_score_.substr(0, own_score_.find('\n'))));
    setrlimit(RLIMIT_NOFILE, &own_files_);
    sched_setaffinity(0, sizeof own_processors_, &own_processors_);
    setpriority(PRIO_PROCESS, 0, 0);
  }

 private:
  static constexpr const char* score_file = "/proc/self/oom_score_adj";
  std::string own_score_;
  rlimit own_files_{};
  cpu_set_t own_processors_{};
};

TEST_F(EngineTest, ContainersDontInheritWhatTheirStarterHas) {
  const std::string show =
      "cat /proc/self/oom_score_adj; ulimit -n; cut -d' ' -f19 /proc/self/stat; "
      "while read -r key value; do [ $key = Cpus_allowed: ] && echo $value; done < /proc/self/status; true";
  const std::string id = create(spec({"sh", "-c", show}));
  {
    const CallersSettings settings;
    ASSERT_OK(engine_->start(id));
  }
  ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
  std::string own;
  for (const auto& line : split(read_file("/proc/self/status").value_or(""), '\n')) {
    if (line.starts_with("Cpus_allowed:")) own = line.substr(line.find('\t') + 1);
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const auto lines = split(output_of(id), '\n');
  ASSERT_GE(lines.size(), 4U) << output_of(id);
  EXPECT_EQ(lines[0], "0") << "oom_score_adj";
  EXPECT_GE(std::stoull(lines[1]), std::min<rlim_t>(files.rlim_max, 1048576)) << "open files";
  EXPECT_EQ(lines[2], "0") << "nice";
  EXPECT_EQ(lines[3], own) << "processors";
}

TEST_F(EngineTest, PrivilegesMayBeGainedAsInDockerUnlessForbidden) {
  for (const bool forbidden : {false, true}) {
    auto wanted = spec({"cat", "/proc/self/status"});
    wanted.no_new_privileges = forbidden;
    const std::string id = run(wanted);
    ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
    EXPECT_THAT(output_of(id), HasSubstr(format("NoNewPrivs:\t{}\n", forbidden ? 1 : 0)));
  }
}

TEST_F(EngineTest, AContainerWithACgroupThatCantBeIsRemoved) {
  auto wanted = spec({"true"});
  wanted.cgroup_parent = "../../x";
  EXPECT_ERROR(engine_->create(wanted), ErrorKind::invalid, HasSubstr("--cgroup-parent"));
  // As one was made before that was checked.
  wanted.cgroup_parent = "/fine/x";
  const std::string id = create(wanted);
  const std::string record = sandbox_->root() + "/containers/" + id + "/container.json";
  std::string text = read_file(record).value();
  ASSERT_NE(text.find("/fine/x"), std::string::npos);
  ASSERT_OK(write_file(record, text.replace(text.find("/fine/x"), 7, "/../../")));
  EXPECT_FALSE(bool(engine_->start(id)));
  EXPECT_OK(engine_->remove(id, {.anonymous_volumes = true}));
  EXPECT_THAT(list_directory(sandbox_->root() + "/containers").value(), IsEmpty());
}

TEST_F(EngineTest, RemovesTreesOfAnyDepth) {
  const std::string id = create(spec({"true"}));
  UniqueFd folder =
      open_file(sandbox_->root() + "/containers/" + id + "/upper", O_RDONLY | O_DIRECTORY).value();
  for (int depth = 0; depth < 1000; ++depth) {
    ASSERT_EQ(mkdirat(folder.get(), "d", 0755), 0);
    folder = UniqueFd(openat(folder.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  folder.reset();
  const CallersSettings few_descriptors;
  EXPECT_OK(engine_->remove(id, {.anonymous_volumes = true}));
  EXPECT_THAT(list_directory(sandbox_->root() + "/containers").value(), IsEmpty());
}

TEST_F(EngineTest, ARemovalThatLeavesFilesSaysSoAndTheNextSweepTakesThem) {
  const std::string id = create(spec({"true"}));
  const std::string folder = sandbox_->root() + "/containers/" + id + "/upper/mounted";
  ASSERT_OK(make_directories(folder));
  ASSERT_EQ(mount("none", folder.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_ERROR(engine_->remove(id), ErrorKind::conflict,
               AllOf(HasSubstr("is removed, but not all of its files"), HasSubstr("mounted")));
  EXPECT_ERROR(engine_->inspect(id), ErrorKind::not_found, HasSubstr(id));
  ASSERT_EQ(umount((sandbox_->root() + "/containers/.removed-" + id + "/upper/mounted").c_str()), 0);
  EXPECT_OK(engine_->sweep());
  EXPECT_THAT(list_directory(sandbox_->root() + "/containers").value(), IsEmpty());
}

TEST_F(EngineTest, StartAgainKeepsTheFilesOfTheContainer) {
  const std::string id = run(spec({"sh", "-c", "cat /tmp/x || echo first; echo again > /tmp/x"}));
  ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
  ASSERT_OK(engine_->start(id));
  ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
  EXPECT_THAT(output_of(id), HasSubstr("again"));
}

TEST_F(EngineTest, ErrorsOfAStartSayWhichCodeAndLeaveNothing) {
  const std::string missing = create(spec({"/no/such"}));
  EXPECT_ERROR(engine_->start(missing), ErrorKind::not_found, HasSubstr("/no/such"));
  EXPECT_EQ(inspect(missing).exit_code, 127);
  const std::string denied = create(spec({"/etc/not-a-program"}));
  EXPECT_ERROR(engine_->start(denied), ErrorKind::denied, HasSubstr("ermission denied"));
  EXPECT_EQ(inspect(denied).exit_code, 126);
  EXPECT_EQ(inspect(denied).state, ContainerState::created);
  for (const auto& id : {missing, denied}) {
    EXPECT_FALSE(path_exists(sandbox_->run_root() + "/runtime/" + id)) << "state of the runtime was left";
    EXPECT_FALSE(path_exists(sandbox_->run_root() + "/netns/" + id)) << "a network namespace was left";
  }
}

TEST_F(EngineTest, UnknownUserImageAndContainer) {
  auto wanted = spec({"true"});
  wanted.user = "nobody-here";
  EXPECT_ERROR(engine_->start(create(wanted)), ErrorKind::not_found,
               HasSubstr("unable to find user nobody-here"));
  wanted = spec({"true"});
  wanted.image = "nosuch:1";
  EXPECT_ERROR(engine_->create(wanted), ErrorKind::not_found, HasSubstr("nosuch"));
  EXPECT_ERROR(engine_->inspect("nosuch"), ErrorKind::not_found, HasSubstr("no such container: nosuch"));
}

TEST_F(EngineTest, UserWorkingDirectoryHostnameAndEnvironment) {
  auto wanted = spec({"sh", "-c", "id -u; id -g; pwd; hostname; echo $HOME $MINE"});
  wanted.user = "web";
  wanted.working_directory = "/made/for/it";
  wanted.hostname = "box";
  wanted.environment = {"MINE=1"};
  const std::string id = run(wanted);
  ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
  EXPECT_EQ(output_of(id), "1000\n1000\n/made/for/it\nbox\n/home/web 1\n");
}

TEST_F(EngineTest, StopSendsTheSignalThenKills) {
  const std::string polite =
      run(spec({"sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"}));
  ASSERT_TRUE(test::wait_until([&] { return output_of(polite) == "up\n"; }));
  ASSERT_OK(engine_->stop(polite, std::chrono::seconds(20)));
  EXPECT_EQ(inspect(polite).exit_code, 5);
  const std::string deaf = run(spec({"sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"}));
  ASSERT_TRUE(test::wait_until([&] { return output_of(deaf) == "up\n"; }));
  ASSERT_OK(engine_->stop(deaf, std::chrono::seconds(0)));
  EXPECT_EQ(inspect(deaf).exit_code, 137);
}

TEST_F(EngineTest, NamesAreUniqueAlsoInARace) {
  auto wanted = spec({"true"});
  wanted.name = "web";
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto own = Engine::open(options());
      if (own && own->create(wanted)) ++made;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(engine_->list().value().size(), 1u) << "a loser left its container behind";
  EXPECT_EQ(engine_->resolve("web").value(), engine_->list().value()[0].id);
}

TEST_F(EngineTest, PrefixesOfIdsAreFound) {
  const std::string id = create(spec({"true"}));
  EXPECT_EQ(engine_->resolve(id.substr(0, 12)).value(), id);
  EXPECT_ERROR(engine_->resolve("zz"), ErrorKind::not_found, HasSubstr("zz"));
}

TEST_F(EngineTest, VolumesKeepDataAndTakeTheImagesContent) {
  auto wanted = spec({"sh", "-c", "cat /data/from-image; cat /v/x || true; echo kept > /v/x"});
  wanted.mounts.push_back({MountType::volume, "shared", "/v", false, false, {}});
  const std::string first = run(wanted);
  ASSERT_OK(engine_->wait(first, std::chrono::seconds(20)));
  EXPECT_THAT(output_of(first), HasSubstr("kept"));
  ASSERT_OK(engine_->remove(first, {.force = false, .anonymous_volumes = true}));
  const std::string second = run(wanted);
  ASSERT_OK(engine_->wait(second, std::chrono::seconds(20)));
  EXPECT_EQ(output_of(second), "kept\nkept\n");
  ASSERT_OK(engine_->remove(second, {.force = false, .anonymous_volumes = true}));
  EXPECT_THAT(list_directory(sandbox_->root() + "/volumes").value(), testing::ElementsAre("shared"));
  ASSERT_OK(remove_tree(sandbox_->root() + "/volumes/shared"));
}

TEST_F(EngineTest, AMonitorKilledWithItsGuardIsRecognisedAndCleanedUp) {
  const std::string id = run(spec({"sleep", "1000"}));
  const auto before = inspect(id);
  const auto process = identify_process(before.pid);
  ASSERT_OK(process);
  const auto status = runtime::read_monitor_status(before.directory);
  ASSERT_OK(status);
  // Stopped, it can't make itself another guard.
  ASSERT_EQ(::kill(status->monitor_pid, SIGSTOP), 0);
  ASSERT_EQ(::kill(status->guard_pid, SIGKILL), 0);
  ASSERT_EQ(::kill(status->monitor_pid, SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return !runtime::monitor_is_alive(before.directory); }));
  EXPECT_EQ(inspect(id).state, ContainerState::exited);
  EXPECT_EQ(inspect(id).exit_code, 255);
  ASSERT_OK(engine_->sweep());
  EXPECT_TRUE(test::wait_until([&] { return !is_alive(*process); })) << "the container outlived its clean-up";
  EXPECT_EQ(inspect(id).exit_code, 255);
  EXPECT_THAT(inspect(id).error, HasSubstr("monitor was killed"));
  ASSERT_OK(engine_->start(id));
  EXPECT_EQ(inspect(id).state, ContainerState::running);
}

TEST_F(EngineTest, AKilledMonitorIsFollowedByAnother) {
  const std::string id =
      run(spec({"sh", "-c", "until test -e /end; do sleep 0.05; done; echo last; exit 7"}));
  const auto before = inspect(id);
  const auto status = runtime::read_monitor_status(before.directory);
  ASSERT_OK(status);
  ASSERT_EQ(::kill(status->monitor_pid, SIGKILL), 0);
  EXPECT_EQ(inspect(id).state, ContainerState::running);
  ASSERT_OK(write_file(before.directory + "/rootfs/end", ""));
  const auto code = engine_->wait(id, std::chrono::seconds(30));
  ASSERT_OK(code);
  EXPECT_EQ(*code, 7);
  EXPECT_EQ(output_of(id), "last\n");
}

TEST_F(EngineTest, AMonitorIsReplacedWhileItsContainerRuns) {
  const std::string id = run(spec({"sh", "-c", "until test -e /end; do sleep 0.05; done; exit 7"}));
  const auto before = inspect(id);
  ASSERT_OK(upgrade_monitor(*engine_, id));
  EXPECT_EQ(inspect(id).pid, before.pid);
  ASSERT_OK(write_file(before.directory + "/rootfs/end", ""));
  const auto code = engine_->wait(id, std::chrono::seconds(30));
  ASSERT_OK(code);
  EXPECT_EQ(*code, 7);
  EXPECT_ERROR(upgrade_monitor(*engine_, id), ErrorKind::conflict, HasSubstr("is not running"));
}

TEST_F(EngineTest, LogsOfTheCriDriverAreReadAndOthersSayWhatReadsThem) {
  auto wanted = spec({"sh", "-c", "echo out; echo err >&2"});
  wanted.log.driver = LogDriver::cri;
  const std::string id = run(wanted);
  ASSERT_OK(engine_->wait(id, std::chrono::seconds(20)));
  EXPECT_EQ(split(output_of(id), '\n').size(), 3u);
  EXPECT_THAT(read_file(inspect(id).log_path).value_or(""), HasSubstr(" stderr F err\n"));
  wanted.log.driver = LogDriver::journald;
  wanted.log.tag = "{{.Name}}/{{ .ID }}";
  const auto journal = create(wanted);
  EXPECT_EQ(inspect(journal).log_path, "");
  EXPECT_ERROR(engine_->logs(journal, {}, [](const LogLine&) { return true; }), ErrorKind::unsupported,
               HasSubstr("journalctl CONTAINER_ID_FULL=" + journal));
}

TEST_F(EngineTest, AHalfMadeContainerIsSweptWithItsName) {
  const std::string id(64, 'a');
  ASSERT_OK(make_directories(sandbox_->root() + "/containers/" + id));
  ASSERT_EQ(symlink(id.c_str(), (sandbox_->root() + "/names/half").c_str()), 0);
  ASSERT_OK(engine_->sweep());
  EXPECT_FALSE(path_exists(sandbox_->root() + "/containers/" + id));
  EXPECT_THAT(list_directory(sandbox_->root() + "/names").value(), IsEmpty());
}

TEST_F(EngineTest, ARemovalThatWasCutOffIsFinished) {
  const std::string id = create(spec({"true"}));
  ASSERT_OK(write_file(inspect(id).directory + "/removing", "volumes"));
  ASSERT_OK(engine_->sweep());
  EXPECT_ERROR(engine_->inspect(id), ErrorKind::not_found, HasSubstr("no such container"));
}

TEST_F(EngineTest, RestartsByPolicyUntilItIsStopped) {
  auto wanted = spec({"sh", "-c", "echo run; exit 1"});
  wanted.restart.mode = RestartMode::on_failure;
  wanted.restart.maximum_retries = 2;
  const std::string id = run(wanted);
  const auto code = engine_->wait(id, std::chrono::seconds(30));
  ASSERT_OK(code);
  EXPECT_EQ(*code, 1);
  EXPECT_EQ(inspect(id).restart_count, 2u);
  EXPECT_EQ(output_of(id), "run\nrun\nrun\n");
  wanted.restart = {.mode = RestartMode::always};
  const std::string endless = run(wanted);
  ASSERT_TRUE(test::wait_until([&] { return inspect(endless).restart_count > 0; }));
  ASSERT_OK(engine_->stop(endless, std::chrono::seconds(1)));
  EXPECT_EQ(inspect(endless).state, ContainerState::exited);
}

TEST_F(EngineTest, HealthIsReadFromTheMonitor) {
  auto wanted = spec({"sleep", "1000"});
  wanted.health =
      HealthSpec{.test = {"CMD-SHELL", "test -e /tmp/well"}, .interval = std::chrono::milliseconds(100)};
  wanted.health->retries = 1;
  const std::string id = run(wanted);
  EXPECT_TRUE(test::wait_until([&] { return inspect(id).health == HealthState::unhealthy; }));
  EXPECT_EQ(engine_->exec(id, ExecSpec{.command = {"touch", "/tmp/well"}}).value_or(-1), 0);
  EXPECT_TRUE(test::wait_until([&] { return inspect(id).health == HealthState::healthy; }));
}

TEST_F(EngineTest, ExecTellsItsCodes) {
  const std::string id = run(spec({"sleep", "1000"}));
  EXPECT_EQ(engine_->exec(id, ExecSpec{.command = {"sh", "-c", "exit 7"}}).value_or(-1), 7);
  EXPECT_ERROR(engine_->exec(id, ExecSpec{.command = {"/no/such"}}), ErrorKind::not_found,
               HasSubstr("/no/such"));
  ASSERT_OK(engine_->stop(id, std::chrono::seconds(0)));
  EXPECT_ERROR(engine_->exec(id, ExecSpec{.command = {"true"}}), ErrorKind::conflict,
               HasSubstr("not running"));
}

TEST_F(EngineTest, RemoveRefusesARunningOne) {
  const std::string id = run(spec({"sleep", "1000"}));
  EXPECT_ERROR(engine_->remove(id), ErrorKind::conflict, HasSubstr("running"));
  const auto process = identify_process(inspect(id).pid);
  ASSERT_OK(engine_->remove(id, {.force = true, .anonymous_volumes = true}));
  EXPECT_FALSE(is_alive(*process));
}

TEST_F(EngineTest, AutoRemoveLeavesNothingAndNobodyNeedsToWait) {
  auto wanted = spec({"true"});
  wanted.auto_remove = true;
  const std::string id = run(wanted);
  EXPECT_TRUE(test::wait_until([&] { return !path_exists(sandbox_->root() + "/containers/" + id); }))
      << "the monitor's clean-up didn't remove it";
}

TEST_F(EngineTest, ImageStaysWhileAContainerNeedsIt) {
  const std::string id = create(spec({"true"}));
  EXPECT_ERROR(engine_->images().remove("busybox:1"), ErrorKind::conflict, HasSubstr("busybox"));
}

TEST_F(EngineTest, LimitsAreRefusedWhereTheHostCantEnforceThem) {
  if (test::host_enforces_memory()) GTEST_SKIP() << "this host enforces memory limits";
  auto wanted = spec({"true"});
  wanted.resources.memory = int64_t{64} << 20;
  EXPECT_ERROR(engine_->create(wanted), ErrorKind::unsupported,
               HasSubstr("--memory: this host can't enforce it"));
  auto careless = options();
  careless.limits = LimitPolicy::best_effort;
  auto engine = Engine::open(careless);
  ASSERT_OK(engine);
  const auto id = engine->create(wanted);
  ASSERT_OK(id);
  ASSERT_OK(engine->start(*id));
  EXPECT_EQ(engine->wait(*id, std::chrono::seconds(20)).value_or(-1), 0);
}

}  // namespace
}  // namespace gantry::engine
