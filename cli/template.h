#pragma once

#include "base/result.h"

#include <string>

namespace gantry::cli {

// Fills in the part of Go's templates that people use with --format: text with {{.A.B}}, {{json .A}},
// {{index .A "key"}} and {{.}}, "\n" and "\t". `json` is the document that the paths go into.
// Errors: invalid for a path that isn't there; unsupported for all else between braces, quoting it.
Result<std::string> render_template(const std::string& text, const std::string& json);

}  // namespace gantry::cli
