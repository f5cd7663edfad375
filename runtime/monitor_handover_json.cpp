#include "base/json.h"
#include "runtime/monitor_handover.h"

namespace gantry::runtime {

namespace {

constexpr uint64_t longest_back_off_ms = 3'600'000;

}  // namespace

template <class Visitor>
void members(Visitor& visit, HandedClient& client) {
  visit("foreground", client.foreground);
  visit("sentInput", client.sent_input);
  visit("inputOpen", client.input_open);
  visit("queue", client.queue);
}

template <class Visitor>
void members(Visitor& visit, Handover& handover) {
  visit.required("version", handover.version);
  visit("descriptors", handover.descriptors);
  visit("oomScore", handover.oom_score);
  visit("runBeganNs", handover.run_began_ns);
  visit("backOffMs", handover.back_off_ms);
  visit("lostLogLines", handover.lost_log_lines);
  visit("begunOutput", handover.begun_output);
  visit("begunErrors", handover.begun_errors);
  visit("pendingInput", handover.pending_input);
  visit("inputEnded", handover.input_ended);
  visit("clients", handover.clients);
  if constexpr (Visitor::reading) {
    if (handover.run_began_ns < 0) visit.fail("runBeganNs must not be negative");
    if (handover.back_off_ms > longest_back_off_ms) visit.fail("backOffMs must not be more than an hour");
  }
}

Result<Handover> parse_handover(std::string_view text, std::string_view source) {
  auto handover = TRY(parse_json<Handover>(text, source));
  const auto own = Handover{}.version;
  if (handover.version <= own) return handover;
  return Error::make(ErrorKind::unsupported, "{}: is of version {}, this monitor reads up to {}", source,
                     handover.version, own);
}

std::string to_json_text(const Handover& handover) {
  return to_json(handover);
}

UniqueFd take(HandedDescriptors& descriptors, const std::string& name) {
  const auto found = descriptors.find(name);
  if (found == descriptors.end()) return {};
  auto fd = std::move(found->second);
  descriptors.erase(found);
  return fd;
}

}  // namespace gantry::runtime
