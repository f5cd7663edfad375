#pragma once

#include "base/files.h"
#include "netns/namespace.h"
#include "netns/network.h"
#include "tests/support/results.h"

#include <string>

namespace gantry::netns {

// A world of its own for each test: fresh network and mount namespaces of this process, a state directory and
// a run root in a temporary folder. Needs root; nothing of the machine's network is seen or touched.
class NetworkWorld : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  NetworkOptions options() const;
  std::string state() const { return join_path(folder_->path(), "state"); }
  std::string run_root() const { return join_path(folder_->path(), "run"); }

  // A namespace for the container, attached to `network`.
  Result<Attachment> start(Network& network, const std::string& id, std::vector<PortMapping> ports = {});

  std::optional<TemporaryDirectory> folder_;
};

// A socket made inside the namespace at `path`, or here when it is empty, with a receive limit of 3 seconds.
UniqueFd socket_in(const std::string& path, int type);
// A server: bound to the port on every address; listening when it is TCP.
UniqueFd serve_in(const std::string& path, int type, uint16_t port);
// Sends "hello" from the namespace to the address, has `server` answer "to PEER", and returns that, or ""
// when nothing came through. PEER is the address from which the server saw the call come.
std::string ask_tcp(const std::string& from, const std::string& address, uint16_t port,
                    const UniqueFd& server);
std::string ask_udp(const UniqueFd& client, const std::string& address, uint16_t port,
                    const UniqueFd& server);

std::string links();    // names of interfaces here, with spaces between
std::string ruleset();  // nft list ruleset
void nft(const std::string& commands);

}  // namespace gantry::netns
