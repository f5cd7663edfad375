#include "base/format.h"
#include "controlplane/operations.h"
#include "controlplane/pages.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr size_t most_custom_attributes = 10;

bool is_ours(const std::string& name) {
  return name.starts_with("ecs.") || name.starts_with("com.amazonaws.ecs.");
}

bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || others.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

AwsResult<void> check_attribute(const api::Attribute& attribute) {
  if (!attribute.target_type.empty() && attribute.target_type != "container-instance") {
    return invalid_parameter("targetType must be container-instance");
  }
  if (attribute.name.empty() || attribute.name.size() > 128 || !has_only(attribute.name, "_/.\\-")) {
    return invalid_parameter(format("Invalid attribute name '{}'.", attribute.name));
  }
  if (attribute.value.size() > 128 || !has_only(attribute.value, "_/.\\-:@ ")) {
    return invalid_parameter(format("Invalid value of attribute '{}'.", attribute.name));
  }
  if (is_ours(attribute.name)) {
    return invalid_parameter(
        format("Attribute names beginning with 'ecs.' are reserved, found '{}'.", attribute.name));
  }
  return {};
}

AwsResult<void> check_attributes(const std::vector<api::Attribute>& attributes) {
  if (attributes.empty()) return invalid_parameter("attributes can not be empty");
  if (attributes.size() > 10) return invalid_parameter("At most 10 attributes can be given at once.");
  for (const auto& attribute : attributes) TRY(check_attribute(attribute));
  return {};
}

AwsResult<Ptr<ContainerInstance>> target(const State& state, const Cluster& cluster,
                                         const api::Attribute& attribute) {
  auto instance = state.instance(TRY(instance_arn_in(state, cluster, attribute.target_id)));
  if (instance && instance->status != api::ContainerInstanceStatus::inactive) return instance;
  return http::AwsError{"TargetNotFoundException", format("Could not find {}", attribute.target_id)};
}

AwsResult<void> put_one(Transaction& transaction, const Cluster& cluster, const api::Attribute& attribute) {
  ContainerInstance instance = *TRY(target(transaction.state(), cluster, attribute));
  auto& all = instance.attributes;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == attribute.name; });
  if (found != all.end()) {
    found->value = attribute.value;
  } else {
    const auto custom =
        std::count_if(all.begin(), all.end(), [](const auto& each) { return !is_ours(each.name); });
    if (static_cast<size_t>(custom) >= most_custom_attributes) {
      return http::AwsError{
          "AttributeLimitExceededException",
          format("A resource can't have more than {} custom attributes.", most_custom_attributes)};
    }
    all.push_back({attribute.name, attribute.value, "", ""});
  }
  transaction.put(std::move(instance));
  return {};
}

AwsResult<void> delete_one(Transaction& transaction, const Cluster& cluster,
                           const api::Attribute& attribute) {
  ContainerInstance instance = *TRY(target(transaction.state(), cluster, attribute));
  const auto removed = std::erase_if(instance.attributes, [&](const auto& each) {
    return each.name == attribute.name && (attribute.value.empty() || each.value == attribute.value);
  });
  if (removed != 0) transaction.put(std::move(instance));
  return {};
}

template <AwsResult<void> (*change)(Transaction&, const Cluster&, const api::Attribute&)>
AwsResult<std::string> change_attributes(const OperationContext& context,
                                         const api::AttributesRequest& request, const http::AwsCall&) {
  TRY(check_attributes(request.attributes));
  const auto run = [&](Transaction& transaction) -> AwsResult<std::string> {
    const auto cluster = TRY(active_cluster(transaction.state(), request.cluster));
    for (const auto& attribute : request.attributes) TRY(change(transaction, *cluster, attribute));
    return to_json_text(api::AttributesResponse{request.attributes, ""});
  };
  return context.controller.run(run);
}

bool fits(const api::ListAttributesRequest& request, const api::Attribute& attribute) {
  if (!request.attribute_name.empty() && attribute.name != request.attribute_name) return false;
  return request.attribute_value.empty() || attribute.value == request.attribute_value;
}

// Keyed by "INSTANCE ARN\nNAME", in the order in which they are listed.
using ListedAttributes = std::map<std::string, api::Attribute>;

AwsResult<ListedAttributes> find_attributes(const State& state, const api::ListAttributesRequest& request) {
  const auto cluster = TRY(active_cluster(state, request.cluster));
  ListedAttributes listed;
  for (const auto& arn : state.instances_of_cluster(cluster->cluster_arn)) {
    const auto instance = state.instance(arn);
    if (instance->status == api::ContainerInstanceStatus::inactive) continue;
    for (const auto& attribute : instance->attributes) {
      if (!fits(request, attribute)) continue;
      listed[arn + "\n" + attribute.name] = {attribute.name, attribute.value, "container-instance", arn};
    }
  }
  return listed;
}

AwsResult<std::string> list_attributes(const OperationContext& context,
                                       const api::ListAttributesRequest& request, const http::AwsCall&) {
  if (request.target_type != "container-instance") {
    return invalid_parameter("targetType must be container-instance");
  }
  const auto listed = TRY(context.controller.run(
      [&](Transaction& transaction) { return find_attributes(transaction.state(), request); }));
  std::vector<std::string> keys;
  for (const auto& [key, attribute] : listed) keys.push_back(key);
  const auto question =
      format("{}\n{}\n{}", request.cluster, request.attribute_name, request.attribute_value);
  const auto shown = TRY(page(keys, request.page, {.member = "attributes", .filter = question}));
  api::AttributesResponse response;
  for (const auto& key : shown.values) response.attributes.push_back(listed.at(key));
  response.next_token = shown.next_token;
  return to_json_text(response);
}

}  // namespace

void add_attribute_operations(OperationTable& table, const OperationContext& context) {
  add_operation(table, context, "PutAttributes", change_attributes<put_one>);
  add_operation(table, context, "DeleteAttributes", change_attributes<delete_one>);
  add_operation(table, context, "ListAttributes", list_attributes);
}

}  // namespace gantry::controlplane
