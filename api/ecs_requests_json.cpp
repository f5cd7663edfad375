#include "api/ecs_members.h"
#include "api/ecs_requests.h"
#include "api/ecs_requests_members.h"

namespace gantry::api {

template <class T>
Result<T> parse_request(std::string_view body) {
  return parse_json<T>(body, "request");
}

template Result<CreateClusterRequest> parse_request(std::string_view);
template Result<ClusterRequest> parse_request(std::string_view);
template Result<DescribeClustersRequest> parse_request(std::string_view);
template Result<ListClustersRequest> parse_request(std::string_view);
template Result<UpdateClusterRequest> parse_request(std::string_view);
template Result<TaskDefinitionRequest> parse_request(std::string_view);
template Result<ListTaskDefinitionsRequest> parse_request(std::string_view);
template Result<DeleteTaskDefinitionsRequest> parse_request(std::string_view);
template Result<RunTaskRequest> parse_request(std::string_view);
template Result<StopTaskRequest> parse_request(std::string_view);
template Result<DescribeTasksRequest> parse_request(std::string_view);
template Result<ListTasksRequest> parse_request(std::string_view);
template Result<CreateServiceRequest> parse_request(std::string_view);
template Result<UpdateServiceRequest> parse_request(std::string_view);
template Result<DeleteServiceRequest> parse_request(std::string_view);
template Result<DescribeServicesRequest> parse_request(std::string_view);
template Result<ListServicesRequest> parse_request(std::string_view);
template Result<ListServiceDeploymentsRequest> parse_request(std::string_view);
template Result<DescribeServiceDeploymentsRequest> parse_request(std::string_view);
template Result<RegisterContainerInstanceRequest> parse_request(std::string_view);
template Result<DescribeContainerInstancesRequest> parse_request(std::string_view);
template Result<ListContainerInstancesRequest> parse_request(std::string_view);
template Result<UpdateContainerInstancesStateRequest> parse_request(std::string_view);
template Result<DeregisterContainerInstanceRequest> parse_request(std::string_view);
template Result<DiscoverPollEndpointRequest> parse_request(std::string_view);
template Result<SubmitTaskStateChangeRequest> parse_request(std::string_view);
template Result<SubmitContainerStateChangeRequest> parse_request(std::string_view);
template Result<SubmitAttachmentStateChangesRequest> parse_request(std::string_view);
template Result<AttributesRequest> parse_request(std::string_view);
template Result<ListAttributesRequest> parse_request(std::string_view);
template Result<TagResourceRequest> parse_request(std::string_view);
template Result<UntagResourceRequest> parse_request(std::string_view);

}  // namespace gantry::api
