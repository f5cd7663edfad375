#include "netns/lease.h"

#include "base/files.h"
#include "netns/network.h"
#include "tests/support/results.h"

namespace gantry::netns {
namespace {

using testing::HasSubstr;

TEST(Ipv4Text, RoundTripsAndRefusesWhatIsNot) {
  EXPECT_EQ(Ipv4::parse("192.0.2.255")->string(), "192.0.2.255");
  for (const auto* text :
       {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "1.2.3.04", "a.b.c.d", "1.2.3.-4", " 1.2.3.4"}) {
    EXPECT_ERROR(Ipv4::parse(text), ErrorKind::invalid, HasSubstr("not an IPv4 address"));
  }
}

TEST(LeaseStore, KeepsLeasesAndNamesTheBrokenFile) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  const LeaseStore store(folder->path());
  ASSERT_OK(store.put({"web", "shop", {0x0A580002}, {{"", 80, 8080, Protocol::udp}}}));
  const auto leases = store.load();
  ASSERT_OK(leases);
  ASSERT_EQ(leases->size(), 1u);
  EXPECT_EQ(leases->at(0).name, "shop");
  EXPECT_EQ(leases->at(0).address.string(), "10.88.0.2");
  EXPECT_EQ(leases->at(0).ports.at(0).string(), "0.0.0.0:80->8080/udp");
  ASSERT_OK(
      write_file(join_path(folder->path(), "leases/bad.json"), R"({"containerId":"bad","address":"x"})"));
  EXPECT_ERROR(store.load(), ErrorKind::invalid, HasSubstr("bad.json: $.address"));
}

TEST(ContainerIds, CannotLeaveTheirFolder) {
  EXPECT_OK(check_container_id("0a1b-web_1.x"));
  for (const auto* id : {"", "../x", "a/b", ".hidden", "a b", "a\n"}) {
    EXPECT_ERROR(check_container_id(id), ErrorKind::invalid, HasSubstr("container id"));
  }
}

TEST(Ports, CollideWhenTheyTakeTheSamePackets) {
  const PortMapping any{"", 80, 1, Protocol::tcp};
  EXPECT_TRUE(collide(any, {"127.0.0.1", 80, 2, Protocol::tcp}));
  EXPECT_TRUE(collide({"0.0.0.0", 80, 1, Protocol::tcp}, any));
  EXPECT_FALSE(collide({"127.0.0.1", 80, 2, Protocol::tcp}, {"127.0.0.2", 80, 2, Protocol::tcp}));
  EXPECT_FALSE(collide(any, {"", 80, 1, Protocol::udp}));
  EXPECT_FALSE(collide(any, {"", 81, 1, Protocol::tcp}));
}

TEST(NetworkModes, AreReadAndWritten) {
  for (const auto* text : {"bridge", "host", "none", "container:web"}) {
    const auto mode = NetworkMode::parse(text);
    ASSERT_OK(mode);
    EXPECT_EQ(mode->string(), text);
  }
  EXPECT_FALSE(NetworkMode::parse("host")->makes_namespace());
  EXPECT_ERROR(NetworkMode::parse("macvlan"), ErrorKind::unsupported, HasSubstr("\"macvlan\""));
  EXPECT_ERROR(NetworkMode::parse("container:"), ErrorKind::unsupported, HasSubstr("container:"));
}

}  // namespace
}  // namespace gantry::netns
