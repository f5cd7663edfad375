#pragma once

#include "api/agent_protocol.h"
#include "http/credentials_file.h"
#include "http/server.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace gantry::agent {

// The other end of an agent's calls: an HTTP server with signatures checked, an ACS and a TCS websocket. Can
// be stopped and started again on its port.
class FakeControl {
 public:
  struct Call {
    std::string operation;
    std::string body;
  };

  FakeControl();
  ~FakeControl();

  void start();
  void stop();
  std::string url() const;

  void send_acs(const std::string& frame);  // to the latest ACS connection
  void refuse_with(const std::string& operation, const std::string& error_name);  // until mend()
  void mend();

  std::vector<Call> calls(const std::string& operation) const;
  std::vector<std::string> acs() const;  // frames from the agent
  std::vector<std::string> tcs() const;
  bool connected() const;

  const http::Credentials credentials{"AKIDEXAMPLE", Secret("a-secret"), {}, {}};

  struct Shared;  // with the server's handlers

 private:
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
};

}  // namespace gantry::agent
