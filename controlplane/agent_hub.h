#pragma once

#include "controlplane/agent_session.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

// Private to the agent sessions: who is connected, and the clock that drives heartbeats and redelivery.

namespace gantry::controlplane {

class AcsSession;
class TcsSession;

using SteadyTime = std::chrono::steady_clock::time_point;

// When the next heartbeat is due, and how many the agent left unanswered. Not thread-safe.
class Heartbeats {
 public:
  Heartbeats(std::chrono::milliseconds interval, int most_missed)
      : interval_(interval), most_missed_(most_missed) {}

  bool due(SteadyTime now) const { return now >= next_; }
  // Notes one as sent; false: too many weren't acknowledged.
  bool sent(SteadyTime now) {
    next_ = now + interval_;
    return ++missed_ <= most_missed_;
  }
  void acknowledged() { missed_ = 0; }

 private:
  std::chrono::milliseconds interval_;
  int most_missed_;
  SteadyTime next_ = SteadyTime::min();
  int missed_ = 0;
};

class AgentHub final : public AgentServer, public Listener, public std::enable_shared_from_this<AgentHub> {
 public:
  AgentHub(Controller& controller, const http::SigV4Verifier& verifier, const AgentServerOptions& options);
  ~AgentHub() override;

  http::Upgrade upgrade(const http::Request& request) override;
  void stop() override;
  void committed(const State& state, const std::vector<AnyChange>& changes) override;

  Controller& controller() { return controller_; }
  const AgentServerOptions& options() const { return options_; }

  // A session opened: it replaces the instance's older one, which is closed.
  void attach(const std::shared_ptr<AcsSession>& session);
  // It closed. False when a newer one had replaced it.
  bool detach(const AcsSession& session);
  bool has(const std::string& instance_arn) const;
  void attach(const std::shared_ptr<TcsSession>& session);
  void detach(const std::shared_ptr<TcsSession>& session);

  void start_ticking();

 private:
  http::Upgrade open_session(const http::Request& request, const ContainerInstance& instance, bool telemetry);
  std::shared_ptr<AcsSession> session_of(const std::string& instance_arn) const;
  void tick_until_stopped();

  Controller& controller_;
  const http::SigV4Verifier& verifier_;
  const AgentServerOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;                                   // guarded by mutex_, as all below
  std::map<std::string, std::shared_ptr<AcsSession>> acs_;  // by instance ARN
  std::set<std::shared_ptr<TcsSession>> tcs_;
  std::thread ticker_;
};

}  // namespace gantry::controlplane
