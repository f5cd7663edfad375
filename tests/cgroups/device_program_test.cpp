#include "cgroups/device_program.h"

#include "tests/support/results.h"

#include <linux/bpf.h>

namespace gantry::cgroups {
namespace {

using Rules = std::vector<oci::DeviceRule>;

// Interprets the few instructions that our programs use.
bool run(const std::vector<uint64_t>& words, uint32_t type, uint32_t access, uint32_t major, uint32_t minor) {
  const uint32_t context[3] = {access << 16 | type, major, minor};
  uint32_t registers[11] = {};
  for (size_t at = 0; at < words.size(); ++at) {
    bpf_insn insn;
    std::memcpy(&insn, &words[at], sizeof insn);
    auto& target = registers[insn.dst_reg];
    const auto value = static_cast<uint32_t>(insn.imm);
    switch (insn.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        target = context[insn.off / 4];
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        target = registers[insn.src_reg];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        target = value;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        target &= value;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        target >>= value;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        at += target != value ? insn.off : 0;
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        at += target == value ? insn.off : 0;
        break;
      case BPF_JMP | BPF_EXIT:
        return registers[0] != 0;
      default:
        ADD_FAILURE() << "unknown instruction " << int{insn.code};
        return false;
    }
  }
  ADD_FAILURE() << "the program has no end";
  return false;
}

constexpr uint32_t block = BPF_DEVCG_DEV_BLOCK, character = BPF_DEVCG_DEV_CHAR;
constexpr uint32_t make = BPF_DEVCG_ACC_MKNOD, read = BPF_DEVCG_ACC_READ, write = BPF_DEVCG_ACC_WRITE;

std::vector<uint64_t> compile(const Rules& rules) {
  auto program = compile_device_program(rules);
  EXPECT_OK(program);
  return std::move(program).value();
}

TEST(DeviceProgram, DefaultAllowsTheUsualNodesOnly) {
  const auto program = compile(effective_rules({}));
  EXPECT_TRUE(run(program, character, read | write, 1, 3)) << "/dev/null";
  EXPECT_TRUE(run(program, character, read | write, 136, 7)) << "/dev/pts/7";
  EXPECT_TRUE(run(program, block, make, 8, 0)) << "mknod";
  EXPECT_FALSE(run(program, block, read, 8, 0)) << "/dev/sda";
  EXPECT_FALSE(run(program, character, read, 1, 1)) << "/dev/mem";
  EXPECT_FALSE(run(program, block, make | read, 8, 0)) << "mknod and read: all bits must be allowed";
}

TEST(DeviceProgram, LaterRulesWinForEachAccess) {
  const auto program = compile({{false, "a", {}, {}, "rwm"},
                                {true, "b", 8, {}, "rw"},
                                {false, "b", 8, 1, "w"},
                                {true, "c", 10, 229, "r"}});
  EXPECT_TRUE(run(program, block, read | write, 8, 0));
  EXPECT_TRUE(run(program, block, read, 8, 1));
  EXPECT_FALSE(run(program, block, write, 8, 1));
  EXPECT_FALSE(run(program, block, read | write, 8, 1));
  EXPECT_TRUE(run(program, character, read, 10, 229));
  EXPECT_FALSE(run(program, character, write, 10, 229));
  EXPECT_FALSE(run(program, block, read, 10, 229)) << "type";
}

TEST(DeviceProgram, AccessMayComeFromTwoRules) {
  const auto program = compile({{true, "c", 10, 1, "r"}, {true, "c", 10, {}, "w"}});
  EXPECT_TRUE(run(program, character, read | write, 10, 1));
  EXPECT_FALSE(run(program, character, read | write, 10, 2));
}

TEST(DeviceProgram, WildcardDenyOpensNothing) {
  const auto program = compile(effective_rules({{true, "b", 8, {}, "rwm"}, {false, "a", {}, {}, "rwm"}}));
  EXPECT_FALSE(run(program, block, read, 8, 0));
}

TEST(DeviceProgram, AllowAllNeedsNoProgram) {
  EXPECT_TRUE(allows_everything({{false, "a", {}, {}, "rwm"}, {true, "", {}, {}, ""}}));
  EXPECT_FALSE(allows_everything({{true, "a", {}, {}, "rw"}}));
  EXPECT_FALSE(asks_for_devices({{false, "a", {}, {}, "rwm"}}));
  EXPECT_TRUE(asks_for_devices({{true, "c", 10, 229, "rwm"}}));
}

TEST(DeviceProgram, BadRulesNameTheirPlace) {
  using testing::HasSubstr;
  EXPECT_ERROR(compile_device_program({{true, "x", {}, {}, "r"}}), ErrorKind::invalid,
               HasSubstr("devices[0].type"));
  EXPECT_ERROR(compile_device_program({{true, "c", {}, {}, "rx"}}), ErrorKind::invalid,
               HasSubstr("devices[0].access"));
  EXPECT_ERROR(compile_device_program({{true, "c", int64_t{1} << 40, {}, "r"}}), ErrorKind::invalid,
               HasSubstr("devices[0].major"));
}

}  // namespace
}  // namespace gantry::cgroups
