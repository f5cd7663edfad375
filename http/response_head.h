#pragma once

#include "http/message.h"

#include <string>

namespace gantry::http {

struct HeadOptions {
  bool keep_alive = true;
  bool http_1_0 = false;
};

// The status line and header fields of `response` as they go on the wire, with Date, Content-Length (which
// the handler can't set) and Connection. A field with a line break makes it a 500 without a body: `response`
// is changed then.
std::string response_head(Response& response, const HeadOptions& options);

// A request's head taken apart: path and query decoded. Errors: invalid, for a 400.
Result<void> split_target(Request& request);

}  // namespace gantry::http
