#include "api/ecs_task_definition_members.h"

namespace gantry::api {
template <class Visitor>
void members(Visitor& visit, RegisterTaskDefinitionRequest& request) {
  members(visit, request.definition);
  visit("tags", request.tags);
  note_unsupported(visit, request.unsupported,
                   {"taskRoleArn", "proxyConfiguration", "inferenceAccelerators", "ephemeralStorage",
                    "enableFaultInjection"});
}

Result<RegisterTaskDefinitionRequest> parse_register_task_definition(std::string_view text,
                                                                     std::string_view source) {
  return parse_json<RegisterTaskDefinitionRequest>(text, source);
}

}  // namespace gantry::api
