#include "tests/runtime/container_fixture.h"
#include "tests/support/programs.h"

namespace gantry::runtime {
namespace {

using testing::HasSubstr;
using testing::Not;

// Devices are made in a network namespace that only the command of a test is in, so that nothing of the host
// changes.
constexpr const char* left = "echo left: $(ip -o link | cut -d: -f2 | cut -d@ -f1)";

class NetDevices : public Containers {
 protected:
  CommandResult run_with(const std::string& devices, const std::string& inside,
                         const std::map<std::string, oci::NetDevice>& moved) {
    configure({"sh", "-c", inside}, [&](auto& config) { config.linux_->net_devices = moved; });
    Command command;
    command.arguments = {"unshare", "-n", "sh", "-c",
                         format("set -e; {}; {}/gantry-oci --root {} run --bundle {} {}; {}", devices,
                                test::program_directory(), root(), bundle(), test_id, left)};
    command.limit = std::chrono::minutes(1);
    auto result = run_command(command);
    return result ? std::move(*result) : CommandResult{-1, "", result.error().message()};
  }
};

constexpr const char* make_device =
    "ip link add name eth7 address 02:00:00:00:00:07 mtu 1400 type veth peer name peer7; "
    "ip addr add 192.0.2.7/24 dev eth7; ip addr add 2001:db8::7/64 dev eth7 nodad; "
    "ip addr add 169.254.9.9/16 scope link dev eth7";
constexpr const char* show =
    "for f in /sys/class/net/*; do n=${f##*/}; [ $n = lo ] || echo $n $(cat $f/address $f/mtu $f/flags); "
    "done; "
    "busybox ip -o addr show scope global | grep -v ' lo '; true";

TEST_F(NetDevices, MoveWithTheirAddressesAndAreUp) {
  const auto result = run_with(make_device, show, {{"eth7", {"net0"}}});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("net0 02:00:00:00:00:07 1400 0x1003")) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("inet 192.0.2.7/24 "));
  EXPECT_THAT(result.output, HasSubstr("inet6 2001:db8::7/64 "));
  EXPECT_THAT(result.output, Not(HasSubstr("169.254.9.9")));
  EXPECT_THAT(result.output, Not(HasSubstr("eth7")));
  EXPECT_THAT(result.output, HasSubstr("left: lo"));
}

TEST_F(NetDevices, KeepTheirNameAndMoveTogether) {
  const auto result = run_with("ip link add name a type veth peer name b", show, {{"a", {}}, {"b", {}}});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("a "));
  EXPECT_THAT(result.output, HasSubstr("b "));
  EXPECT_THAT(result.output, HasSubstr("left: lo")) << result.errors;
}

TEST_F(NetDevices, TakeANameThatTheKernelMakes) {
  const auto result = run_with("ip link add name a type veth peer name b; ip addr add 192.0.2.8/32 dev a",
                               show, {{"a", {"eth%d"}}});
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("eth0 "));
  EXPECT_THAT(result.output, HasSubstr("inet 192.0.2.8/32"));
}

TEST_F(NetDevices, StayOnTheHostWhenTheNameIsTaken) {
  const auto result =
      run_with("ip link add name a type veth peer name b; trap 'echo left: $(ls /sys/class/net)' EXIT", show,
               {{"a", {"lo"}}});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.errors, HasSubstr("network device a: the container has a device lo already"));
  EXPECT_TRUE(state_folders().empty());
}

TEST_F(NetDevices, ThatAreNotThereAreAnError) {
  const auto result = run_with("true", show, {{"nosuch", {}}});
  EXPECT_NE(result.status, 0);
  EXPECT_THAT(result.errors,
              HasSubstr("network device nosuch: find it on the host: netlink: No such device"));
  EXPECT_TRUE(state_folders().empty());
}

}  // namespace
}  // namespace gantry::runtime
