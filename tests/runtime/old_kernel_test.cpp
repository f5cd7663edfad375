#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

#include <cstddef>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class OldKernel : public Containers {
 protected:
  // `run` where the system call `number` answers ENOSYS; what it says on stderr.
  std::string run_without(unsigned number) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {std::size(filter), filter};
    const std::string bundle_path = bundle();
    const std::string root_path = root();
    const std::string errors = file("errors");
    const pid_t child = ::fork();
    if (child == 0) {
      const int out = ::open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(126);
      ::execl(test::program_path("gantry-oci"), "gantry-oci", "--root", root_path.c_str(), "run", "--bundle",
              bundle_path.c_str(), test_id, nullptr);
      ::_exit(127);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
    return read_file(errors).value_or("");
  }
};

TEST_F(OldKernel, IsNamedAsTheReasonAndNothingIsLeft) {
  configure({"true"});
  for (const unsigned number : {SYS_openat2, SYS_open_tree, SYS_move_mount, SYS_mount_setattr, SYS_clone3}) {
    EXPECT_THAT(run_without(number), HasSubstr("gantry-oci needs Linux 5.12 or newer")) << number;
    EXPECT_THAT(state_folders(), IsEmpty()) << number;
  }
}

TEST_F(OldKernel, ThatCannotCloseDescriptorsRunsNeitherProgramsNorHooks) {
  configure({"sh", "-c", "echo ran"});
  EXPECT_THAT(run_without(SYS_close_range),
              testing::AllOf(HasSubstr("close descriptors: Function not implemented"),
                             testing::Not(HasSubstr("ran"))));
  configure({"true"}, [](auto& config) {
    config.hooks = oci::Hooks{};
    config.hooks->create_runtime = {{"/bin/sh", {"sh", "-c", "echo ran >&2"}, {}, {}}};
  });
  EXPECT_THAT(run_without(SYS_close_range),
              HasSubstr("createRuntime hook #0: exit status 127, output: Function not implemented"));
}

}  // namespace
}  // namespace gantry::runtime
