#include "base/text.h"
#include "http/message.h"

#include <cctype>

namespace gantry::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
}

bool is_clean(std::string_view text) {
  for (const unsigned char c : text) {
    if (c <= ' ' || c == 0x7f) return false;
  }
  return true;
}

uint16_t default_port(std::string_view scheme) {
  return scheme == "https" || scheme == "wss" ? 443 : 80;
}

Error bad_url(std::string_view text, std::string_view rule) {
  return Error::make(ErrorKind::invalid, "url \"{}\": {}", text, rule);
}

Result<void> parse_authority(std::string_view text, std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    return Error(ErrorKind::invalid, "url: user and password in it aren't supported");
  }
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return bad_url(text, "\"[\" without \"]\"");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port[0] != ':') return bad_url(text, "after \"]\" must come \":\" and a port");
  } else {
    const auto colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (url.host.empty()) return bad_url(text, "must name a host");
  url.port = default_port(url.scheme);
  if (port.size() > 1) {
    url.port = static_cast<uint16_t>(TRY(parse_unsigned("port", port.substr(1), 65535)));
    if (url.port == 0) return bad_url(text, "port must be 1 to 65535");
  }
  return {};
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad_url(text, "must begin with http:// or https://");
  if (!is_clean(text)) return bad_url(text, "must not have spaces or control characters");
  Url url;
  url.scheme = to_lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https" && url.scheme != "ws" && url.scheme != "wss") {
    return bad_url(text, "scheme must be http, https, ws or wss");
  }
  auto rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto end = rest.find_first_of("/?");
  TRY(parse_authority(text, rest.substr(0, end), url));
  if (end != std::string_view::npos) url.target = rest.substr(end);
  if (url.target[0] == '?') url.target.insert(0, "/");
  return url;
}

std::string Url::authority() const {
  const bool bracket = host.find(':') != std::string::npos;
  auto text = bracket ? format("[{}]", host) : host;
  if (port != default_port(scheme)) text += format(":{}", port);
  return text;
}

std::string Url::string() const {
  return format("{}://{}{}", scheme, authority(), target);
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 3 <= text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 3 <= text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error::make(ErrorKind::invalid, "\"{}\": \"%\" must be followed by two hex digits", text);
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || (keep_slash && c == '/')) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

Result<std::vector<QueryParameter>> parse_query(std::string_view query) {
  std::vector<QueryParameter> parameters;
  if (query.empty()) return parameters;
  for (const auto& part : split(query, '&')) {
    if (part.empty()) continue;
    const auto equals = part.find('=');
    QueryParameter parameter;
    parameter.name = TRY(percent_decode(std::string_view(part).substr(0, equals), true));
    if (equals != std::string::npos) {
      parameter.value = TRY(percent_decode(std::string_view(part).substr(equals + 1), true));
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

}  // namespace gantry::http
