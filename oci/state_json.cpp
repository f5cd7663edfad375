#include "base/json.h"
#include "oci/state.h"

namespace gantry::oci {

constexpr EnumName<Status> status_names[] = {
    {Status::creating, "creating"}, {Status::created, "created"}, {Status::running, "running"},
    {Status::paused, "paused"},     {Status::stopped, "stopped"},
};

std::span<const EnumName<Status>> enum_names(Status) {
  return status_names;
}

std::string_view status_name(Status status) {
  return enum_name(status);
}

template <class Visitor>
void members(Visitor& visit, State& state) {
  visit.required("ociVersion", state.oci_version);
  visit.required("id", state.id);
  visit("pid", state.pid);
  visit.required("status", state.status);
  visit.required("bundle", state.bundle);
  visit("rootfs", state.rootfs);
  visit("created", state.created);
  visit("annotations", state.annotations);
  visit("owner", state.owner);
}

std::string to_json_text(const State& state, int indent) {
  return to_json(state, indent);
}

Result<State> parse_state(std::string_view text, std::string_view source) {
  return parse_json<State>(text, source);
}

}  // namespace gantry::oci
