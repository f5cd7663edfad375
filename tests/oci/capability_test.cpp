#include "oci/capability.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

namespace gantry::oci {
namespace {

TEST(Capability, NumbersAreTheKernels) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), CAP_CHOWN);
  EXPECT_EQ(capability_number("CAP_NET_BIND_SERVICE"), CAP_NET_BIND_SERVICE);
  EXPECT_EQ(capability_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
  EXPECT_EQ(capability_number("CAP_AUDIT_READ"), CAP_AUDIT_READ);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
  EXPECT_EQ(capability_names.size(), static_cast<size_t>(CAP_LAST_CAP) + 1);
  for (const char* name : {"", "CHOWN", "cap_chown", "CAP_CHOW"})
    EXPECT_FALSE(capability_number(name)) << name;
}

}  // namespace
}  // namespace gantry::oci
