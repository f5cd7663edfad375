#include "cgroups/host.h"
#include "cgroups/statistics.h"
#include "cgroups/systemd_properties.h"
#include "runtime/rtnetlink.h"
#include "tests/fuzz/fuzz.h"

#include <cstring>

// Files of cgroupfs and procfs, and rtnetlink's answers: each input is tried as all of them. Who fakes these
// is root already, but a kernel's next version may write what none did.

namespace {

using namespace gantry;

void read_attributes(std::string_view text) {
  std::vector<nlmsghdr> message(1 + text.size() / sizeof(nlmsghdr) + 1);
  message[0].nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(text.size()));
  if (!text.empty()) std::memcpy(NLMSG_DATA(message.data()), text.data(), text.size());
  const runtime::NetlinkMessage read(message[0]);
  for (const size_t fixed : {size_t{0}, sizeof(ifinfomsg), sizeof(ifaddrmsg)}) {
    size_t bytes = 0;
    for (const auto& attribute : read.attributes(fixed)) {
      bytes += attribute.data.size();
      if (!attribute.data.empty() && read.attribute(fixed, attribute.type).data() == nullptr) {
        fuzz::fail("an attribute is found and not found");
      }
    }
    if (bytes > text.size()) fuzz::fail("more attributes than there was room for");
  }
}

}  // namespace

FUZZ_TARGET(text) {
  (void)cgroups::parse_flat_keyed(text);
  (void)cgroups::parse_io_stat(text);
  (void)cgroups::parse_pressure(text);
  (void)cgroups::parse_mountinfo(text);
  (void)cgroups::parse_cgroup_membership(text);
  (void)cgroups::parse_systemd_version(text);
  const oci::DeviceRule all_of_a_major{.allow = true, .type = "c", .major = 5, .minor = {}, .access = "rw"};
  (void)cgroups::device_properties({all_of_a_major}, std::string(text));
  read_attributes(text);
}
