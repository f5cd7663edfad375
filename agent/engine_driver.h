#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "http/sigv4.h"

#include <memory>

namespace gantry::agent {

// The driver over gantry's engine. `credentials` sign calls of ECR's GetAuthorizationToken.
Result<std::unique_ptr<ContainerDriver>> make_engine_driver(const Config& config,
                                                            const http::Credentials& credentials);

}  // namespace gantry::agent
