#include "cli/image_filter.h"

#include "cli/values.h"

#include <algorithm>

namespace gantry::cli {

Result<void> ImageFilter::add(const std::string& text, TimePoint now) {
  const size_t equals = text.find('=');
  std::string key = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? std::string() : text.substr(equals + 1);
  if (key == "until" && !value.empty()) {
    until_ = TRY(parse_moment(value, now));
    return {};
  }
  if ((key == "label" || key == "label!") && !value.empty()) {
    const size_t second = value.find('=');
    Label label{.key = value.substr(0, second), .value = {}, .wanted = key == "label"};
    if (second != std::string::npos) label.value = value.substr(second + 1);
    labels_.push_back(std::move(label));
    return {};
  }
  return Error::make(ErrorKind::unsupported,
                     "filter \"{}\": must be until=TIME, label=KEY[=VALUE] or label!=KEY[=VALUE]", text);
}

bool ImageFilter::matches(const images::Image& image) const {
  if (until_ && parse_rfc3339(image.config.created).value_or(TimePoint()) >= *until_) return false;
  const auto& has = image.config.config.labels;
  return std::all_of(labels_.begin(), labels_.end(), [&](const Label& label) {
    const auto found = has.find(label.key);
    const bool matches = found != has.end() && (!label.value || found->second == *label.value);
    return matches == label.wanted;
  });
}

}  // namespace gantry::cli
