#include "controlplane/state.h"

#include "base/format.h"

namespace gantry::controlplane {
namespace {

template <class T>
Ptr<T> find(const Table<T>& table, const std::string& key) {
  const auto found = table.find(key);
  return found == table.end() ? nullptr : found->second;
}

template <class T>
void set(Table<T>& table, const std::string& key, Ptr<T> record) {
  if (record) {
    table[key] = std::move(record);
  } else {
    table.erase(key);
  }
}

using Index = std::map<std::string, std::set<std::string>>;

// Moves `key` from the group that it was in to the one it is in now; empty: none.
void move_in_index(Index& index, const std::string& before, const std::string& after,
                   const std::string& key) {
  if (before == after) return;
  const auto old = index.find(before);
  if (old != index.end() && old->second.erase(key) != 0 && old->second.empty()) index.erase(old);
  if (!after.empty()) index[after].insert(key);
}

template <class Group>
const Group& group_of(const std::map<std::string, Group>& index, const std::string& key) {
  static const Group none;
  const auto found = index.find(key);
  return found == index.end() ? none : found->second;
}

template <class T>
std::string member(const Ptr<T>& record, std::string T::*which) {
  return record ? (*record).*which : std::string();
}

}  // namespace

Ptr<Cluster> State::cluster(const std::string& arn) const {
  return find(clusters_, arn);
}
Ptr<TaskDefinition> State::task_definition(const std::string& arn) const {
  return find(task_definitions_, arn);
}
Ptr<Family> State::family(const std::string& name) const {
  return find(families_, name);
}
Ptr<Service> State::service(const std::string& arn) const {
  return find(services_, arn);
}
Ptr<Task> State::task(const std::string& arn) const {
  return find(tasks_, arn);
}
Ptr<ContainerInstance> State::instance(const std::string& arn) const {
  return find(instances_, arn);
}

const std::set<std::string>& State::services_of_cluster(const std::string& cluster_arn) const {
  return group_of(services_of_cluster_, cluster_arn);
}
const std::set<std::string>& State::tasks_of_cluster(const std::string& cluster_arn) const {
  return group_of(tasks_of_cluster_, cluster_arn);
}
const std::set<std::string>& State::instances_of_cluster(const std::string& cluster_arn) const {
  return group_of(instances_of_cluster_, cluster_arn);
}
const std::set<std::string>& State::tasks_of_service(const std::string& service_arn) const {
  return group_of(tasks_of_service_, service_arn);
}
const std::set<std::string>& State::tasks_of_instance(const std::string& instance_arn) const {
  return group_of(tasks_of_instance_, instance_arn);
}
const std::map<int, std::string>& State::revisions_of_family(const std::string& family) const {
  return group_of(revisions_of_family_, family);
}

void State::assign(const std::string& key, Ptr<Cluster> record) {
  set(clusters_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<TaskDefinition> record) {
  const auto before = find(task_definitions_, key);
  if (before && !record) {
    auto& revisions = revisions_of_family_[before->family];
    revisions.erase(before->revision);
    if (revisions.empty()) revisions_of_family_.erase(before->family);
  }
  if (record) revisions_of_family_[record->family][record->revision] = key;
  set(task_definitions_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<Family> record) {
  set(families_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<Service> record) {
  const auto before = find(services_, key);
  move_in_index(services_of_cluster_, before ? before->cluster_arn : "", record ? record->cluster_arn : "",
                key);
  set(services_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<Task> record) {
  const auto before = find(tasks_, key);
  move_in_index(tasks_of_cluster_, before ? before->cluster_arn : "", record ? record->cluster_arn : "", key);
  move_in_index(tasks_of_service_, before ? before->service_arn : "", record ? record->service_arn : "", key);
  move_in_index(tasks_of_instance_, before ? before->container_instance_arn : "",
                record ? record->container_instance_arn : "", key);
  set(tasks_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<ContainerInstance> record) {
  move_in_index(instances_of_cluster_, member(find(instances_, key), &ContainerInstance::cluster_arn),
                member(record, &ContainerInstance::cluster_arn), key);
  set(instances_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<ClientToken> record) {
  set(tokens_, key, std::move(record));
}

void State::assign(const std::string& key, Ptr<SeenEvent> record) {
  set(events_, key, std::move(record));
}

Result<void> State::load(Store& store) {
  const auto take = [this](auto record, std::string_view table, std::string_view key,
                           std::string_view value) -> Result<void> {
    using Record = decltype(record);
    const auto parsed = from_json_text(value, format("record {} of table {}", key, table), record);
    if (!parsed) return Error(ErrorKind::corrupt, parsed.error().message());
    assign(std::string(key), std::make_shared<const Record>(std::move(record)));
    return {};
  };
  return store.load(
      [&](std::string_view table, std::string_view key, std::string_view value) -> Result<void> {
        if (table == "cluster") return take(Cluster{}, table, key, value);
        if (table == "task_definition") return take(TaskDefinition{}, table, key, value);
        if (table == "family") return take(Family{}, table, key, value);
        if (table == "service") return take(Service{}, table, key, value);
        if (table == "task") return take(Task{}, table, key, value);
        if (table == "instance") return take(ContainerInstance{}, table, key, value);
        if (table == "token") return take(ClientToken{}, table, key, value);
        if (table == "event") return take(SeenEvent{}, table, key, value);
        return Error::make(ErrorKind::corrupt, "unknown table {} (written by a newer version?)", table);
      });
}

}  // namespace gantry::controlplane
