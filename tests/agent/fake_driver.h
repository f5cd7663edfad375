#pragma once

#include "agent/container_driver.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace gantry::agent {

// A host without a kernel: containers are entries in a map, which outlive a TaskManager as real ones outlive
// an agent. Each call is written down in `calls`: "pull web:v1", "start NAME".
class FakeDriver final : public ContainerDriver {
 public:
  struct Container {
    engine::ContainerSpec spec;
    Observed observed;
  };

  HostCapabilities capabilities() override;
  Result<PulledImage> pull(const std::string& image, const RegistryLogin& login,
                           PullBehavior behavior) override;
  Result<void> remove_image(const std::string& id, const std::vector<std::string>& names) override;
  Result<void> make_group(const TaskGroup& group) override;
  Result<void> remove_group(const std::string& path) override;
  Result<std::string> create(const engine::ContainerSpec& spec) override;
  Result<void> start(const std::string& id) override;
  Result<void> stop(const std::string& id, std::chrono::seconds timeout) override;
  Result<void> remove(const std::string& id) override;
  Result<Observed> inspect(const std::string& id) override;
  void wait_for_change(const std::string& id, const Observed& seen, std::chrono::milliseconds limit) override;
  Result<engine::ContainerStats> stats(const std::string& id) override;

  // What a test does to the host. The container is the one whose name contains `part`.
  void exit(const std::string& part, int code, bool oom_killed = false);
  void set_health(const std::string& part, engine::HealthState health);
  void vanish(const std::string& part);
  void fail(const std::string& call, Error error);  // "pull web:v1": until mend()
  void mend();
  void hold(const std::string& call);  // "pull web:v1" doesn't return until release()
  void release();

  bool runs(const std::string& part) const;
  bool exists(const std::string& part) const;
  engine::ContainerSpec spec(const std::string& part) const;
  std::vector<std::string> calls() const;
  int count(const std::string& call_part) const;
  std::map<std::string, TaskGroup> groups() const;
  void push(const std::string& image, const std::string& content);  // what a pull finds from now on
  void add_image(const std::string& image);                         // not by the agent
  bool has_image(const std::string& image) const;

 private:
  Result<void> note(const std::string& call);
  std::string id_of(const std::string& part) const;  // mutex_ is held

  mutable std::mutex mutex_;
  std::condition_variable change_;
  std::map<std::string, Container> containers_;  // by id
  std::map<std::string, TaskGroup> groups_;
  std::map<std::string, std::string> pushed_;  // contents by image; else the image's own name
  std::set<std::string> images_;               // ids on the host
  std::map<std::string, Error> failures_;
  std::set<std::string> held_;
  std::vector<std::string> calls_;
  uint16_t next_port_ = 32768;
  int next_id_ = 1;
};

}  // namespace gantry::agent
