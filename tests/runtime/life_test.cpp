#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <fcntl.h>
#include <future>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(Containers, GoesFromCreatedOverRunningAndStoppedToNothing) {
  configure({"sleep", "1000"});
  const auto created = create(test_id);
  ASSERT_EQ(created.status, 0) << created.errors;
  EXPECT_EQ(status(test_id), "created");
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  EXPECT_EQ(status(test_id), "running");
  EXPECT_THAT(runtime({"start", test_id}).errors, HasSubstr("cannot start an already running container"));
  EXPECT_THAT(runtime({"delete", test_id}).errors,
              HasSubstr(format("cannot delete container {} that is not stopped: running", test_id)));
  ASSERT_EQ(runtime({"kill", test_id, "KILL"}).status, 0);
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
  EXPECT_THAT(runtime({"start", test_id}).errors, HasSubstr("cannot start a container that has stopped"));
  EXPECT_THAT(runtime({"kill", test_id}).errors, HasSubstr("container not running"));
  EXPECT_THAT(runtime({"exec", test_id, "true"}).errors, HasSubstr("cannot exec in a stopped container"));
  ASSERT_EQ(runtime({"delete", test_id}).status, 0);
  EXPECT_THAT(state_folders(), IsEmpty());
  EXPECT_FALSE(path_exists(cgroup_directory(test_id)));
  EXPECT_THAT(runtime({"state", test_id}).errors, HasSubstr("container does not exist"));
}

TEST_F(Containers, RunReturnsTheProgramsStatus) {
  EXPECT_EQ(run_shell("exit 7").status, 7);
  EXPECT_EQ(run_shell("sh -c 'kill -9 $$'; exit $?").status, 137);
  EXPECT_EQ(run({"nosuch"}).status, 1);
  EXPECT_THAT(state_folders(), IsEmpty());
}

TEST_F(Containers, RunReturnsTheStatusThoughAnotherCommandDeletesTheContainer) {
  configure({"sleep", "1000"});
  auto run = std::async(std::launch::async, [&] { return runtime({"run", "--bundle", bundle(), test_id}); });
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "running"; }));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  const auto ended = run.get();
  EXPECT_EQ(ended.status, 137) << ended.errors;
  EXPECT_EQ(ended.errors, "");
  EXPECT_THAT(state_folders(), IsEmpty());
}

TEST_F(Containers, ProgramThatCannotRunIsACreateTimeErrorInTheWordsThatCallersKnow) {
  const std::pair<const char*, const char*> cases[] = {
      {"nosuch", "exec: \"nosuch\": executable file not found in $PATH"},
      {"/nosuch", "exec: \"/nosuch\": stat /nosuch: no such file or directory"},
      {"/etc/passwd", "exec: \"/etc/passwd\": permission denied"},
      {"/etc", "exec: \"/etc\": is a directory"},
  };
  for (const auto& [name, text] : cases) {
    configure({name});
    EXPECT_NE(create(test_id).status, 0) << name;
    EXPECT_THAT(runtime({"create", "--bundle", bundle(), test_id}).errors, HasSubstr(text));
    EXPECT_THAT(state_folders(), IsEmpty());
  }
}

TEST_F(Containers, IdIsTakenOnce) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  EXPECT_THAT(runtime({"create", "--bundle", bundle(), test_id}).errors,
              HasSubstr("container with given ID already exists"));
  EXPECT_EQ(status(test_id), "created");
  for (const char* id : {"a/b", "..", ".", "a b", ""}) {
    EXPECT_THAT(runtime({"create", "--bundle", bundle(), id}).errors,
                HasSubstr("invalid container ID format"))
        << id;
  }
}

TEST_F(Containers, IdsThatAreNoNamesAreRefusedWithTheirFault) {
  configure({"true"});
  const std::pair<const char*, const char*> cases[] = {{"a/b", "\"a/b\": invalid character '/'"},
                                                       {"a b", "invalid character ' '"},
                                                       {"", "it must not be empty"},
                                                       {"..", "it must not begin with a dot"},
                                                       {".hidden", "it must not begin with a dot"}};
  for (const auto& [id, fault] : cases) {
    EXPECT_THAT(runtime({"run", "--bundle", bundle(), id}).errors, HasSubstr(fault)) << id;
  }
}

TEST_F(Containers, KillAndDeleteTakeARegularExpression) {
  configure({"sleep", "1000"});
  for (const char* id : {"web-1", "web-2", "db"}) {
    ASSERT_EQ(run_silently({"run", "--detach", "--bundle", bundle(), id}).status, 0) << id;
  }
  EXPECT_EQ(runtime({"kill", "--regex", "^web-[0-9]$", "KILL"}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return status("web-1") == "stopped" && status("web-2") == "stopped"; }));
  EXPECT_EQ(status("db"), "running");
  const auto partly = runtime({"delete", "--regex", "."});
  EXPECT_EQ(partly.status, 1);
  EXPECT_THAT(partly.errors, HasSubstr("db: cannot delete container db that is not stopped: running"));
  EXPECT_THAT(state_folders(), testing::ElementsAre(testing::EndsWith("db")));
  EXPECT_THAT(runtime({"delete", "--regex", "("}).errors, HasSubstr("\"(\" is not a regular expression"));
}

TEST_F(Containers, DeleteOfACreatedOneKillsIt) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  const pid_t pid = pid_of(test_id);
  ASSERT_EQ(runtime({"delete", test_id}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return !is_alive(identify_process(pid).value_or({})); }));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0) << "force is silent about what isn't there";
  EXPECT_THAT(runtime({"delete", test_id}).errors, HasSubstr("container does not exist"));
}

TEST_F(Containers, DeleteKeepsWhatItsBrokenStateWouldLeaveRunning) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  const pid_t pid = pid_of(test_id);
  const std::string state = root() + "/" + test_id + "/state.json";
  const auto whole = read_file(state).value_or("");
  ASSERT_OK(write_file(state, "{"));
  const auto deleted = runtime({"delete", "--force", test_id});
  EXPECT_EQ(deleted.status, 1);
  EXPECT_THAT(deleted.errors, HasSubstr("end its processes and remove " + root() + "/" + test_id));
  EXPECT_TRUE(is_alive(identify_process(pid).value_or({})));
  ASSERT_OK(write_file(state, whole));
  EXPECT_EQ(runtime({"delete", "--force", test_id}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return !is_alive(identify_process(pid).value_or({})); }));
}

TEST_F(Containers, StateAndListTellWhatIsThere) {
  configure({"sleep", "1000"}, [](auto& config) { config.annotations["io.test"] = "value"; });
  ASSERT_EQ(create(test_id).status, 0);
  const auto told = runtime({"state", test_id}).output;
  EXPECT_THAT(told, HasSubstr("\"bundle\": \"" + bundle() + "\""));
  EXPECT_THAT(told, HasSubstr("\"io.test\": \"value\""));
  EXPECT_THAT(runtime({"list"}).output, HasSubstr("created"));
  EXPECT_THAT(runtime({"list", "--format", "json"}).output, HasSubstr("\"owner\":\"root\""));
  EXPECT_EQ(runtime({"list", "-q"}).output, std::string(test_id) + "\n");
  const auto listed = runtime({"ps", "--format", "json", test_id}).output;
  EXPECT_EQ(listed, "[" + std::to_string(pid_of(test_id)) + "]\n");
}

// All of its processes are killed by their cgroup, and init may be gone before anyone signals it by itself.
TEST_F(Containers, KillOfOneWithoutItsOwnPidNamespaceSucceedsOnce) {
  configure({"sleep", "1000"}, [](auto& config) {
    std::erase_if(config.linux_->namespaces,
                  [](const auto& space) { return space.type == oci::NamespaceType::pid; });
  });
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(create(test_id).status, 0);
    ASSERT_EQ(runtime({"start", test_id}).status, 0);
    const auto killed = runtime({"kill", test_id, "KILL"});
    EXPECT_EQ(killed.status, 0) << killed.errors;
    ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
    EXPECT_THAT(runtime({"kill", test_id, "KILL"}).errors, HasSubstr("container not running"));
    ASSERT_EQ(runtime({"delete", test_id}).status, 0);
  }
}

TEST_F(Containers, PausedOneRefusesExecAndDiesBySigkill) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ASSERT_EQ(runtime({"start", test_id}).status, 0);
  const auto paused = runtime({"pause", test_id});
  ASSERT_EQ(paused.status, 0) << paused.errors;
  EXPECT_EQ(status(test_id), "paused");
  EXPECT_THAT(runtime({"pause", test_id}).errors, HasSubstr("container not running"));
  EXPECT_THAT(runtime({"exec", test_id, "true"}).errors, HasSubstr("cannot exec in a paused container"));
  ASSERT_EQ(runtime({"kill", test_id, "9"}).status, 0);
  EXPECT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
}

TEST_F(Containers, CreateKilledAtAnyMomentLeavesWhatDeleteForceRemoves) {
  configure({"sleep", "1000"});
  for (int step = 0; step < 30; ++step) {
    const pid_t child = ::fork();
    if (child == 0) {
      const int null = ::open("/dev/null", O_RDWR);
      for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
      ::execl(test::program_path("gantry-oci"), "gantry-oci", "--root", root().c_str(), "create", "--bundle",
              bundle().c_str(), test_id, nullptr);
      ::_exit(127);
    }
    ::usleep(static_cast<useconds_t>(step * 150));  // the moment of the kill, not a wait for something
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto removed = runtime({"delete", "--force", test_id});
    ASSERT_EQ(removed.status, 0) << removed.errors;
    ASSERT_THAT(state_folders(), IsEmpty());
    ASSERT_FALSE(path_exists(cgroup_directory(test_id)));
  }
}

TEST_F(Containers, StartNoticesThatInitIsDead) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  ::kill(pid_of(test_id), SIGKILL);
  EXPECT_THAT(runtime({"start", test_id}).errors, HasSubstr("cannot start a container that has stopped"));
}

TEST_F(Containers, FlagsThatNobodyDefinedAreErrors) {
  EXPECT_THAT(runtime({"create", "--nosuch", test_id}).errors,
              HasSubstr("flag provided but not defined: --nosuch"));
  EXPECT_EQ(runtime({"nosuch"}).status, 3);
  EXPECT_THAT(runtime({"nosuch"}).errors, HasSubstr("unknown command \"nosuch\""));
  EXPECT_THAT(runtime({"kill", test_id, "FOO"}).errors, HasSubstr("unknown signal \"FOO\""));
  EXPECT_THAT(runtime({"--version"}).output, HasSubstr("spec: 1.3.0"));
  EXPECT_THAT(runtime({"features"}).output, HasSubstr("\"mountOptions\""));
}

TEST_F(Containers, JsonLogHoldsTheErrorThatAManagerShows) {
  const auto failed = runtime({"--log", file("log.json"), "--log-format", "json", "start", test_id});
  EXPECT_EQ(failed.errors, format("container does not exist: {}\n", test_id));
  EXPECT_THAT(
      read_file(file("log.json")).value_or(""),
      HasSubstr(format("\"level\":\"error\",\"msg\":\"container does not exist: {}\",\"time\":\"", test_id)));
  struct stat info {};
  ASSERT_EQ(::stat(file("log.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U) << "it quotes arguments, which are nobody else's";
}

TEST_F(Containers, JsonLogWithoutAFileIsOnStderr) {
  const auto failed = runtime({"--log-format", "json", "start", test_id});
  EXPECT_EQ(failed.status, 1);
  EXPECT_THAT(failed.errors,
              testing::StartsWith(
                  format(R"({{"level":"error","msg":"container does not exist: {}","time":")", test_id)));
}

TEST_F(Containers, DebugLogTellsTheStepsAndTheUsualOneDoesNot) {
  configure({"sleep", "1000"});
  const auto log = file("debug.json");
  const std::vector<std::string> to_log = {"--log", log, "--log-format", "json"};
  const auto logged = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), to_log.begin(), to_log.end());
    EXPECT_EQ(run_silently(arguments).status, 0);
    return read_file(log).value_or("");
  };
  EXPECT_THAT(logged({"create", "--bundle", bundle(), test_id}), testing::Not(HasSubstr("debug")));
  EXPECT_THAT(logged({"--debug", "start", test_id}),
              HasSubstr(format(R"("level":"debug","msg":"container {}: its program runs")", test_id)));
  EXPECT_THAT(logged({"--debug", "exec", test_id, "true"}), HasSubstr("command exec"));
  EXPECT_THAT(logged({"--log-level", "debug", "delete", "--force", test_id}),
              HasSubstr(format("container {}: removed", test_id)));
  const auto text = logged({"--debug", "run", "--detach", "--bundle", bundle(), test_id});
  EXPECT_THAT(text, HasSubstr(format("container {}: init is process ", test_id)));
  EXPECT_THAT(text, HasSubstr(format("container {}: created", test_id)));
}

TEST_F(Containers, UpdateAndEventsRefuseWhatTheyCannotDo) {
  configure({"sleep", "1000"});
  ASSERT_EQ(create(test_id).status, 0);
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"update", "--l3-cache-schema", "L3:0=f", test_id},
       "updating a non-existent Intel RDT configuration is not supported"},
      {{"update", "--cpu-rt-runtime", "1", test_id}, "--cpu-rt-runtime: cgroup v2 has no limit"},
      {{"update", "--memory", "1x", test_id}, "--memory"},
      {{"update", "--pids-limit", "-2", test_id}, "--pids-limit"},
      {{"update", "--cpu-share", "many", test_id}, "--cpu-share"},
      {{"update", "--blkio-weight", "70000", test_id}, "--blkio-weight"},
      {{"update", test_id}, "update needs a limit"},
      {{"update", "-r", "/nosuch", "--memory", "1g", test_id},
       "--memory can't be given beside --resources /nosuch"},
      {{"update", "-r", "/nosuch", "--cpuset-cpus", "", test_id}, "--cpuset-cpus can't be given beside"},
      {{"events", "--interval", "soon", test_id}, "--interval: must be a duration"},
      {{"events", "--interval", "0", test_id}, "--interval must be 1ms to 24h"},
      {{"events", "--stats", "nosuch"}, "container does not exist"},
  };
  for (const auto& [arguments, text] : cases) {
    const auto refused = runtime(arguments);
    EXPECT_EQ(refused.status, 1) << text;
    EXPECT_THAT(refused.errors, HasSubstr(text));
  }
  ASSERT_EQ(runtime({"kill", test_id, "KILL"}).status, 0);
  ASSERT_TRUE(test::wait_until([&] { return status(test_id) == "stopped"; }));
  EXPECT_THAT(runtime({"events", "--stats", test_id}).errors, HasSubstr("is not running"));
}

}  // namespace
}  // namespace gantry::runtime
