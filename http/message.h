#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::http {

// Header fields in the order in which they were added; names compare without regard to case. RFC 9110
// section 5.
class Headers {
 public:
  struct Field {
    std::string name;
    std::string value;
  };

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  const std::string* find(std::string_view name) const;  // the first of that name, or null
  std::string get(std::string_view name, std::string_view fallback = {}) const;
  std::vector<std::string> all(std::string_view name) const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  void set(std::string name, std::string value);  // replaces all of that name
  void remove(std::string_view name);
  bool empty() const { return fields_.empty(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

// A decoded name and value of the query; a name without "=" has an empty value.
struct QueryParameter {
  std::string name;
  std::string value;
};

// Where bytes of a body go as they arrive. An error ends the transfer.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> write(std::string_view bytes) = 0;
};

// A request as the server received it.
struct Request {
  std::string method;  // as sent: "GET"
  std::string target;  // as sent: "/v2/a%2Fb/tags/list?n=3"
  std::string path;    // decoded: "/v2/a/b/tags/list"
  std::vector<QueryParameter> query;
  Headers headers;
  std::string body;                // empty when it went into `sink`
  std::shared_ptr<BodySink> sink;  // the one that Handler::plan_body gave
  std::string remote_address;      // "127.0.0.1:41234"
  bool secure = false;             // came over TLS

  const std::string* parameter(std::string_view name) const;  // the first of that name, or null
};

// `length` bytes of a file from `offset` as a body, sent without being held in memory.
struct FileBody {
  UniqueFd fd;
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Content-Length, Date and Connection are the server's to add. To a HEAD request the server sends the length
// that the body or file has, and not the body.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  std::optional<FileBody> file;  // instead of `body`

  static Response text(int status, std::string body, std::string content_type = "text/plain");
  static Response json(int status, std::string body);  // Content-Type: application/json
};

// "OK" for 200; "Unknown" for a number without a name.
std::string_view reason_phrase(int status);

// A URL taken apart. `host` has no brackets around IPv6; `port` is the scheme's when none was given; `target`
// is path and query, at least "/". Schemes: http, https, ws, wss. Errors: invalid, naming the URL and the
// rule.
struct Url {
  std::string scheme;
  std::string host;
  uint16_t port = 0;
  std::string target = "/";

  static Result<Url> parse(std::string_view text);
  bool secure() const { return scheme == "https" || scheme == "wss"; }
  std::string authority() const;  // "host" or "host:port", as the Host header has it
  std::string string() const;
};

// Percent-decoding; `plus_is_space` as in queries. Errors: invalid on a bad escape.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Encodes all but RFC 3986's unreserved characters; `keep_slash` leaves "/".
std::string percent_encode(std::string_view text, bool keep_slash = false);
// "a=1&b" to pairs, decoded. Errors: invalid on a bad escape.
Result<std::vector<QueryParameter>> parse_query(std::string_view query);

}  // namespace gantry::http
