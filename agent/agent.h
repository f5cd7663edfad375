#pragma once

#include "agent/config.h"
#include "agent/container_driver.h"
#include "agent/stopping.h"
#include "http/sigv4.h"

namespace gantry::agent {

enum class Outcome {
  stopped,  // as asked
  refused,  // the control plane's last word: don't start again (exit code 5 for the ECS supervisor)
};

// The whole agent over a driver: takes up saved tasks, registers, keeps its connections, until `stopping`.
// Errors: what keeps it from beginning (the data directory is in use, or belongs to another cluster; the
// introspection port is taken).
Result<Outcome> run_agent(const Config& config, const http::Credentials& credentials, ContainerDriver& driver,
                          const Clock& clock, Stopping& stopping);

}  // namespace gantry::agent
