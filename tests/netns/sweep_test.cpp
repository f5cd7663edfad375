#include "netns/firewall.h"
#include "netns/lease.h"
#include "netns/link.h"
#include "tests/netns/network_world.h"

#include <csignal>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::netns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Sweep = NetworkWorld;

bool only_web(const std::string& id) {
  return id == "web";
}

TEST_F(Sweep, TakesBackWhatNoLiveContainerOwnsAndKeepsTheRest) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  ASSERT_OK(start(*network, "dead", {{"", 8081, 80, Protocol::tcp}}));
  const auto report = network->sweep(only_web);
  ASSERT_OK(report);
  EXPECT_THAT(report->leases, ElementsAre("dead"));
  EXPECT_THAT(ruleset(), HasSubstr("8080"));
  EXPECT_THAT(ruleset(), Not(HasSubstr("8081")));
  EXPECT_THAT(*sweep_namespaces(run_root(), only_web), ElementsAre("dead"));
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8080, server), "to 10.88.0.1");
}

TEST_F(Sweep, RepairsAFlushedRuleset) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web", {{"", 8080, 80, Protocol::tcp}}));
  nft("flush ruleset");
  ASSERT_OK(network->sweep(only_web));
  const auto server = serve_in(namespace_path(run_root(), "web"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8080, server), "to 10.88.0.1");
  nft("flush ruleset");
  ASSERT_OK(start(*network, "next"));
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 8080, server), "to 10.88.0.1") << "attaching the next repairs it too";
}

TEST_F(Sweep, RemovesAPairWithoutLeaseAndALeaseThatCannotBeRead) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  ASSERT_OK(start(*network, "web"));
  ASSERT_OK(start(*network, "lost"));
  ASSERT_OK(remove_file(join_path(state(), "leases/lost.json")));
  ASSERT_OK(write_file(join_path(state(), "leases/torn.json"), ""));
  const auto report = network->sweep([](const auto&) { return true; });
  ASSERT_OK(report);
  EXPECT_EQ(report->interfaces.size(), 1u);
  EXPECT_THAT(report->leases, ElementsAre("torn"));
}

// A process is killed with -9 after each number of system calls that change something: whatever is left, the
// sweep brings back to nothing. Its own work is attach and detach in a loop.
TEST_F(Sweep, RepairsWhatKillNineLeavesAtAnyMoment) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  const auto first = start(*network, "warm-up", {{"", 9000, 80, Protocol::tcp}});
  ASSERT_OK(first);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (;;) {
        if (!start(*network, "victim", {{"", 8080, 80, Protocol::tcp}, {"", 0, 81, Protocol::udp}}))
          ::_exit(1);
        if (!network->detach("victim")) ::_exit(1);
        if (!remove_namespace(run_root(), "victim")) ::_exit(1);
      }
    }
    ::usleep(static_cast<useconds_t>(500 + 733 * round));  // not a wait: the moment of the kill
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself in round " << round;
    const auto alive = [](const std::string& id) { return id == "warm-up"; };
    ASSERT_OK(network->sweep(alive));
    ASSERT_OK(sweep_namespaces(run_root(), alive));
    ASSERT_THAT(ruleset(), Not(HasSubstr("8080"))) << round;
    ASSERT_THAT(*list_directory(join_path(state(), "leases")), ElementsAre("warm-up.json")) << round;
    ASSERT_THAT(*list_directory(join_path(run_root(), "netns")), ElementsAre("warm-up")) << round;
  }
  const auto server = serve_in(namespace_path(run_root(), "warm-up"), SOCK_STREAM, 80);
  EXPECT_EQ(ask_tcp("", "127.0.0.1", 9000, server), "to 10.88.0.1") << "the neighbour was never touched";
  ASSERT_OK(start(*network, "victim", {{"", 8080, 80, Protocol::tcp}}));
}

TEST_F(Sweep, AnUnusedHostStaysUntouched) {
  auto network = Network::open(options());
  ASSERT_OK(network);
  const auto report = network->sweep([](const auto&) { return false; });
  ASSERT_OK(report);
  EXPECT_THAT(report->leases, IsEmpty());
  EXPECT_EQ(links(), "lo ");
  EXPECT_EQ(ruleset(), "");
}

}  // namespace
}  // namespace gantry::netns
