#include "runtime/capabilities.h"

#include "base/format.h"
#include "oci/capability.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

constexpr int count = static_cast<int>(oci::capability_names.size());

uint64_t plan_set(const char* set, const std::vector<std::string>& wanted, uint64_t possible,
                  std::vector<std::string>& warnings) {
  uint64_t mask = 0;
  for (const auto& name : wanted) {
    const auto number = oci::capability_number(name);
    if (!number) {
      warnings.push_back(format("unknown capability {} in the {} set is left out", name, set));
    } else if ((possible & oci::capability_bit(*number)) == 0) {
      warnings.push_back(
          format("capability {} in the {} set can't be granted here and is left out", name, set));
    } else {
      mask |= oci::capability_bit(*number);
    }
  }
  return mask;
}

}  // namespace

std::vector<std::string> kernel_capabilities() {
  std::vector<std::string> known;
  for (int number = 0; number < count; ++number) {
    if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0)
      known.emplace_back(oci::capability_names[static_cast<size_t>(number)]);
  }
  return known;
}

CapabilitySets plan_capabilities(const std::optional<oci::Capabilities>& config, const OwnStatus& own,
                                 std::vector<std::string>& warnings) {
  CapabilitySets sets;
  if (!config) return sets;
  sets.given = true;
  sets.bounding = plan_set("bounding", config->bounding, own.bounding, warnings);
  sets.permitted = plan_set("permitted", config->permitted, own.permitted & own.bounding, warnings);
  sets.effective = plan_set("effective", config->effective, sets.permitted, warnings);
  sets.inheritable = plan_set("inheritable", config->inheritable, own.permitted & own.bounding, warnings);
  sets.ambient = plan_set("ambient", config->ambient, sets.permitted & sets.inheritable, warnings);
  return sets;
}

Failure drop_bounding(const CapabilitySets& sets) {
  if (!sets.given) return {};
  for (int number = 0; number < 64; ++number) {
    if ((sets.bounding & oci::capability_bit(number)) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // past the kernel's last one
    return {"drop a capability from the bounding set", errno};
  }
  return {};
}

Failure set_capabilities(const CapabilitySets& sets, uint64_t kept) {
  if (!sets.given) return {};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  const uint64_t permitted = sets.permitted | kept;
  const uint64_t effective = sets.effective | kept;
  for (int half = 0; half < 2; ++half) {
    data[half].permitted = static_cast<uint32_t>(permitted >> (32 * half));
    data[half].effective = static_cast<uint32_t>(effective >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return {"set capabilities", errno};
  return {};
}

Failure raise_ambient(const CapabilitySets& sets) {
  if (!sets.given) return {};
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) {
    return {"clear the ambient capabilities", errno};
  }
  for (int number = 0; number < count; ++number) {
    if ((sets.ambient & oci::capability_bit(number)) == 0) continue;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
      return {"raise an ambient capability", errno};
    }
  }
  return {};
}

}  // namespace gantry::runtime
