#include "base/files.h"
#include "runtime/clean_path.h"
#include "runtime/command_line.h"
#include "runtime/configuration.h"
#include "runtime/mount_options.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_cache.h"
#include "runtime/signal_names.h"
#include "runtime/store.h"
#include "tests/support/results.h"

#include <csignal>
#include <linux/seccomp.h>
#include <sys/mount.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

TEST(MountOptions, AreSortedByWhoTakesThem) {
  const auto options = parse_mount_options(
      {"rbind", "ro", "nosuid", "suid", "rro", "rslave", "noatime", "size=64k", "newinstance", "defaults"});
  ASSERT_OK(options);
  EXPECT_TRUE(options->bind && options->recursive_bind);
  EXPECT_EQ(options->set, uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME});
  EXPECT_EQ(options->clear, uint64_t{MOUNT_ATTR_NOSUID | MOUNT_ATTR__ATIME})
      << "the later suid wins over nosuid";
  EXPECT_EQ(options->recursive_set, uint64_t{MOUNT_ATTR_RDONLY});
  ASSERT_EQ(options->propagation.size(), 1U);
  EXPECT_EQ(options->propagation[0].type, uint64_t{MS_SLAVE});
  EXPECT_TRUE(options->propagation[0].recursive);
  ASSERT_EQ(options->options.size(), 2U);
  EXPECT_EQ(options->options[0].key, "size");
  EXPECT_EQ(options->options[0].value, "64k");
  EXPECT_FALSE(options->options[1].has_value);
  EXPECT_EQ(parse_mount_options({"idmap"})->id_map, IdMapOption::top);
  EXPECT_EQ(parse_mount_options({"ridmap"})->id_map, IdMapOption::recursive);
  EXPECT_EQ(parse_mount_options({"idmap=uids=0-1-2"})->id_map_text, "uids=0-1-2");
  EXPECT_TRUE(parse_mount_options({"remount"})->remount);
}

TEST(Signals, HaveNumbersAndNames) {
  const std::pair<const char*, int> cases[] = {
      {"9", 9},   {"KILL", SIGKILL}, {"sigterm", SIGTERM}, {"SIGusr1", SIGUSR1}, {"RTMIN+2", SIGRTMIN + 2},
      {"64", 64}, {"0", 0}};
  for (const auto& [text, number] : cases) {
    const auto signal = parse_signal(text);
    ASSERT_OK(signal);
    EXPECT_EQ(*signal, number) << text;
  }
  for (const char* text : {"", "65", "FOO", "-9", "9x"}) {
    EXPECT_ERROR(parse_signal(text), ErrorKind::invalid, HasSubstr("unknown signal"));
  }
}

TEST(CommandLine, StopsAtTheFirstArgumentThatIsNoFlag) {
  std::string bundle;
  bool detach = false;
  std::vector<std::string> env;
  const std::vector<Flag> flags = {
      {"bundle", 'b', &bundle}, {"detach", 'd', nullptr, nullptr, &detach}, {"env", 'e', nullptr, &env}};
  const auto rest = parse_flags(flags, {"-b", "/b", "--detach", "--env=A=1", "-e", "B=2", "id", "-d", "x"});
  ASSERT_OK(rest);
  EXPECT_EQ(bundle, "/b");
  EXPECT_TRUE(detach);
  EXPECT_EQ(env, (std::vector<std::string>{"A=1", "B=2"}));
  EXPECT_EQ(*rest, (Arguments{"id", "-d", "x"}));
  EXPECT_ERROR(parse_flags(flags, {"--nosuch"}), ErrorKind::invalid, HasSubstr("not defined: --nosuch"));
  EXPECT_ERROR(parse_flags(flags, {"--bundle"}), ErrorKind::invalid, HasSubstr("needs an argument"));
  EXPECT_ERROR(parse_flags(flags, {"--detach=maybe"}), ErrorKind::invalid, HasSubstr("true or false"));
}

TEST(CleanPath, IsLexical) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a//b/./c/", "/a/b/c"}, {"/a/../../b", "/b"}, {"/", "/"}, {"", "/"}, {"a", "/a"}};
  for (const auto& [path, clean] : cases) EXPECT_EQ(clean_path(path), clean);
}

oci::SeccompProfile small_profile() {
  oci::SeccompProfile profile;
  profile.default_action = oci::SeccompAction::error;
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
  profile.syscalls.push_back({{"read", "write", "nosuch_call"}, oci::SeccompAction::allow, {}, {}});
  return profile;
}

TEST(Seccomp, CallsNewerThanTheProfileGetEnosys) {
  const auto plan = compile_seccomp(small_profile());
  ASSERT_OK(plan);
  bool answers_enosys = false;
  for (const auto& instruction : plan->program) {
    answers_enosys = answers_enosys || instruction.k == (SECCOMP_RET_ERRNO | ENOSYS);
  }
  EXPECT_TRUE(answers_enosys);
}

TEST(Seccomp, CacheGivesBackWhatItTookAndNothingThatWasTamperedWith) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const std::string cache = folder->path() + "/cache";
  const std::string key = seccomp_cache_key(R"({"defaultAction":"SCMP_ACT_ERRNO"})");
  auto plan = compile_seccomp(small_profile());
  ASSERT_OK(plan);
  plan->flags = SECCOMP_FILTER_FLAG_LOG;
  EXPECT_FALSE(load_seccomp(cache, key));
  ASSERT_OK(store_seccomp(cache, key, *plan));
  const auto loaded = load_seccomp(cache, key);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->program.size(), plan->program.size());
  EXPECT_EQ(loaded->flags, plan->flags);
  EXPECT_FALSE(load_seccomp(cache, seccomp_cache_key(R"({"defaultAction":"SCMP_ACT_ALLOW"})")));
  const auto names = list_directory(cache);
  ASSERT_OK(names);
  const std::string path = cache + "/" + names->at(0);
  const auto text = read_file(path);
  ASSERT_OK(text);
  ASSERT_OK(write_file(path, text->substr(0, text->size() - 3), 0600));
  EXPECT_FALSE(load_seccomp(cache, key)) << "half an instruction";
  ASSERT_OK(write_file(path, "X" + text->substr(1), 0600));
  EXPECT_FALSE(load_seccomp(cache, key)) << "another key";
  ASSERT_OK(write_file(path, *text, 0666));
  EXPECT_FALSE(load_seccomp(cache, key)) << "writable by others";
  ASSERT_OK(store_seccomp(cache, key, *plan));
  EXPECT_TRUE(load_seccomp(cache, key)) << "what can't be used is replaced";
}

std::string with_seccomp(const std::string& section) {
  return R"({"ociVersion":"1.2.0","linux":{"seccomp":)" + section + R"(,"cgroupsPath":"/c"}})";
}

TEST(Configuration, ProfileThatWasCompiledBeforeIsLeftUnread) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const std::string section = R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38, "x":"}\"]"})";
  const auto first = parse_configuration(with_seccomp(section), "config.json", folder->path());
  ASSERT_OK(first);
  EXPECT_FALSE(first->filter);
  ASSERT_TRUE(first->config.linux_->seccomp);
  EXPECT_EQ(first->config.linux_->seccomp->default_errno_return, 38u);
  EXPECT_EQ(first->config.linux_->seccomp_text, section);
  const auto plan = compile_seccomp(*first->config.linux_->seccomp);
  ASSERT_OK(plan);
  ASSERT_OK(store_seccomp(folder->path(), seccomp_cache_key(section), *plan));
  const auto second = parse_configuration(with_seccomp(section), "config.json", folder->path());
  ASSERT_OK(second);
  ASSERT_TRUE(second->filter);
  EXPECT_EQ(second->filter->program.size(), plan->program.size());
  EXPECT_FALSE(second->config.linux_->seccomp);
  EXPECT_EQ(second->config.linux_->cgroups_path, "/c");
}

TEST(Configuration, BrokenProfileIsToldWithItsPlace) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"defaultAction":"SCMP_ACT_NONE"})", "$.linux.seccomp.defaultAction: must be one of"},
      {R"({"defaultAction":"SCMP_ACT_KILL",})", "not JSON: line 1, column 7"},
      {R"(["SCMP_ACT_KILL"])", "$.linux.seccomp: must be an object"},
      {R"({"defaultAction":"SCMP_ACT_KILL")", "not JSON"},
      {R"({"defaultAction":"SCMP_ACT_KILL"]})", "not JSON"},
      {R"({"defaultAction":"SCMP_ACT_KILL","defaultAction":"SCMP_ACT_KILL"})",
       "$.linux.seccomp: member \"defaultAction\" stands twice"},
  };
  for (const auto& [section, error] : rows) {
    EXPECT_ERROR(parse_configuration(with_seccomp(section), "config.json", "/nowhere"), ErrorKind::invalid,
                 HasSubstr(error));
  }
}

TEST(Record, SurvivesWritingAndReading) {
  Record record;
  record.id = "c1";
  record.bundle = "/b";
  record.oci_version = "1.0.0";
  record.cgroup = "/gantry/c1";
  record.pid = 42;
  record.start_time = 4711;
  record.own_pid_namespace = false;
  record.new_keyring = false;
  const auto again = parse_record(to_json_text(record), "state.json");
  ASSERT_OK(again);
  EXPECT_EQ(again->cgroup, record.cgroup);
  EXPECT_EQ(again->start_time, record.start_time);
  EXPECT_FALSE(again->own_pid_namespace);
  EXPECT_FALSE(again->new_keyring);
}

}  // namespace
}  // namespace gantry::runtime
