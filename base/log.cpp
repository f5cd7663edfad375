#include "base/log.h"

#include "base/json.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace gantry {
namespace {

bool json = false;  // set once, with spdlog's default logger, before other threads start

spdlog::level::level_enum level_of(log::Level level) {
  switch (level) {
    case log::Level::debug:
      return spdlog::level::debug;
    case log::Level::info:
      return spdlog::level::info;
    case log::Level::warning:
      return spdlog::level::warn;
    case log::Level::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

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
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","program":"%n","msg":%v})"
                            : "%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v",
                        spdlog::pattern_time_type::utc);
    logger->set_level(level);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
    json = options.json;
  } catch (const spdlog::spdlog_ex& error) {
    return Error::make(ErrorKind::system, "set up logging to {}: {}", options.file, error.what());
  }
  return {};
}

bool log::enabled(Level level) {
  return spdlog::should_log(level_of(level));
}

void log::write(Level level, std::string_view text) {
  if (json) {
    spdlog::default_logger_raw()->log(level_of(level), to_json(std::string(text)));
  } else {
    spdlog::default_logger_raw()->log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
  }
}

}  // namespace gantry
