#include "runtime/monitor_log.h"
#include "runtime/monitor_utf8.h"

namespace gantry::runtime {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

void append_escaped(std::string& into, char letter) {
  switch (letter) {
    case '"':
      into += "\\\"";
      return;
    case '\\':
      into += "\\\\";
      return;
    case '\n':
      into += "\\n";
      return;
    case '\r':
      into += "\\r";
      return;
    case '\t':
      into += "\\t";
      return;
    default:
      into += format("\\u{:04x}", static_cast<unsigned>(letter));
  }
}

std::string_view stream_name(Stream stream) {
  return stream == Stream::output ? "stdout" : "stderr";
}

}  // namespace

void append_json_string(std::string& into, std::string_view text) {
  into += '"';
  for (size_t i = 0; i < text.size();) {
    const auto letter = static_cast<uint8_t>(text[i]);
    if (letter >= 0x20 && letter < 0x7f && letter != '"' && letter != '\\') {
      into += text[i++];
    } else if (letter < 0x80) {
      append_escaped(into, text[i++]);
    } else {
      const size_t length = utf8_length(text.substr(i));
      into += length == 0 ? replacement : text.substr(i, length);
      i += length == 0 ? 1 : length;
    }
  }
  into += '"';
}

void append_json_line(std::string& into, const LogRecord& record) {
  into += R"({"log":)";
  append_json_string(into, record.text);
  if (!record.is_part) into.insert(into.size() - 1, "\\n");
  into += R"(,"stream":")";
  into += stream_name(record.stream);
  into += R"(","time":")";
  into += format_rfc3339(record.time);
  into += "\"}\n";
}

void append_cri_line(std::string& into, const LogRecord& record) {
  into += format_rfc3339(record.time);
  into += ' ';
  into += stream_name(record.stream);
  into += record.is_part ? " P " : " F ";
  into += record.text;
  into += '\n';
}

}  // namespace gantry::runtime
