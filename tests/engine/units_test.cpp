#include "base/files.h"
#include "engine/attach_session.h"
#include "engine/capability_set.h"
#include "engine/container_spec.h"
#include "engine/copy_tree.h"
#include "engine/image_defaults.h"
#include "engine/log_files.h"
#include "engine/names.h"
#include "engine/root_files.h"
#include "engine/seccomp_default.h"
#include "engine/signals.h"
#include "engine/user.h"
#include "tests/support/results.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::engine {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string passwd =
    "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001:web:/home/web:/bin/sh\nbroken line\n";
const std::string group = "root:x:0:\nweb:x:1001:\nstaff:x:50:web,other\n";

TEST(ResolveUser, NameBringsItsGroupsAndHome) {
  const auto user = resolve_user(passwd, group, "web", {});
  ASSERT_OK(user);
  EXPECT_EQ(user->uid, 1000u);
  EXPECT_EQ(user->gid, 1001u);
  EXPECT_THAT(user->additional_gids, ElementsAre(50u));
  EXPECT_EQ(user->home, "/home/web");
}

TEST(ResolveUser, EmptyIsRoot) {
  const auto user = resolve_user(passwd, group, "", {});
  ASSERT_OK(user);
  EXPECT_EQ(user->uid, 0u);
  EXPECT_EQ(user->home, "/root");
}

TEST(ResolveUser, NumberWithoutEntryStandsForItself) {
  const auto user = resolve_user(passwd, group, "4242:7", {"staff"});
  ASSERT_OK(user);
  EXPECT_EQ(user->uid, 4242u);
  EXPECT_EQ(user->gid, 7u);
  EXPECT_THAT(user->additional_gids, ElementsAre(50u));
}

TEST(ResolveUser, UnknownNamesAreNamed) {
  EXPECT_ERROR(resolve_user(passwd, group, "nobody", {}), ErrorKind::not_found,
               HasSubstr("unable to find user nobody"));
  EXPECT_ERROR(resolve_user(passwd, group, "web:nogroup", {}), ErrorKind::not_found,
               HasSubstr("unable to find group nogroup"));
  EXPECT_ERROR(resolve_user(passwd, group, "-1", {}), ErrorKind::not_found, HasSubstr("-1"));
  EXPECT_ERROR(resolve_user(passwd, group, "4294967295", {}), ErrorKind::not_found, HasSubstr("4294967295"));
}

TEST(RootFiles, AFifoInPlaceOfPasswdDoesntBlock) {
  const auto root = TemporaryDirectory::make();
  ASSERT_OK(root);
  ASSERT_EQ(mkfifo(join_path(root->path(), "passwd").c_str(), 0600), 0);
  const auto fd = open_root(root->path());
  ASSERT_OK(fd);
  EXPECT_ERROR(read_in_root(*fd, "/passwd"), ErrorKind::invalid, HasSubstr("not a regular file"));
}

TEST(Capabilities, DefaultsAddAndDrop) {
  const auto names = capability_set({"net_admin"}, {"CAP_CHOWN"}, false);
  ASSERT_OK(names);
  EXPECT_EQ(names->size(), 14u);
  EXPECT_THAT(*names, Contains("CAP_NET_ADMIN"));
  EXPECT_THAT(*names, Not(Contains("CAP_CHOWN")));
  EXPECT_THAT(capability_set({"KILL"}, {"ALL"}, false).value(), ElementsAre("CAP_KILL"));
  EXPECT_ERROR(capability_set({"FLY"}, {}, false), ErrorKind::invalid, HasSubstr("FLY"));
}

TEST(DefaultSeccomp, MountNeedsSysAdmin) {
  const auto allows = [](const oci::SeccompProfile& profile, const std::string& call) {
    return std::any_of(profile.syscalls.begin(), profile.syscalls.end(), [&](const oci::SeccompRule& rule) {
      return rule.action == oci::SeccompAction::allow && rule.arguments.empty() &&
             std::find(rule.names.begin(), rule.names.end(), call) != rule.names.end();
    });
  };
  const auto plain = default_seccomp_profile({"CAP_CHOWN"});
  EXPECT_EQ(plain.default_action, oci::SeccompAction::error);
  EXPECT_TRUE(allows(plain, "openat"));
  for (const auto* call : {"mount", "unshare", "bpf", "keyctl", "kexec_load", "clone3", "reboot", "setns"}) {
    EXPECT_FALSE(allows(plain, call)) << call;
  }
  EXPECT_TRUE(allows(default_seccomp_profile({"CAP_SYS_ADMIN"}), "mount"));
}

TEST(Names, RulesAndClaims) {
  for (const auto* name : {"web", "a1", "Web_1.x-y"}) EXPECT_TRUE(is_valid_name(name)) << name;
  for (const auto* name : {"", "a", "-web", ".web", "we/b", "w b", "../x"})
    EXPECT_FALSE(is_valid_name(name)) << name;
  const auto root = TemporaryDirectory::make();
  ASSERT_OK(root);
  const Layout layout{root->path(), root->path()};
  ASSERT_OK(make_directories(layout.names()));
  ASSERT_OK(claim_name(layout, "web", "first"));
  EXPECT_ERROR(claim_name(layout, "web", "second"), ErrorKind::exists,
               HasSubstr("already in use by container first"));
  ASSERT_OK(release_name(layout, "web", "second"));
  EXPECT_EQ(name_owner(layout, "web"), "first") << "a name was taken from its owner";
}

TEST(Signals, NamesAndNumbers) {
  EXPECT_EQ(parse_signal("TERM").value(), SIGTERM);
  EXPECT_EQ(parse_signal("sigterm").value(), SIGTERM);
  EXPECT_EQ(parse_signal("9").value(), SIGKILL);
  EXPECT_EQ(parse_signal("SIGRTMIN+3").value(), SIGRTMIN + 3);
  EXPECT_ERROR(parse_signal("NOPE"), ErrorKind::invalid, HasSubstr("invalid signal: NOPE"));
  EXPECT_ERROR(parse_signal("0"), ErrorKind::invalid, HasSubstr("0"));
}

oci::ContainerConfig image_config() {
  oci::ContainerConfig image;
  image.entrypoint = std::vector<std::string>{"/entry"};
  image.cmd = std::vector<std::string>{"default"};
  image.env = {"A=1", "B=2"};
  image.exposed_ports["80/tcp"] = {};
  image.volumes["/data"] = {};
  return image;
}

TEST(ImageDefaults, EntrypointAndCommand) {
  struct Case {
    std::optional<std::vector<std::string>> entrypoint;
    std::vector<std::string> command;
    std::vector<std::string> expected;
  };
  const Case cases[] = {{{}, {}, {"/entry", "default"}},
                        {{}, {"x"}, {"/entry", "x"}},
                        {std::vector<std::string>{"/own"}, {}, {"/own"}},
                        {std::vector<std::string>{"/own"}, {"x"}, {"/own", "x"}},
                        {std::vector<std::string>{""}, {"x"}, {"x"}}};
  for (const auto& one : cases) {
    ContainerRecord record;
    record.spec.entrypoint = one.entrypoint;
    record.spec.command = one.command;
    ASSERT_OK(apply_image(record, image_config()));
    EXPECT_EQ(record.arguments, one.expected);
  }
  ContainerRecord record;
  EXPECT_ERROR(apply_image(record, {}), ErrorKind::invalid, HasSubstr("no command specified"));
}

TEST(ImageDefaults, EnvironmentVolumesAndPorts) {
  ContainerRecord record;
  record.spec.environment = {"B=3", "C=4", "A"};
  record.spec.publish_all_ports = true;
  ASSERT_OK(apply_image(record, image_config()));
  EXPECT_THAT(record.environment, ElementsAre("B=3", "C=4"));
  ASSERT_EQ(record.mounts.size(), 1u);
  EXPECT_EQ(record.mounts[0].destination, "/data");
  EXPECT_THAT(record.anonymous_volumes, ElementsAre(record.mounts[0].source));
  ASSERT_EQ(record.ports.size(), 1u);
  EXPECT_EQ(record.ports[0].container_port, 80);
}

TEST(CheckSpec, NamesTheOption) {
  struct Case {
    std::function<void(ContainerSpec&)> spoil;
    std::string words;
  };
  const Case cases[] = {{[](ContainerSpec& spec) { spec.name = "-x"; }, "--name"},
                        {[](ContainerSpec& spec) { spec.resources.memory = 1024; },
                         "--memory: minimum memory limit allowed is 6MB"},
                        {[](ContainerSpec& spec) { spec.resources.cpu_shares = 1; }, "--cpu-shares"},
                        {[](ContainerSpec& spec) { spec.network = "overlay"; }, "--network"},
                        {[](ContainerSpec& spec) { spec.sysctls["vm.swappiness"] = "1"; }, "--sysctl"},
                        {[](ContainerSpec& spec) { spec.working_directory = "x"; }, "--workdir"},
                        {[](ContainerSpec& spec) { spec.stop_signal = "X"; }, "--stop-signal"},
                        {[](ContainerSpec& spec) { spec.pid_mode = "container:x"; }, "--pid"},
                        {[](ContainerSpec& spec) {
                           spec.mounts.push_back({MountType::bind, "rel", "/x", false, false, {}});
                         },
                         "--volume"}};
  for (const auto& one : cases) {
    ContainerSpec spec;
    one.spoil(spec);
    const auto checked = check_spec(spec);
    ASSERT_FALSE(bool(checked)) << one.words;
    EXPECT_THAT(checked.error().message(), HasSubstr(one.words));
  }
  EXPECT_OK(check_spec({}));
}

TEST(ContainerSpec, SurvivesItsJson) {
  ContainerSpec spec;
  spec.image = "web";
  spec.entrypoint = std::vector<std::string>{};
  spec.resources.memory_swap = -1;
  spec.health = HealthSpec{.test = {"CMD", "x"}};
  spec.stop_timeout = std::chrono::seconds(7);
  const auto again = parse_container_spec(to_json_text(spec), "spec");
  ASSERT_OK(again);
  EXPECT_EQ(to_json_text(*again), to_json_text(spec));
  ASSERT_TRUE(again->entrypoint.has_value()) << "an empty entrypoint isn't an absent one";
  EXPECT_EQ(again->stop_timeout, std::chrono::seconds(7));
}

TEST(CheckSpec, NamesThatWouldBreakHostsAndCgroupsAreRefused) {
  ContainerSpec spec;
  spec.hostname = "web-1.example_x";
  spec.cgroup_parent = "teams/web.slice";
  EXPECT_OK(check_spec(spec));
  for (const auto& name : {std::string("two words"), std::string("line\nend"), std::string("-x"),
                           std::string("a/b"), std::string(65, 'a')}) {
    spec.hostname = name;
    EXPECT_ERROR(check_spec(spec), ErrorKind::invalid, HasSubstr("--hostname: invalid hostname format"));
  }
  spec.hostname.clear();
  for (const std::string parent : {"../x", "/", "a//b", "/a/./b"}) {
    spec.cgroup_parent = parent;
    EXPECT_ERROR(check_spec(spec), ErrorKind::invalid, HasSubstr("--cgroup-parent"));
  }
}

class CopyTree : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(folder_);
    for (const auto& name : {from(), to()}) ASSERT_OK(make_directories(name));
  }
  std::string from() const { return folder_->path() + "/from"; }
  std::string to() const { return folder_->path() + "/to"; }
  Result<void> copy() const {
    return copy_tree(open_file(from(), O_RDONLY | O_DIRECTORY).value(),
                     open_file(to(), O_RDONLY | O_DIRECTORY).value());
  }
  struct stat stat_of(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(lstat((to() + "/" + name).c_str(), &info), 0) << name;
    return info;
  }
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
};

TEST_F(CopyTree, KeepsModesUnderAnyUmaskAndTimesOfLinks) {
  ASSERT_EQ(mkfifo((from() + "/fifo").c_str(), 0), 0);
  ASSERT_EQ(chmod((from() + "/fifo").c_str(), 0666), 0);
  ASSERT_EQ(symlink("nowhere", (from() + "/link").c_str()), 0);
  const timespec times[] = {{1000, 0}, {2000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (from() + "/link").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  const mode_t before = umask(077);
  const auto copied = copy();
  umask(before);
  ASSERT_OK(copied);
  EXPECT_EQ(stat_of("fifo").st_mode & 07777U, 0666U);
  EXPECT_EQ(stat_of("link").st_mtim.tv_sec, 2000);
}

TEST_F(CopyTree, HolesStayHoles) {
  const auto file = open_file(from() + "/sparse", O_WRONLY | O_CREAT);
  ASSERT_OK(file);
  ASSERT_OK(write_all(*file, "begin"));
  ASSERT_EQ(pwrite(file->get(), "end", 3, off_t{200} << 20), 3);
  ASSERT_EQ(ftruncate(file->get(), off_t{1} << 40), 0);
  ASSERT_OK(copy());
  EXPECT_EQ(stat_of("sparse").st_size, off_t{1} << 40);
  EXPECT_LT(stat_of("sparse").st_blocks * 512, 1 << 20);
  std::string text(3, ' ');
  const auto copied = open_file(to() + "/sparse", O_RDONLY);
  EXPECT_EQ(pread(copied->get(), text.data(), 3, off_t{200} << 20), 3);
  EXPECT_EQ(text, "end");
}

TEST_F(CopyTree, RefusesFoldersNestedTooDeep) {
  UniqueFd folder = open_file(from(), O_RDONLY | O_DIRECTORY).value();
  for (int depth = 0; depth < 1002; ++depth) {
    ASSERT_EQ(mkdirat(folder.get(), "d", 0755), 0);
    folder = UniqueFd(openat(folder.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  EXPECT_ERROR(copy(), ErrorKind::invalid, HasSubstr("nested deeper than 1000"));
}

TEST(DetachKeys, OnlyTheWholeSequenceDetaches) {
  DetachKeys keys({16, 17});
  std::string input;
  EXPECT_FALSE(keys.feed("a\x10", input));
  EXPECT_EQ(input, "a");
  EXPECT_FALSE(keys.feed("b", input));
  EXPECT_EQ(input,
            "a\x10"
            "b")
      << "the first key was swallowed";
  EXPECT_TRUE(keys.feed("\x10\x11", input));
}

TEST(LogFiles, TailReachesIntoRotatedFiles) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const std::string path = join_path(folder->path(), "log");
  ASSERT_OK(write_file(path + ".1", "1\n2\n3\n"));
  ASSERT_OK(write_file(path, "4\n5\n"));
  const auto files = log_files(path);
  ASSERT_THAT(files, ElementsAre(path + ".1", path));
  const auto first_of = [&](uint64_t lines) {
    const auto position = find_tail(files, lines);
    auto fd = open_file(files[position->file], O_RDONLY);
    lseek(fd->get(), static_cast<off_t>(position->offset), SEEK_SET);
    LineReader reader(std::move(fd).value());
    return reader.next().value().value_or("");
  };
  EXPECT_EQ(first_of(1), "5");
  EXPECT_EQ(first_of(2), "4");
  EXPECT_EQ(first_of(3), "3");
  EXPECT_EQ(first_of(5), "1");
  EXPECT_EQ(first_of(99), "1");
}

}  // namespace
}  // namespace gantry::engine
