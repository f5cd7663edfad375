#include "tests/netns/network_world.h"

#include "netns/link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::netns {

void NetworkWorld::SetUp() {
  ASSERT_EQ(::geteuid(), 0u) << "these tests make namespaces: run them as root";
  ASSERT_EQ(::unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  auto netlink = Netlink::open();
  ASSERT_OK(netlink);
  ASSERT_OK(netlink->set_up("lo"));
  auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  folder_ = std::move(*folder);
}

void NetworkWorld::TearDown() {
  if (!folder_) return;
  EXPECT_OK(sweep_namespaces(run_root(), [](const std::string&) { return false; }));
  ::umount2(join_path(run_root(), "netns").c_str(), MNT_DETACH);
  folder_.reset();
}

NetworkOptions NetworkWorld::options() const {
  NetworkOptions options;
  options.state_directory = state();
  return options;
}

Result<Attachment> NetworkWorld::start(Network& network, const std::string& id,
                                       std::vector<PortMapping> ports) {
  const auto path = TRY(create_namespace(run_root(), id));
  return network.attach({id, "name-of-" + id, path, std::move(ports)});
}

UniqueFd socket_in(const std::string& path, int type) {
  UniqueFd made;
  const auto make = [&]() -> Result<void> {
    made = UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const timeval limit{3, 0};
    ::setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return {};
  };
  if (path.empty()) {
    EXPECT_OK(make());
    return made;
  }
  const auto ns = open_file(path, O_RDONLY);
  EXPECT_OK(ns);
  if (ns) {
    EXPECT_OK(run_in_namespace(*ns, make));
  }
  return made;
}

namespace {

sockaddr_in address_of(const std::string& address, uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &made.sin_addr), 1) << address;
  return made;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool readable(const UniqueFd& fd, int milliseconds) {
  pollfd wanted{fd.get(), POLLIN, 0};
  return ::poll(&wanted, 1, milliseconds) == 1;
}

std::string answer_for(const sockaddr_in& peer) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text));
  return format("to {}", text);
}

std::string receive(const UniqueFd& fd) {
  char buffer[100];
  const ssize_t got = readable(fd, 3000) ? ::recv(fd.get(), buffer, sizeof(buffer), 0) : 0;
  return got > 0 ? std::string(buffer, static_cast<size_t>(got)) : std::string();
}

}  // namespace

UniqueFd serve_in(const std::string& path, int type, uint16_t port) {
  auto server = socket_in(path, type);
  const int on = 1;
  ::setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const auto address = address_of("0.0.0.0", port);
  EXPECT_EQ(::bind(server.get(), generic(address), sizeof(address)), 0);
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(server.get(), 8), 0);
  }
  return server;
}

std::string ask_tcp(const std::string& from, const std::string& address, uint16_t port,
                    const UniqueFd& server) {
  const auto client = socket_in(from, SOCK_STREAM);
  ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
  const auto to = address_of(address, port);
  ::connect(client.get(), generic(to), sizeof(to));
  if (!readable(server, 1000)) return {};
  sockaddr_in peer{};
  socklen_t length = sizeof(peer);
  const UniqueFd accepted(::accept4(server.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
  const auto answer = answer_for(peer);
  EXPECT_EQ(::send(accepted.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(answer.size()));
  return receive(client);
}

std::string ask_udp(const UniqueFd& client, const std::string& address, uint16_t port,
                    const UniqueFd& server) {
  const auto to = address_of(address, port);
  // Again, since a datagram may be lost, on a busy machine while neighbours are looked up.
  bool arrived = false;
  for (int attempt = 0; attempt < 10 && !arrived; ++attempt) {
    ::sendto(client.get(), "hello", 5, 0, generic(to), sizeof(to));
    arrived = readable(server, 1000);
  }
  if (!arrived) return {};
  char buffer[100];
  sockaddr_in peer{};
  socklen_t length = sizeof(peer);
  EXPECT_EQ(::recvfrom(server.get(), buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&peer), &length),
            5);
  const auto answer = answer_for(peer);
  ::sendto(server.get(), answer.data(), answer.size(), 0, generic(peer), sizeof(peer));
  return receive(client);
}

std::string links() {
  auto netlink = Netlink::open();
  EXPECT_OK(netlink);
  const auto found = netlink->links();
  EXPECT_OK(found);
  std::string names;
  for (const auto& link : *found) names += link.name + " ";
  return names;
}

namespace {

std::string run_nft(const std::string& commands) {
  nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
  nft_ctx_buffer_output(context);
  nft_ctx_buffer_error(context);
  EXPECT_EQ(nft_run_cmd_from_buffer(context, commands.c_str()), 0) << nft_ctx_get_error_buffer(context);
  std::string output = nft_ctx_get_output_buffer(context);
  nft_ctx_free(context);
  return output;
}

}  // namespace

std::string ruleset() {
  return run_nft("list ruleset");
}

void nft(const std::string& commands) {
  run_nft(commands);
}

}  // namespace gantry::netns
