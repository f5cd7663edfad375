#pragma once

#include "base/result.h"
#include "http/message.h"
#include "images/registry_json.h"

namespace gantry::images {

// What a registry's answer means, with its own words: "WHAT: CODE: message".
Error status_error(const http::Response& response, std::string_view what);

}  // namespace gantry::images
