#include "netns/network.h"
#include "netns/port.h"
#include "tests/netns/network_world.h"

#include <set>
#include <sys/socket.h>

namespace gantry::netns {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using PublishedPort = NetworkWorld;

TEST_F(PublishedPort, ReachesTheContainerFromHostLoopbackAndItself) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  ASSERT_OK(start(*network, "client"));
  const auto web = namespace_path(run_root(), "web");
  const auto server = serve_in(web, SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "10.88.0.1", 8080, server), "to 10.88.0.1") << "the host's own address";
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8080, server), "to 10.88.0.1") << "loopback";
  EXPECT_EQ(ask_tcp(web, "10.88.0.1", 8080, server), "to 10.88.0.1") << "hairpin";
  EXPECT_EQ(ask_tcp(namespace_path(run_root(), "client"), "10.88.0.1", 8080, server), "to 10.88.0.1");
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8081, server), "") << "not published";
}

TEST_F(PublishedPort, AtOneAddressIsOnlyThere) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"127.0.0.1", 8080, 80, Protocol::tcp}}));
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8080, server), "to 10.88.0.1");
  EXPECT_EQ(ask_tcp("", "10.88.0.1", 8080, server), "");
}

TEST_F(PublishedPort, UdpMovesOnToTheNextContainer) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "one", {{"", 5353, 53, Protocol::udp}}));
  const auto client = socket_in("", SOCK_DGRAM);  // one flow, so conntrack would go on with the old target
  const auto first = serve_in(namespace_path(run_root(), "one"), SOCK_DGRAM, 53);
  EXPECT_EQ(ask_udp(client, "127.0.0.1", 5353, first), "to 10.88.0.1");
  ASSERT_OK(start(*network, "keeps-the-next-address"));
  ASSERT_OK(network->detach("one"));
  ASSERT_OK(network->attach({"two", "two", *create_namespace(run_root(), "two"), {}}));
  ASSERT_OK(start(*network, "three", {{"", 5353, 53, Protocol::udp}}));
  const auto second = serve_in(namespace_path(run_root(), "three"), SOCK_DGRAM, 53);
  EXPECT_EQ(ask_udp(client, "127.0.0.1", 5353, second), "to 10.88.0.1");
}

TEST_F(PublishedPort, TakenByOneOfOursNamesIt) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  EXPECT_ERROR(start(*network, "two", {{"127.0.0.1", 8080, 80, Protocol::tcp}}), ErrorKind::conflict,
               HasSubstr("port 8080/tcp is already published by container name-of-web"));
  EXPECT_OK(start(*network, "udp", {{"", 8080, 80, Protocol::udp}}));
}

TEST_F(PublishedPort, TakenByAProgramOfTheHostIsAnError) {
  const auto squatter = serve_in("", SOCK_STREAM, 8080);
  auto network = Network::open(options());
  ASSERT_OK(network);
  EXPECT_ERROR(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}), ErrorKind::conflict,
               HasSubstr("port 8080/tcp on 0.0.0.0 is in use by another program"));
}

TEST_F(PublishedPort, DynamicOnesAreDistinctAndPassOverTakenOnes) {
  const auto squatter = serve_in("", SOCK_STREAM, 40001);
  auto small = options();
  small.dynamic_ports = {40000, 40003};
  auto network = Network::open(small);
  ASSERT_OK(network);
  std::set<uint16_t> ports;
  for (const auto* id : {"a", "b", "c"}) {
    const auto attached = start(*network, id, {{"", 0, 80, Protocol::tcp}});
    ASSERT_OK(attached);
    ports.insert(attached->ports.at(0).host_port);
  }
  EXPECT_EQ(ports, (std::set<uint16_t>{40000, 40002, 40003}));
  EXPECT_ERROR(start(*network, "d", {{"", 0, 80, Protocol::tcp}}), ErrorKind::conflict,
               HasSubstr("no dynamic tcp port is left in 40000-40003"));
}

TEST_F(PublishedPort, BadMappingsAreRefusedByName) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  EXPECT_ERROR(start(*network, "web", {{"", 8080, 0, Protocol::tcp}}), ErrorKind::invalid,
               HasSubstr("container port"));
  EXPECT_ERROR(start(*network, "web", {{"::1", 8080, 80, Protocol::tcp}}), ErrorKind::unsupported,
               HasSubstr("IPv6"));
  EXPECT_ERROR(start(*network, "web", {{"192.0.2.9", 8080, 80, Protocol::tcp}}), ErrorKind::invalid,
               HasSubstr("192.0.2.9 is not an address of this host"));
  EXPECT_ERROR(start(*network, "web", {{"", 80, 80, Protocol::tcp}, {"", 80, 81, Protocol::tcp}}),
               ErrorKind::invalid, HasSubstr("published twice"));
}

}  // namespace
}  // namespace gantry::netns
