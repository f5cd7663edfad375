#include "http/response_head.h"

#include "base/text.h"
#include "base/time.h"

namespace gantry::http {
namespace {

bool has_line_break(const Headers& headers) {
  for (const auto& field : headers) {
    if ((field.name + field.value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return true;
  }
  return false;
}

bool has_no_length(int status) {
  return status < 200 || status == 204 || status == 304;
}

bool is_ours(const std::string& name) {
  return equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Date") ||
         equals_ignoring_case(name, "Connection");
}

}  // namespace

std::string response_head(Response& response, const HeadOptions& options) {
  if (has_line_break(response.headers)) response = Response::text(500, "");
  auto head = format("HTTP/1.{} {} {}\r\nDate: {}\r\n", options.http_1_0 ? 0 : 1, response.status,
                     reason_phrase(response.status), format_http_date(SystemClock().now()));
  for (const auto& field : response.headers) {
    if (!is_ours(field.name)) head += format("{}: {}\r\n", field.name, field.value);
  }
  if (!has_no_length(response.status)) {
    head += format("Content-Length: {}\r\n", response.file ? response.file->length : response.body.size());
  }
  if (!options.keep_alive) head += "Connection: close\r\n";
  if (options.keep_alive && options.http_1_0) head += "Connection: keep-alive\r\n";
  return head + "\r\n";
}

Result<void> split_target(Request& request) {
  if (!request.target.starts_with('/')) {
    return Error(ErrorKind::invalid, "the request target must begin with \"/\"");
  }
  const std::string_view target = request.target;
  const auto question = target.find('?');
  request.path = TRY(percent_decode(target.substr(0, question)).context("path"));
  if (request.path.find('\0') != std::string::npos)
    return Error(ErrorKind::invalid, "path: must not have NUL");
  if (question != std::string_view::npos) {
    request.query = TRY(parse_query(target.substr(question + 1)).context("query"));
  }
  return {};
}

}  // namespace gantry::http
