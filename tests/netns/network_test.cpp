#include "netns/network.h"

#include "base/text.h"
#include "netns/link.h"
#include "tests/netns/network_world.h"

#include <fcntl.h>
#include <sys/socket.h>

namespace gantry::netns {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using BridgeNetwork = NetworkWorld;

TEST_F(BridgeNetwork, ContainersReachEachOtherAndTheHostReachesThem) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  const auto web = start(*network, "web");
  ASSERT_OK(web);
  const auto client = start(*network, "client");
  ASSERT_OK(client);
  EXPECT_EQ(web->address.string(), "10.88.0.2");
  EXPECT_EQ(web->gateway.string(), "10.88.0.1");
  EXPECT_EQ(web->prefix, 16);
  EXPECT_EQ(web->mac, "02:67:0a:58:00:02");
  EXPECT_EQ(client->address.string(), "10.88.0.3");
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp(namespace_path(run_root(), "client"), "10.88.0.2", 80, server), "to 10.88.0.3");
  EXPECT_EQ(ask_tcp("", "10.88.0.2", 80, server), "to 10.88.0.1");
}

TEST_F(BridgeNetwork, LoopbackIsUpInAFreshNamespace) {
  const auto path = create_namespace(run_root(), "alone");
  ASSERT_OK(path);
  const auto server = serve_in(*path, SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp(*path, "127.0.0.1", 80, server), "to 127.0.0.1");
}

TEST_F(BridgeNetwork, MasqueradesWhatLeavesTheBridge) {
  // An outside world: another namespace on a pair of its own, which has no route to the containers' subnet.
  const auto outside = create_namespace(run_root(), "outside");
  ASSERT_OK(outside);
  const auto fd = open_file(*outside, O_RDONLY);
  ASSERT_OK(fd);
  auto here = Netlink::open();
  ASSERT_OK(here);
  ASSERT_OK(here->create_bridge("uplink", "02:00:00:00:00:01", 1500, ""));
  ASSERT_OK(here->create_veth({"up0", "uplink", "eth0", "02:00:00:00:00:02", 1500}, *fd));
  ASSERT_OK(here->add_address("uplink", {0xC0000201}, 24));  // 192.0.2.1
  ASSERT_OK(here->set_up("uplink"));
  ASSERT_OK(here->set_up("up0"));
  auto there = Netlink::open_in(*fd);
  ASSERT_OK(there);
  ASSERT_OK(there->add_address("eth0", {0xC0000202}, 24));
  ASSERT_OK(there->set_up("eth0"));

  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  const auto away = serve_in(*outside, SOCK_STREAM, 7000);
  EXPECT_EQ(ask_tcp(namespace_path(run_root(), "web"), "192.0.2.2", 7000, away), "to 192.0.2.1");

  // From outside: the published port answers, the container's own address doesn't even with a route to it.
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp(*outside, "192.0.2.1", 8080, server), "to 192.0.2.2");
  ASSERT_OK(there->add_default_route("eth0", {0xC0000201}));
  EXPECT_EQ(ask_tcp(*outside, "10.88.0.2", 80, server), "");
}

TEST_F(BridgeNetwork, AttachingAgainKeepsAddressAndDynamicPort) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  const auto first = start(*network, "web", {{"", 0, 80, Protocol::tcp}});
  ASSERT_OK(first);
  ASSERT_OK(start(*network, "other"));
  const auto again = start(*network, "web", {{"", 0, 80, Protocol::tcp}});
  ASSERT_OK(again);
  EXPECT_EQ(again->address, first->address);
  EXPECT_EQ(again->ports.at(0).host_port, first->ports.at(0).host_port);
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "127.0.0.1", again->ports.at(0).host_port, server), "to 10.88.0.1");
  const auto seen = network->inspect("web");
  ASSERT_OK(seen);
  EXPECT_EQ(seen->ports.at(0).host_port, first->ports.at(0).host_port);
}

TEST_F(BridgeNetwork, DetachGivesBackAddressPortsAndPair) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  EXPECT_THAT(links(), HasSubstr("gv"));
  EXPECT_THAT(ruleset(), HasSubstr("8080"));
  ASSERT_OK(network->detach("web"));
  EXPECT_THAT(links(), Not(HasSubstr("gv")));
  EXPECT_THAT(ruleset(), Not(HasSubstr("8080")));
  EXPECT_ERROR(network->inspect("web"), ErrorKind::not_found, HasSubstr("web"));
  ASSERT_OK(network->detach("web"));
  const auto next = start(*network, "next", {{"", 8080, 80, Protocol::tcp}});
  ASSERT_OK(next);
  EXPECT_EQ(next->address.string(), "10.88.0.2");
  ASSERT_OK(network->detach("next"));
  ASSERT_OK(network->remove());
  EXPECT_EQ(links(), "lo ");
  EXPECT_EQ(ruleset(), "");
}

TEST_F(BridgeNetwork, SubnetThatIsFullIsAnError) {
  auto chosen = options();
  chosen.subnet = "10.77.0.0/29";
  auto network = Network::open(chosen);
  ASSERT_OK(network);
  for (int i = 0; i < 5; ++i) ASSERT_OK(start(*network, format("c{}", i)));
  EXPECT_ERROR(start(*network, "late"), ErrorKind::conflict,
               HasSubstr("no address is left in subnet 10.77.0.0/29"));
  ASSERT_OK(network->detach("c3"));
  const auto late = start(*network, "late");
  ASSERT_OK(late);
  EXPECT_EQ(late->address.string(), "10.77.0.5");
}

TEST_F(BridgeNetwork, ChoosesASubnetThatNoRouteOverlaps) {
  auto netlink = Netlink::open();
  ASSERT_OK(netlink);
  ASSERT_OK(netlink->create_bridge("office", "02:00:00:00:00:01", 1500, ""));
  ASSERT_OK(netlink->add_address("office", {0x0A580901}, 24));  // 10.88.9.1
  ASSERT_OK(netlink->set_up("office"));
  auto network = Network::open(options());
  ASSERT_OK(network);
  const auto web = start(*network, "web");
  ASSERT_OK(web);
  EXPECT_EQ(web->address.string(), "10.89.0.2");

  auto wrong = options();
  wrong.state_directory += "2";
  wrong.bridge = "gantry1";
  wrong.subnet = "10.88.0.0/16";
  auto refused = Network::open(wrong);
  ASSERT_OK(refused);
  EXPECT_ERROR(start(*refused, "web"), ErrorKind::conflict,
               AllOf(HasSubstr("10.88.0.0/16"), HasSubstr("10.88.9.0/24"), HasSubstr("office")));
}

TEST_F(BridgeNetwork, BridgeOfAnotherStateDirectoryIsRefused) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web"));
  auto other = options();
  other.state_directory += "-of-another";
  auto second = Network::open(other);
  ASSERT_OK(second);
  EXPECT_ERROR(start(*second, "x"), ErrorKind::conflict, HasSubstr("belongs to " + state()));
  EXPECT_ERROR(second->sweep([](const auto&) { return false; }), ErrorKind::conflict, HasSubstr(state()));
}

TEST_F(BridgeNetwork, FailedAttachLeavesNothing) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  EXPECT_ERROR(network->attach({"web", "web", join_path(run_root(), "nothing"), {{"", 8080, 80, {}}}}),
               ErrorKind::not_found, HasSubstr("attach container web: network namespace"));
  EXPECT_THAT(links(), Not(HasSubstr("gv")));
  EXPECT_THAT(ruleset(), Not(HasSubstr("8080")));
  EXPECT_THAT(*list_directory(join_path(state(), "leases")), IsEmpty());
}

TEST_F(BridgeNetwork, WarnsOfAForwardChainThatDrops) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web"));
  EXPECT_THAT(*network->warnings(), IsEmpty());
  nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }\n}");
  EXPECT_THAT(*network->warnings(), ElementsAre(HasSubstr("ip filter FORWARD")));
}

struct BadOption {
  const char* name;
  std::function<void(NetworkOptions&)> change;
  const char* message;
};
class NetworkRefuses : public testing::TestWithParam<BadOption> {};

TEST_P(NetworkRefuses, NamingTheOption) {
  NetworkOptions options;
  options.state_directory = "/nowhere";
  GetParam().change(options);
  EXPECT_ERROR(Network::open(options), ErrorKind::invalid, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    , NetworkRefuses,
    testing::Values(
        BadOption{"subnet", [](auto& o) { o.subnet = "10.88.0.0"; }, "10.88.0.0"},
        BadOption{"hostbits", [](auto& o) { o.subnet = "10.88.1.0/16"; }, "did you mean 10.88.0.0/16"},
        BadOption{"small", [](auto& o) { o.subnet = "10.88.0.0/30"; }, "prefix must be 8 to 29"},
        BadOption{"bridge", [](auto& o) { o.bridge = "much-too-long-a-name"; }, "much-too-long-a-name"},
        BadOption{"injection", [](auto& o) { o.table = "x { }"; }, "x { }"},
        BadOption{"mtu", [](auto& o) { o.mtu = 1; }, "mtu 1"},
        BadOption{"range",
                  [](auto& o) {
                    o.dynamic_ports = {9, 8};
                  },
                  "9-8"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace gantry::netns
