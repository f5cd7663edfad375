#pragma once

#include "base/files.h"
#include "controlplane/control_server.h"
#include "http/aws_json.h"
#include "tests/support/results.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace gantry::controlplane::test {

using Json = nlohmann::json;

// gantry-control's whole server on a free port, in a folder of its own, and a client that signs its calls.
class ControlTest : public testing::Test {
 protected:
  void SetUp() override;

  void start();    // also after stop(): on the same folder
  void restart();  // as a new process would: all from the store
  std::string url() const;

  // The answer; a failure of the test when the call fails.
  Json call(const std::string& operation, const Json& request = Json::object());
  // "NAME: message" of the error; "" when the call succeeded.
  std::string error_of(const std::string& operation, const Json& request = Json::object());
  Json put_events(const Json& request);

  // A task definition "web" of one container, with `members` over it; its ARN.
  std::string register_web(const Json& members = Json::object());
  // A container instance whose agent counts as connected; its ARN.
  std::string register_instance(int cpu = 2048, int memory = 4096);
  // What an agent would report.
  void report(const std::string& task, const std::string& status, const Json& containers = Json::array());
  // Tasks of the default cluster that are wanted.
  std::vector<std::string> running_tasks(const std::string& service = "");

  TemporaryDirectory temporary_ = *TemporaryDirectory::make();
  ControlOptions options_;
  std::unique_ptr<ControlServer> server_;
  http::Credentials credentials_;
};

}  // namespace gantry::controlplane::test
