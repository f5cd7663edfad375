#include "base/json.h"
#include "engine/runtime_log.h"

namespace gantry::engine {

template <class Visitor>
void members(Visitor& visit, LogRecord& record) {
  visit("level", record.level);
  visit("msg", record.message);
}

Result<LogRecord> parse_log_record(std::string_view line) {
  return parse_json<LogRecord>(line, "the runtime's log");
}

}  // namespace gantry::engine
