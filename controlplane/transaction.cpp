#include "base/random.h"
#include "controlplane/state.h"

namespace gantry::controlplane {
namespace {

constexpr size_t most_events = 100;

template <class T>
struct TableName;
template <>
struct TableName<Cluster> {
  static constexpr const char* value = "cluster";
};
template <>
struct TableName<TaskDefinition> {
  static constexpr const char* value = "task_definition";
};
template <>
struct TableName<Family> {
  static constexpr const char* value = "family";
};
template <>
struct TableName<Service> {
  static constexpr const char* value = "service";
};
template <>
struct TableName<Task> {
  static constexpr const char* value = "task";
};
template <>
struct TableName<ContainerInstance> {
  static constexpr const char* value = "instance";
};
template <>
struct TableName<ClientToken> {
  static constexpr const char* value = "token";
};
template <>
struct TableName<SeenEvent> {
  static constexpr const char* value = "event";
};

template <class T>
Ptr<T> current(const Table<T>& table, const std::string& key) {
  const auto found = table.find(key);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace

template <class T>
void Transaction::record(const std::string& key, Ptr<T> before, Ptr<T> after) {
  if (!before && !after) return;
  state_.assign(key, after);
  changes_.push_back(Change<T>{key, std::move(before), std::move(after)});
}

void Transaction::put(Cluster cluster) {
  const auto key = cluster.cluster_arn;
  record<Cluster>(key, current(state_.clusters_, key), std::make_shared<const Cluster>(std::move(cluster)));
}

void Transaction::put(TaskDefinition definition) {
  const auto key = definition.task_definition_arn;
  record<TaskDefinition>(key, current(state_.task_definitions_, key),
                         std::make_shared<const TaskDefinition>(std::move(definition)));
}

void Transaction::put(Family family) {
  const auto key = family.name;
  record<Family>(key, current(state_.families_, key), std::make_shared<const Family>(std::move(family)));
}

void Transaction::put(Service service) {
  const auto key = service.service_arn;
  record<Service>(key, current(state_.services_, key), std::make_shared<const Service>(std::move(service)));
}

void Transaction::put(Task task) {
  const auto key = task.task_arn;
  auto before = current(state_.tasks_, key);
  task.version = before ? before->version + 1 : 1;
  task.last_change = now_;
  record<Task>(key, std::move(before), std::make_shared<const Task>(std::move(task)));
}

void Transaction::put(ContainerInstance instance) {
  const auto key = instance.container_instance_arn;
  auto before = current(state_.instances_, key);
  instance.version = before ? before->version + 1 : 1;
  record<ContainerInstance>(key, std::move(before),
                            std::make_shared<const ContainerInstance>(std::move(instance)));
}

void Transaction::put(ClientToken token) {
  const auto key = token.key;
  record<ClientToken>(key, current(state_.tokens_, key),
                      std::make_shared<const ClientToken>(std::move(token)));
}

void Transaction::put(SeenEvent event) {
  const auto key = event.id;
  record<SeenEvent>(key, current(state_.events_, key), std::make_shared<const SeenEvent>(std::move(event)));
}

void Transaction::remove_cluster(const std::string& arn) {
  record<Cluster>(arn, current(state_.clusters_, arn), nullptr);
}
void Transaction::remove_task_definition(const std::string& arn) {
  record<TaskDefinition>(arn, current(state_.task_definitions_, arn), nullptr);
}
void Transaction::remove_service(const std::string& arn) {
  record<Service>(arn, current(state_.services_, arn), nullptr);
}
void Transaction::remove_task(const std::string& arn) {
  record<Task>(arn, current(state_.tasks_, arn), nullptr);
}
void Transaction::remove_instance(const std::string& arn) {
  record<ContainerInstance>(arn, current(state_.instances_, arn), nullptr);
}
void Transaction::remove_token(const std::string& key) {
  record<ClientToken>(key, current(state_.tokens_, key), nullptr);
}
void Transaction::remove_event(const std::string& id) {
  record<SeenEvent>(id, current(state_.events_, id), nullptr);
}

void Transaction::undo_to(size_t mark) {
  while (changes_.size() > mark) {
    std::visit([this](auto& change) { state_.assign(change.key, change.before); }, changes_.back());
    changes_.pop_back();
  }
}

std::vector<StoredChange> Transaction::stored() const {
  std::map<std::pair<std::string, std::string>, const AnyChange*> last;
  for (const auto& any : changes_) {
    std::visit(
        [&]<class T>(const Change<T>& change) {
          last[{TableName<T>::value, change.key}] = &any;
        },
        any);
  }
  std::vector<StoredChange> stored;
  stored.reserve(last.size());
  for (const auto& [name, any] : last) {
    StoredChange change{name.first, name.second, std::nullopt};
    std::visit(
        [&](const auto& each) {
          if (each.after) change.value = to_json_text(*each.after);
        },
        *any);
    stored.push_back(std::move(change));
  }
  return stored;
}

void add_event(Service& service, api::EpochSeconds now, const std::string& message) {
  service.events.insert(service.events.begin(), {random_uuid(), now, message});
  if (service.events.size() > most_events) service.events.resize(most_events);
}

}  // namespace gantry::controlplane
