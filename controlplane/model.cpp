#include "controlplane/model.h"

#include "base/format.h"
#include "base/random.h"
#include "base/text.h"

namespace gantry::controlplane {

std::string Identity::arn(std::string_view type_and_name) const {
  std::string_view partition = "aws";
  if (region.starts_with("cn-")) partition = "aws-cn";
  if (region.starts_with("us-gov-")) partition = "aws-us-gov";
  return format("arn:{}:ecs:{}:{}:{}", partition, region, account, type_and_name);
}

std::string Identity::cluster_arn(std::string_view name) const {
  return arn(format("cluster/{}", name));
}

std::string Identity::service_arn(std::string_view cluster, std::string_view name) const {
  return arn(format("service/{}/{}", cluster, name));
}

std::string Identity::task_arn(std::string_view cluster, std::string_view id) const {
  return arn(format("task/{}/{}", cluster, id));
}

std::string Identity::container_instance_arn(std::string_view cluster, std::string_view id) const {
  return arn(format("container-instance/{}/{}", cluster, id));
}

std::string Identity::task_definition_arn(std::string_view family, int revision) const {
  return arn(format("task-definition/{}:{}", family, revision));
}

std::string new_deployment_id() {
  constexpr uint64_t least = 1'000'000'000'000'000'000;  // 19 digits
  return format("ecs-svc/{}", least + random_below(8 * least));
}

std::string new_id() {
  return random_hex(16);
}

std::string cluster_of(std::string_view arn) {
  const auto parsed = api::parse_arn(arn);
  if (!parsed) return {};
  return parsed->name.substr(0, parsed->name.find('/'));
}

}  // namespace gantry::controlplane
