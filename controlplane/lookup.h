#pragma once

#include "controlplane/state.h"
#include "http/aws_error.h"

// Finding what a request names: by short name, id or ARN.

namespace gantry::controlplane {

template <class T>
using AwsResult = http::AwsResult<T>;

http::AwsError invalid_parameter(std::string message);  // InvalidParameterException
http::AwsError client_error(std::string message);       // ClientException
http::AwsError not_supported(std::string what);  // UnsupportedFeatureException "WHAT is not supported …"

// Refuses the first of `names`, members of a request that gantry can't honour.
AwsResult<void> check_supported(const std::vector<std::string>& names);

// An ACTIVE cluster; empty means "default". Errors: ClusterNotFoundException.
AwsResult<Ptr<Cluster>> active_cluster(const State& state, const std::string& name_or_arn);

// ARN of what `id_or_arn` names in `cluster`. Errors: InvalidParameterException for an ARN of another
// cluster.
AwsResult<std::string> service_arn_in(const State& state, const Cluster& cluster,
                                      const std::string& name_or_arn);
AwsResult<std::string> task_arn_in(const State& state, const Cluster& cluster, const std::string& id_or_arn);
AwsResult<std::string> instance_arn_in(const State& state, const Cluster& cluster,
                                       const std::string& id_or_arn);

// "family" (the latest ACTIVE revision), "family:revision" or an ARN, with or without revision. Null: none.
Ptr<TaskDefinition> find_task_definition(const State& state, const std::string& reference);

// The same, but ACTIVE. Errors: ClientException "TaskDefinition not found." or "TaskDefinition is inactive".
AwsResult<Ptr<TaskDefinition>> active_task_definition(const State& state, const std::string& reference);

bool includes(const std::vector<std::string>& include, std::string_view field);

// Each of `include` is one of `known`. Errors: InvalidParameterException.
AwsResult<void> check_include(const std::vector<std::string>& include, const std::vector<std::string>& known);

}  // namespace gantry::controlplane
