#include "cgroups/device_program.h"

#include <cstring>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::cgroups {

namespace {

static_assert(sizeof(bpf_insn) == sizeof(uint64_t));

bpf_insn instruction(uint8_t code, uint8_t target, uint8_t operand, int16_t offset, int32_t immediate) {
  bpf_insn made{};
  made.code = code;
  made.dst_reg = target;
  made.src_reg = operand;
  made.off = offset;
  made.imm = immediate;
  return made;
}

// Registers: r1 the context, r2 the type, r3 the access that no rule has allowed yet, r4 major, r5 minor.
constexpr uint8_t context = BPF_REG_1, type = BPF_REG_2, access = BPF_REG_3, major_number = BPF_REG_4,
                  minor_number = BPF_REG_5, scratch = BPF_REG_6, result = BPF_REG_0;

class Program {
 public:
  void load(uint8_t target, int16_t offset) { add(BPF_LDX | BPF_MEM | BPF_W, target, context, offset, 0); }
  void copy(uint8_t target, uint8_t from) { add(BPF_ALU | BPF_MOV | BPF_X, target, from, 0, 0); }
  void keep_bits(uint8_t target, int32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, target, 0, 0, bits); }
  void shift_right(uint8_t target, int32_t by) { add(BPF_ALU | BPF_RSH | BPF_K, target, 0, 0, by); }
  void answer(bool allow) {
    add(BPF_ALU64 | BPF_MOV | BPF_K, result, 0, 0, allow ? 1 : 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  // Jumps to the end of the rule under construction.
  void leave_rule_unless_equal(uint8_t operand, uint32_t value) { jump(BPF_JNE, operand, value); }
  void leave_rule_if_equal(uint8_t operand, uint32_t value) { jump(BPF_JEQ, operand, value); }
  void end_rule() {
    for (const auto at : jumps_) code_[at].off = static_cast<int16_t>(code_.size() - at - 1);
    jumps_.clear();
  }
  std::vector<uint64_t> words() const {
    std::vector<uint64_t> words(code_.size());
    std::memcpy(words.data(), code_.data(), code_.size() * sizeof(bpf_insn));
    return words;
  }

 private:
  void add(uint8_t code, uint8_t target, uint8_t operand, int16_t offset, int32_t immediate) {
    code_.push_back(instruction(code, target, operand, offset, immediate));
  }
  void jump(uint8_t condition, uint8_t operand, uint32_t value) {
    jumps_.push_back(code_.size());
    add(BPF_JMP32 | condition | BPF_K, operand, 0, 0, static_cast<int32_t>(value));
  }

  std::vector<bpf_insn> code_;
  std::vector<size_t> jumps_;
};

int32_t access_bits(const std::string& text) {
  int32_t bits = 0;
  for (const char letter : text) {
    if (letter == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (letter == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (letter == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return text.empty() ? BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD : bits;
}

bool covers_all_devices(const oci::DeviceRule& rule) {
  const bool any_type = rule.type.empty() || rule.type == "a";
  return any_type && !rule.major && !rule.minor && access_bits(rule.access) == 7;
}

// The spec's -1 and an absent number both mean all.
bool is_given(const std::optional<int64_t>& number) {
  return number && *number != -1;
}

Result<void> check_rule(const oci::DeviceRule& rule, size_t index) {
  const auto broken = [&](std::string_view field, std::string_view expected, const auto& found) {
    return Error::invalid("linux.resources", format("$.linux.resources.devices[{}].{}", index, field),
                          "must be {}, found \"{}\"", expected, found);
  };
  if (rule.type.find_first_not_of("abc") != std::string::npos || rule.type.size() > 1) {
    return broken("type", "a, b or c", rule.type);
  }
  if (rule.access.find_first_not_of("rwm") != std::string::npos) {
    return broken("access", "made of r, w and m", rule.access);
  }
  if (is_given(rule.major) && (*rule.major < 0 || *rule.major > UINT32_MAX)) {
    return broken("major", "a device number", *rule.major);
  }
  if (is_given(rule.minor) && (*rule.minor < 0 || *rule.minor > UINT32_MAX)) {
    return broken("minor", "a device number", *rule.minor);
  }
  return {};
}

// A request is allowed when the last rule that speaks of it allows, for each of its access bits. So, from the
// last rule to the first: an allowing one takes its bits off the list, a denying one that has a bit still on
// the list decides.
void add_rule(const oci::DeviceRule& rule, Program& program) {
  if (rule.type == "b") program.leave_rule_unless_equal(type, BPF_DEVCG_DEV_BLOCK);
  if (rule.type == "c") program.leave_rule_unless_equal(type, BPF_DEVCG_DEV_CHAR);
  if (is_given(rule.major)) {
    program.leave_rule_unless_equal(major_number, static_cast<uint32_t>(*rule.major));
  }
  if (is_given(rule.minor)) {
    program.leave_rule_unless_equal(minor_number, static_cast<uint32_t>(*rule.minor));
  }
  if (rule.allow) {
    program.keep_bits(access, ~access_bits(rule.access));
    program.leave_rule_unless_equal(access, 0);
  } else {
    program.copy(scratch, access);
    program.keep_bits(scratch, access_bits(rule.access));
    program.leave_rule_if_equal(scratch, 0);
  }
  program.answer(rule.allow);
  program.end_rule();
}

long bpf(int command, bpf_attr& attributes) {
  return syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

Result<UniqueFd> load_program(const std::vector<uint64_t>& program) {
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uintptr_t>(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = reinterpret_cast<uintptr_t>("Apache-2.0");
  const long fd = bpf(BPF_PROG_LOAD, attributes);
  const int error = errno;
  if (fd < 0) return Error::system(error, "load the device program");
  return UniqueFd(static_cast<int>(fd));
}

Result<std::vector<uint32_t>> attached_programs(BorrowedFd cgroup) {
  std::vector<uint32_t> ids(64);  // the kernel's own limit for one cgroup
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<uint32_t>(cgroup.get());
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<uintptr_t>(ids.data());
  attributes.query.prog_cnt = static_cast<uint32_t>(ids.size());
  if (bpf(BPF_PROG_QUERY, attributes) < 0) return Error::system(errno, "list the cgroup's device programs");
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

Result<void> detach(BorrowedFd cgroup, uint32_t id) {
  bpf_attr by_id{};
  by_id.prog_id = id;
  const UniqueFd program(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, by_id)));
  const int error = errno;
  if (!program) return Error::system(error, "open device program {}", id);
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup.get());
  attributes.attach_bpf_fd = static_cast<uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  if (bpf(BPF_PROG_DETACH, attributes) < 0) return Error::system(errno, "detach device program {}", id);
  return {};
}

Result<void> detach_all(BorrowedFd cgroup, const std::vector<uint32_t>& ids) {
  for (const auto id : ids) TRY(detach(cgroup, id));
  return {};
}

}  // namespace

std::vector<oci::DeviceRule> effective_rules(const std::vector<oci::DeviceRule>& rules) {
  if (!rules.empty() && rules.back().allow && covers_all_devices(rules.back())) return rules;
  const auto node = [](int64_t major, std::optional<int64_t> minor) {
    return oci::DeviceRule{true, "c", major, minor, "rwm"};
  };
  std::vector<oci::DeviceRule> all = {{false, "a", std::nullopt, std::nullopt, "rwm"}};
  all.insert(all.end(), rules.begin(), rules.end());
  all.push_back({true, "c", std::nullopt, std::nullopt, "m"});
  all.push_back({true, "b", std::nullopt, std::nullopt, "m"});
  for (const int64_t minor : {3, 5, 7, 8, 9}) all.push_back(node(1, minor));
  for (const int64_t minor : {0, 2}) all.push_back(node(5, minor));
  all.push_back(node(136, std::nullopt));
  return all;
}

bool asks_for_devices(const std::vector<oci::DeviceRule>& rules) {
  for (const auto& rule : rules) {
    if (rule.allow || !covers_all_devices(rule)) return true;
  }
  return false;
}

bool allows_everything(const std::vector<oci::DeviceRule>& rules) {
  return !rules.empty() && rules.back().allow && covers_all_devices(rules.back());
}

Result<std::vector<uint64_t>> compile_device_program(const std::vector<oci::DeviceRule>& rules) {
  Program program;
  program.load(type, offsetof(bpf_cgroup_dev_ctx, access_type));
  program.copy(access, type);
  program.keep_bits(type, 0xffff);
  program.shift_right(access, 16);
  program.load(major_number, offsetof(bpf_cgroup_dev_ctx, major));
  program.load(minor_number, offsetof(bpf_cgroup_dev_ctx, minor));
  for (size_t i = 0; i < rules.size(); ++i) TRY(check_rule(rules[i], i));
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) add_rule(*rule, program);
  program.answer(false);
  return program.words();
}

Result<void> attach_device_program(BorrowedFd cgroup, const std::vector<uint64_t>& program) {
  const auto loaded = TRY(load_program(program));
  const auto before = TRY(attached_programs(cgroup));
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup.get());
  attributes.attach_bpf_fd = static_cast<uint32_t>(loaded.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attributes) < 0) return Error::system(errno, "attach the device program");
  return detach_all(cgroup, before);  // only now, so that there is never a moment without a guard
}

Result<void> detach_device_programs(BorrowedFd cgroup) {
  return detach_all(cgroup, TRY(attached_programs(cgroup)));
}

}  // namespace gantry::cgroups
