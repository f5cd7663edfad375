#include "runtime/scheduling.h"

#include "base/text.h"
#include "tests/runtime/container_fixture.h"

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

constexpr Place process_place{"config.json", "$.process"};

TEST(NumberLists, AreNumbersAndRanges) {
  const auto set = parse_number_list("0-2,64,2000", process_place, ".x");
  ASSERT_OK(set);
  ASSERT_EQ(set->size(), 2000U / 64 + 1) << "more than the 1024 CPUs of cpu_set_t";
  EXPECT_EQ((*set)[0], 7U);
  EXPECT_EQ((*set)[1], 1U);
  EXPECT_EQ((*set)[2000 / 64], 1UL << (2000 % 64));
  for (const char* text : {"", "a", "0-", "-1", "0,,1", "3-1", "0-1-2", "65536", "0x1", " 1", "1,"}) {
    EXPECT_ERROR(parse_number_list(text, process_place, ".x"), ErrorKind::invalid,
                 HasSubstr("config.json: $.process.x"));
  }
}

struct BadScheduler {
  oci::Scheduler config;
  const char* error;
};

oci::Scheduler deadline(std::optional<uint64_t> runtime, std::optional<uint64_t> until,
                        std::optional<uint64_t> period = {}) {
  return {"SCHED_DEADLINE", 0, 0, {}, runtime, until, period};
}

const BadScheduler bad_schedulers[] = {
    {{"", 0, 0, {}, {}, {}, {}}, ".scheduler.policy: scheduler policy is required"},
    {{"SCHED_FOO", 0, 0, {}, {}, {}, {}}, ".scheduler.policy: invalid scheduler policy \"SCHED_FOO\""},
    {{"SCHED_ISO", 0, 0, {}, {}, {}, {}}, ".scheduler.policy: SCHED_ISO is reserved"},
    {{"SCHED_OTHER", 20, 0, {}, {}, {}, {}}, ".scheduler.nice: invalid scheduler.nice: 20"},
    {{"SCHED_BATCH", -21, 0, {}, {}, {}, {}}, ".scheduler.nice: invalid scheduler.nice: -21"},
    {{"SCHED_FIFO", 1, 1, {}, {}, {}, {}}, ".scheduler.nice: can only be specified for SCHED_OTHER"},
    {{"SCHED_OTHER", 0, 1, {}, {}, {}, {}}, ".scheduler.priority: scheduler.priority can only be specified"},
    {{"SCHED_FIFO", 0, 0, {}, {}, {}, {}},
     ".scheduler.priority: must be from 1 to 99 for SCHED_FIFO, found 0"},
    {{"SCHED_RR", 0, 100, {}, {}, {}, {}},
     ".scheduler.priority: must be from 1 to 99 for SCHED_RR, found 100"},
    {{"SCHED_OTHER", 0, 0, {}, 5000, {}, {}}, "scheduler runtime/deadline/period can only be specified"},
    {{"SCHED_OTHER", 0, 0, {"SCHED_FLAG_X"}, {}, {}, {}}, ".scheduler.flags[0]: invalid scheduler option"},
    {{"SCHED_OTHER", 0, 0, {"SCHED_FLAG_UTIL_CLAMP_MIN"}, {}, {}, {}},
     ".scheduler.flags[0]: SCHED_FLAG_UTIL"},
    {deadline({}, 10000), "`SCHED_DEADLINE` requires `runtime`"},
    {deadline(10000, {}), "`SCHED_DEADLINE` requires `deadline`"},
    {deadline(0, 10000), "`SCHED_DEADLINE` runtime must be greater than 0"},
    {deadline(20000, 10000), "`SCHED_DEADLINE` runtime (20000) must be <= deadline (10000)"},
    {deadline(5000, 10000, 8000), "`SCHED_DEADLINE` deadline (10000) must be <= period (8000)"},
    {deadline(1023, 10000), "`SCHED_DEADLINE` runtime (1023) must be between 1024 and"},
};

TEST(Schedulers, ThatThePolicyHasNoUseForAreRefused) {
  for (const auto& bad : bad_schedulers) {
    const auto plan = plan_scheduler(bad.config, process_place);
    ASSERT_FALSE(plan) << bad.error;
    EXPECT_THAT(plan.error().message(), HasSubstr(bad.error));
    EXPECT_THAT(plan.error().message(), HasSubstr("config.json: $.process.scheduler"));
  }
}

TEST(MemoryPolicies, FollowTheRulesOfSetMempolicy) {
  constexpr Place at{"config.json", "$.linux.memoryPolicy"};
  const std::pair<oci::MemoryPolicy, const char*> bad[] = {
      {{"MPOL_X", "", {}}, ".mode: unknown memory policy mode \"MPOL_X\""},
      {{"MPOL_BIND", "", {}}, ".nodes: memory policy mode MPOL_BIND requires at least one node but got 0"},
      {{"MPOL_LOCAL", "0", {}}, ".nodes: memory policy mode MPOL_LOCAL requires 0 nodes"},
      {{"MPOL_BIND", "0", {"MPOL_F_X"}}, ".flags[0]: unknown memory policy flag \"MPOL_F_X\""},
      {{"MPOL_BIND", "x", {}}, ".nodes: must be a list"},
  };
  for (const auto& [policy, error] : bad) {
    EXPECT_ERROR(plan_memory_policy(policy, at), ErrorKind::invalid,
                 HasSubstr(std::string("config.json: $.linux.memoryPolicy") + error));
  }
  EXPECT_OK(plan_memory_policy({"MPOL_PREFERRED", "", {}}, at));
}

class Scheduling : public Containers {
 protected:
  // Of the process that waits for its start.
  SchedulerPlan scheduler_of(pid_t pid) {
    SchedulerPlan found;
    EXPECT_EQ(::syscall(SYS_sched_getattr, pid, &found, sizeof found, 0), 0);
    return found;
  }
  void start_container(const std::function<void(oci::RuntimeConfig&)>& change) {
    configure({"sleep", "1000"}, change);
    const auto made = create(test_id);
    ASSERT_EQ(made.status, 0) << made.errors;
  }
  // What exec prints with `document` as its process, but for args and cwd.
  CommandResult exec(const std::string& members, const std::string& script) {
    const std::string text =
        format(R"({{"args":["sh","-c","{}"],"cwd":"/","env":["PATH=/bin"]{}}})", script, members);
    EXPECT_OK(write_file(file("process"), text, 0644));
    return runtime({"exec", "--process", file("process"), test_id});
  }
};

TEST_F(Scheduling, TheProcessHasItsPolicyAndNiceValue) {
  start_container([](auto& config) {
    config.process->scheduler = oci::Scheduler{"SCHED_BATCH", 7, 0, {"SCHED_FLAG_RESET_ON_FORK"}, {}, {}, {}};
    config.process->io_priority = oci::IoPriority{"IOPRIO_CLASS_BE", 6};
  });
  const auto found = scheduler_of(pid_of(test_id));
  EXPECT_EQ(found.policy, static_cast<uint32_t>(SCHED_BATCH));
  EXPECT_EQ(found.nice, 7);
  EXPECT_EQ(found.flags, 1U) << "SCHED_FLAG_RESET_ON_FORK";
  EXPECT_EQ(::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid_of(test_id)), (IOPRIO_CLASS_BE << 13) | 6);
}

TEST_F(Scheduling, RealTimePoliciesWorkInAUserNamespaceToo) {
  for (const bool user_namespace : {false, true}) {
    start_container([&](auto& config) {
      config.process->scheduler = oci::Scheduler{"SCHED_FIFO", 0, 5, {}, {}, {}, {}};
      config.process->io_priority = oci::IoPriority{"IOPRIO_CLASS_RT", 3};
      if (!user_namespace) return;
      config.linux_->namespaces.push_back({oci::NamespaceType::user, {}});
      config.linux_->uid_mappings = config.linux_->gid_mappings = {{0, 100000, 65536}};
      config.linux_->resources.devices.clear();
    });
    const auto found = scheduler_of(pid_of(test_id));
    EXPECT_EQ(found.policy, static_cast<uint32_t>(SCHED_FIFO)) << user_namespace;
    EXPECT_EQ(found.priority, 5U);
    EXPECT_EQ(::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid_of(test_id)), (IOPRIO_CLASS_RT << 13) | 3);
    EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  }
}

TEST_F(Scheduling, DeadlineTasksHaveTheirTimes) {
  start_container([](auto& config) { config.process->scheduler = deadline(1'000'000, 10'000'000); });
  const auto found = scheduler_of(pid_of(test_id));
  EXPECT_EQ(found.policy, static_cast<uint32_t>(SCHED_DEADLINE));
  EXPECT_EQ(found.runtime, 1'000'000U);
  EXPECT_EQ(found.deadline, 10'000'000U);
  EXPECT_EQ(found.period, 10'000'000U) << "the deadline, when none is given";
}

TEST_F(Scheduling, ExecHasTheContainersSchedulerUnlessItsDocumentHasAnother) {
  start_container(
      [](auto& config) { config.process->scheduler = oci::Scheduler{"SCHED_OTHER", 4, 0, {}, {}, {}, {}}; });
  // The field behind the priority is the nice value. proc_pid_stat(5)
  const std::string script = "set -- $(cat /proc/self/stat); echo ${19}";
  EXPECT_EQ(exec("", script).output, "4\n");
  EXPECT_EQ(exec(R"(,"scheduler":{"policy":"SCHED_OTHER","nice":9})", script).output, "9\n");
  const auto bad = exec(R"(,"scheduler":{"policy":"SCHED_FOO"})", script);
  EXPECT_THAT(bad.errors, HasSubstr(file("process") + ": $.scheduler.policy: invalid scheduler policy"));
}

TEST_F(Scheduling, ExecRunsOnTheCpusOfItsAffinity) {
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2) GTEST_SKIP() << "needs two CPUs";
  start_container([](auto& config) { config.process->exec_cpu_affinity = oci::CpuAffinity{"0", ""}; });
  const std::string script = "grep Cpus_allowed_list /proc/self/status";
  EXPECT_EQ(exec("", script).output, "Cpus_allowed_list:\t0\n") << "the container's, without another";
  EXPECT_EQ(exec(R"(,"execCPUAffinity":{"initial":"0","final":"1"})", script).output,
            "Cpus_allowed_list:\t1\n");
  EXPECT_EQ(exec(R"(,"execCPUAffinity":{"final":"1,2000-3000"})", script).output, "Cpus_allowed_list:\t1\n");
  EXPECT_THAT(exec(R"(,"execCPUAffinity":{"final":"5000"})", script).errors,
              HasSubstr("error setting final CPU affinity: Invalid argument"));
  EXPECT_THAT(exec(R"(,"execCPUAffinity":{"initial":"x"})", script).errors,
              HasSubstr("$.execCPUAffinity.initial: must be a list such as \"0-3,7\""));
}

TEST_F(Scheduling, MemoryPolicyIsThatOfEveryProcess) {
  if (!path_exists("/proc/self/numa_maps")) GTEST_SKIP() << "needs a kernel with NUMA";
  start_container([](auto& config) {
    config.linux_->memory_policy = oci::MemoryPolicy{"MPOL_BIND", "0", {"MPOL_F_STATIC_NODES"}};
  });
  const auto exec = runtime({"exec", test_id, "head", "-n", "1", "/proc/self/numa_maps"});
  EXPECT_THAT(exec.output, HasSubstr(" bind=static:0 ")) << exec.errors;
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  const auto result = run({"head", "-n", "1", "/proc/self/numa_maps"}, [](auto& config) {
    config.linux_->memory_policy = oci::MemoryPolicy{"MPOL_INTERLEAVE", "0", {}};
  });
  EXPECT_THAT(result.output, HasSubstr(" interleave:0 ")) << result.errors;
  const auto bad = run({"true"}, [](auto& config) {
    config.linux_->memory_policy = oci::MemoryPolicy{"MPOL_BIND", "60000", {}};
  });
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.errors, HasSubstr("set linux.memoryPolicy: set_mempolicy: Invalid argument"));
}

TEST_F(Scheduling, PersonalityAndTimeOffsetsAreTheContainers) {
  const auto result = run_shell("busybox uname -m; cat /proc/uptime", [](auto& config) {
    config.linux_->personality = oci::Personality{"LINUX32", {}};
    config.linux_->namespaces.push_back({oci::NamespaceType::time, {}});
    config.linux_->time_offsets["boottime"] = {1'000'000'000, 5};
  });
  EXPECT_THAT(result.output, testing::MatchesRegex("i[36]86\n10[0-9]{8}\\..*\n")) << result.errors;
}

}  // namespace
}  // namespace gantry::runtime
