#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace gantry {

Result<void> set_up_logging(const std::string& program, const LogOptions& options) {
  const auto level = spdlog::level::from_str(options.level);
  if (level == spdlog::level::off && options.level != "off") {
    return Error::make(ErrorKind::invalid,
                       "log level must be trace, debug, info, warning or error, found \"{}\"", options.level);
  }
  try {
    auto logger = options.file.empty() ? spdlog::stderr_logger_mt(program)
                                       : spdlog::basic_logger_mt(program, options.file);
    logger->set_pattern(options.json
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","msg":"%v"})"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v",
                        spdlog::pattern_time_type::utc);
    logger->set_level(level);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return Error::make(ErrorKind::system, "set up logging to {}: {}", options.file, error.what());
  }
  return {};
}

}  // namespace gantry
