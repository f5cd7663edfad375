#include "engine/log_config.h"

#include "base/files.h"
#include "base/text.h"

#include <algorithm>
#include <array>

namespace gantry::engine {

namespace {

constexpr size_t short_id_length = 12;

runtime::LogDriver translate(LogDriver driver) {
  switch (driver) {
    case LogDriver::json_file:
      return runtime::LogDriver::json_file;
    case LogDriver::cri:
      return runtime::LogDriver::cri;
    case LogDriver::journald:
      return runtime::LogDriver::journald;
    case LogDriver::none:
      return runtime::LogDriver::none;
  }
  return runtime::LogDriver::none;
}

// sha256:DIGITS without its algorithm, cut short.
std::string short_image_id(const std::string& id) {
  return id.substr(id.find(':') + 1, short_id_length);
}

// What docker and podman send to the journal of a container.
std::map<std::string, std::string> journal_fields(const ContainerRecord& record) {
  const auto short_id = record.id.substr(0, short_id_length);
  const auto tag = expand_log_tag(record.spec.log.tag.empty() ? "{{.ID}}" : record.spec.log.tag,
                                  {{"ID", short_id},
                                   {"FullID", record.id},
                                   {"Name", record.name},
                                   {"ImageID", short_image_id(record.image_id)},
                                   {"ImageFullID", record.image_id},
                                   {"ImageName", record.spec.image}})
                       .value_or(short_id);
  return {{"CONTAINER_ID", short_id}, {"CONTAINER_ID_FULL", record.id},  {"CONTAINER_NAME", record.name},
          {"CONTAINER_TAG", tag},     {"IMAGE_NAME", record.spec.image}, {"SYSLOG_IDENTIFIER", tag}};
}

}  // namespace

std::string log_path(const std::string& directory, const ContainerRecord& record) {
  switch (record.spec.log.driver) {
    case LogDriver::json_file:
      return join_path(directory, record.id + "-json.log");
    case LogDriver::cri:
      return join_path(directory, record.id + "-cri.log");
    case LogDriver::journald:
    case LogDriver::none:
      break;
  }
  return {};
}

runtime::LogConfig make_log_config(const ContainerRecord& record, const std::string& directory) {
  runtime::LogConfig config;
  config.driver = translate(record.spec.log.driver);
  config.path = log_path(directory, record);
  config.maximum_size = record.spec.log.maximum_size;
  config.maximum_files = record.spec.log.maximum_files;
  if (record.spec.log.driver == LogDriver::journald) config.fields = journal_fields(record);
  return config;
}

Result<std::string> expand_log_tag(const std::string& tag, const std::map<std::string, std::string>& values) {
  constexpr std::array<std::string_view, 6> words = {"ID",      "FullID",      "Name",
                                                     "ImageID", "ImageFullID", "ImageName"};
  std::string text;
  size_t at = 0;
  for (size_t open = tag.find("{{"); open != std::string::npos; open = tag.find("{{", at)) {
    const size_t end = tag.find("}}", open);
    const auto inside = trim(std::string_view(tag).substr(open, end - open));
    const auto word = inside.substr(0, 2) == "{{" ? trim(inside.substr(2)) : inside;
    const bool known = end != std::string::npos && word.substr(0, 1) == "." &&
                       std::find(words.begin(), words.end(), word.substr(1)) != words.end();
    if (!known) {
      return Error::make(
          ErrorKind::invalid,
          "\"{}\" is none of {{{{.ID}}}}, .FullID, .Name, .ImageID, .ImageFullID and .ImageName",
          tag.substr(open));
    }
    text += tag.substr(at, open - at);
    const auto value = values.find(std::string(word.substr(1)));
    if (value != values.end()) text += value->second;
    at = end + 2;
  }
  return text + tag.substr(at);
}

}  // namespace gantry::engine
