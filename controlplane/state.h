#pragma once

#include "controlplane/model.h"
#include "controlplane/store.h"

#include <memory>
#include <set>
#include <variant>

// The in-memory state, its indexes, and the only way to change it.
//
// Threads: State and Transaction are used on the controller's state thread only. Records are immutable and
// shared, so a shared_ptr that was copied out on that thread may be read on any other.

namespace gantry::controlplane {

template <class T>
using Ptr = std::shared_ptr<const T>;
template <class T>
using Table = std::map<std::string, Ptr<T>>;  // ordered, for listing by pages

// Keys: Cluster, Service, Task, ContainerInstance and TaskDefinition by their ARN; Family by its name;
// ClientToken by its key; SeenEvent by its id.
class State {
 public:
  explicit State(Identity identity) : identity_(std::move(identity)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Identity& identity() const { return identity_; }

  const Table<Cluster>& clusters() const { return clusters_; }
  const Table<TaskDefinition>& task_definitions() const { return task_definitions_; }
  const Table<Family>& families() const { return families_; }
  const Table<Service>& services() const { return services_; }
  const Table<Task>& tasks() const { return tasks_; }
  const Table<ContainerInstance>& instances() const { return instances_; }
  const Table<ClientToken>& tokens() const { return tokens_; }
  const Table<SeenEvent>& events() const { return events_; }

  // Null when there is none.
  Ptr<Cluster> cluster(const std::string& arn) const;
  Ptr<TaskDefinition> task_definition(const std::string& arn) const;
  Ptr<Family> family(const std::string& name) const;
  Ptr<Service> service(const std::string& arn) const;
  Ptr<Task> task(const std::string& arn) const;
  Ptr<ContainerInstance> instance(const std::string& arn) const;

  // Indexes: ARNs. Stopped tasks and inactive services are in them as long as they are kept.
  const std::set<std::string>& services_of_cluster(const std::string& cluster_arn) const;
  const std::set<std::string>& tasks_of_cluster(const std::string& cluster_arn) const;
  const std::set<std::string>& instances_of_cluster(const std::string& cluster_arn) const;
  const std::set<std::string>& tasks_of_service(const std::string& service_arn) const;
  const std::set<std::string>& tasks_of_instance(const std::string& instance_arn) const;
  const std::map<int, std::string>& revisions_of_family(const std::string& family) const;

  // Takes up what `store` holds. Errors: corrupt, naming table and key.
  Result<void> load(Store& store);

 private:
  friend class Transaction;
  using Index = std::map<std::string, std::set<std::string>>;

  void assign(const std::string& key, Ptr<Cluster> record);
  void assign(const std::string& key, Ptr<TaskDefinition> record);
  void assign(const std::string& key, Ptr<Family> record);
  void assign(const std::string& key, Ptr<Service> record);
  void assign(const std::string& key, Ptr<Task> record);
  void assign(const std::string& key, Ptr<ContainerInstance> record);
  void assign(const std::string& key, Ptr<ClientToken> record);
  void assign(const std::string& key, Ptr<SeenEvent> record);

  Identity identity_;
  Table<Cluster> clusters_;
  Table<TaskDefinition> task_definitions_;
  Table<Family> families_;
  Table<Service> services_;
  Table<Task> tasks_;
  Table<ContainerInstance> instances_;
  Table<ClientToken> tokens_;
  Table<SeenEvent> events_;
  Index services_of_cluster_;
  Index tasks_of_cluster_;
  Index instances_of_cluster_;
  Index tasks_of_service_;
  Index tasks_of_instance_;
  std::map<std::string, std::map<int, std::string>> revisions_of_family_;
};

// A record before and after; null before: new, null after: deleted. Exactly one alternative for each type.
template <class T>
struct Change {
  std::string key;
  Ptr<T> before;
  Ptr<T> after;
};
using AnyChange =
    std::variant<Change<Cluster>, Change<TaskDefinition>, Change<Family>, Change<Service>, Change<Task>,
                 Change<ContainerInstance>, Change<ClientToken>, Change<SeenEvent>>;

// Collects changes. Each is applied to the state at once (so that later reads see it), and all of a batch are
// stored together; if storing fails, or the command that made them fails, they are undone in reverse order.
class Transaction {
 public:
  Transaction(State& state, api::EpochSeconds now) : state_(state), now_(now) {}

  const State& state() const { return state_; }
  const State* operator->() const { return &state_; }
  const Identity& identity() const { return state_.identity(); }
  api::EpochSeconds now() const { return now_; }  // the batch's time; the same for all its decisions

  // Adds or replaces the record of the same key. Putting an instance raises its `version`, a task its too.
  void put(Cluster record);
  void put(TaskDefinition record);
  void put(Family record);
  void put(Service record);
  void put(Task record);
  void put(ContainerInstance record);
  void put(ClientToken record);
  void put(SeenEvent record);

  void remove_cluster(const std::string& arn);
  void remove_task_definition(const std::string& arn);
  void remove_service(const std::string& arn);
  void remove_task(const std::string& arn);
  void remove_instance(const std::string& arn);
  void remove_token(const std::string& key);
  void remove_event(const std::string& id);

  const std::vector<AnyChange>& changes() const { return changes_; }
  size_t mark() const { return changes_.size(); }
  void undo_to(size_t mark);
  // The last value of each changed record.
  std::vector<StoredChange> stored() const;

 private:
  template <class T>
  void record(const std::string& key, Ptr<T> before, Ptr<T> after);

  State& state_;
  api::EpochSeconds now_;
  std::vector<AnyChange> changes_;
};

// Appends `message` ("(service NAME) has …") to a service's events, newest first, at most 100.
void add_event(Service& service, api::EpochSeconds now, const std::string& message);

}  // namespace gantry::controlplane
