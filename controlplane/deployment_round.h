#pragma once

#include "controlplane/deployment.h"

#include <array>
#include <string>
#include <vector>

// Private to the deployment rules: one round over one service. The steps are called in order by decide();
// each reads what the steps before it decided.

namespace gantry::controlplane {

enum class Condition {
  waiting,  // not RUNNING yet
  warming,  // RUNNING, its health not known or not old enough
  healthy,
  unhealthy,
};
Condition condition_of(const TaskSnapshot& task, int grace_period, const DeploymentSettings& settings,
                       api::EpochSeconds now);

class Round {
 public:
  Round(const ServiceSnapshot& service, const DeploymentSettings& settings, api::EpochSeconds now);

  const ServiceSnapshot& service() const { return service_; }
  int desired() const { return desired_; }
  int most() const;                        // floor(D × maximumPercent / 100)
  int least() const;                       // ceil(D × minimumHealthyPercent / 100)
  bool failed() const { return failed_; }  // the PRIMARY starts nothing more
  bool throttled();
  int alive_count() const { return alive_; }  // wanted and not stopped in this round
  int keeper_count() const {
    return keepers_;
  }  // of the PRIMARY: neither unhealthy nor on a draining instance

  void check_breaker();
  void start(int count);
  void start_daemons();
  void stop_old();
  void stop_draining();
  void stop_unhealthy(int starts);
  void stop_surplus();
  void stop_misplaced();
  void stop_all();
  void tell_if_stuck(int starts);
  void end_deployments();
  void decide(Decision decision) { result_.decisions.push_back(std::move(decision)); }
  ServiceDecisions finish();

 private:
  struct Entry {
    const TaskSnapshot* task;
    Condition condition;
    bool primary;
    bool alive;  // wanted, and not stopped in this round
  };

  const DeploymentSnapshot& primary() const { return service_.deployments.front(); }
  int count(Condition condition) const { return counts_[static_cast<size_t>(condition)]; }  // alive ones
  void tally(const Entry& entry, int by);
  bool replaceable(const Entry& entry) const;
  bool may_stop(const Entry& entry) const;
  void stop(Entry& entry, const std::string& reason);
  void stop_for_scaling(Entry& entry);
  std::vector<Entry*> in_stop_order(bool (Round::*wanted)(const Entry&) const);
  bool new_ones_come_up() const;
  bool is_old(const Entry& entry) const { return entry.alive && !entry.primary; }
  bool is_draining(const Entry& entry) const { return entry.alive && entry.task->draining; }
  bool is_unhealthy(const Entry& entry) const;
  bool is_keeper(const Entry& entry) const;
  bool is_alive(const Entry& entry) const { return entry.alive; }
  Entry* worst_keeper();
  bool all_up() const;
  bool host_has_task(const std::string& host, bool only_primary) const;
  void look_again(api::EpochSeconds at);
  void note_wake_ups();
  void judge_steadiness();

  const ServiceSnapshot& service_;
  const DeploymentSettings& settings_;
  api::EpochSeconds now_;
  int desired_ = 0;
  bool failed_ = false;
  std::vector<Entry> entries_;   // all tasks that aren't STOPPED
  std::array<int, 4> counts_{};  // alive ones by condition
  int alive_ = 0;
  int keepers_ = 0;
  int starts_ = 0;
  int stops_ = 0;
  bool completing_ = false;
  ServiceDecisions result_;
};

}  // namespace gantry::controlplane
