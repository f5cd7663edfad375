#include "agent/control_plane.h"

#include "agent/control_plane_json.h"

namespace gantry::agent {

namespace {

class AwsControlPlane final : public ControlPlane {
 public:
  AwsControlPlane(http::AwsEndpoint endpoint, const http::Credentials& credentials,
                  http::ClientOptions options)
      : client_(std::move(endpoint), credentials, std::move(options)) {}

  http::AwsResult<Registered> register_instance(
      const api::RegisterContainerInstanceRequest& request) override {
    const auto answer = TRY(client_.call("RegisterContainerInstance", to_json_text(request)));
    auto parsed = parse_registered(answer);
    if (!parsed) return parsed.error();
    return std::move(*parsed);
  }

  http::AwsResult<void> create_cluster(const std::string& name) override {
    TRY(client_.call("CreateCluster", create_cluster_text(name)));
    return {};
  }

  http::AwsResult<PollEndpoints> discover(const std::string& cluster, const std::string& instance) override {
    const auto answer = TRY(client_.call("DiscoverPollEndpoint", discover_text(cluster, instance)));
    auto parsed = parse_endpoints(answer);
    if (!parsed) return parsed.error();
    return std::move(*parsed);
  }

  http::AwsResult<void> submit(const api::SubmitTaskStateChangeRequest& request) override {
    TRY(client_.call("SubmitTaskStateChange", to_json_text(request)));
    return {};
  }

 private:
  http::AwsJsonClient client_;
};

}  // namespace

std::unique_ptr<ControlPlane> make_control_plane(const Config& config, const http::Credentials& credentials) {
  http::AwsEndpoint endpoint;
  endpoint.url = config.endpoint;
  endpoint.region = config.region;
  endpoint.service = "ecs";
  endpoint.target_prefix = "AmazonEC2ContainerServiceV20141113";
  http::ClientOptions options;
  options.ca_file = config.ca_file;
  options.user_agent = "gantry-agent/" GANTRY_VERSION;
  return std::make_unique<AwsControlPlane>(std::move(endpoint), credentials, std::move(options));
}

}  // namespace gantry::agent
