#pragma once

#include "engine/record.h"
#include "runtime/monitor_files.h"

#include <map>
#include <string>

namespace gantry::engine {

// Where its log is; empty: it isn't in a file.
std::string log_path(const std::string& directory, const ContainerRecord& record);

// What the monitor is told about the log.
runtime::LogConfig make_log_config(const ContainerRecord& record, const std::string& directory);

// A tag's template with its words ("ID", "Name", …) replaced; a word that isn't in `values` by nothing.
// Errors: invalid for a word that no container has. Source: docker's "Customize log driver output".
Result<std::string> expand_log_tag(const std::string& tag, const std::map<std::string, std::string>& values);

}  // namespace gantry::engine
