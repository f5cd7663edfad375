#include "http/client.h"

#include "base/text.h"
#include "http/curl_library.h"
#include "http/listen.h"

#include <cctype>
#include <map>
#include <mutex>
#include <unistd.h>

namespace gantry::http {
namespace {

constexpr size_t most_idle_handles = 32;  // for each server

// Only called once a request has loaded the library.
const CurlLibrary& curl() {
  return **curl_library();
}

struct CurlDeleter {
  void operator()(CURL* handle) const { curl().easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, CurlDeleter>;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// One request and its answer, as curl's callbacks see them.
struct Exchange {
  const ClientRequest& request;
  const SendOptions& options;
  Response response;
  uint64_t sent = 0;
  std::optional<Error> error;  // a callback's own, which ended the exchange

  bool good() const { return response.status >= 200 && response.status < 300; }
};

bool keep_error(Exchange& exchange, Result<void> result) {
  if (result) return true;
  exchange.error = std::move(result).error();
  return false;
}

size_t on_header(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line = trim({data, size * count});
  if (line.starts_with("HTTP/")) {
    exchange.response = Response{};  // an interim answer (100) may have come before
    const auto space = line.find(' ');
    const auto status = space == std::string_view::npos ? "" : line.substr(space + 1, 3);
    exchange.response.status = static_cast<int>(parse_unsigned("status", status, 999).value_or(0));
  } else if (line.empty()) {
    const bool wanted = exchange.good() && exchange.options.on_head;
    if (wanted && !keep_error(exchange, exchange.options.on_head(exchange.response))) return 0;
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers.add(std::string(trim(line.substr(0, colon))),
                                  std::string(trim(line.substr(colon + 1))));
  }
  return size * count;
}

size_t on_body(char* data, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view bytes(data, size * count);
  if (exchange.good() && exchange.options.sink != nullptr) {
    return keep_error(exchange, exchange.options.sink->write(bytes)) ? bytes.size() : 0;
  }
  if (exchange.response.body.size() + bytes.size() > exchange.options.max_body_size) {
    exchange.error =
        Error::make(ErrorKind::invalid, "answer is longer than {} bytes", exchange.options.max_body_size);
    return 0;
  }
  exchange.response.body += bytes;
  return bytes.size();
}

size_t on_upload(char* buffer, size_t size, size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const auto& file = *exchange.request.upload;
  const auto wanted = std::min<uint64_t>(size * count, file.length - exchange.sent);
  if (wanted == 0) return 0;
  const ssize_t got = pread(file.fd.get(), buffer, wanted, static_cast<off_t>(file.offset + exchange.sent));
  if (got <= 0) {
    const int error = got < 0 ? errno : EIO;
    exchange.error = Error::system(error, "read the file to upload");
    return CURL_READFUNC_ABORT;
  }
  exchange.sent += static_cast<uint64_t>(got);
  return static_cast<size_t>(got);
}

int on_seek(void* user, curl_off_t offset, int origin) {
  if (origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
  static_cast<Exchange*>(user)->sent = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t sent) {
  const auto& exchange = *static_cast<Exchange*>(user);
  if (exchange.options.on_sent) exchange.options.on_sent(static_cast<uint64_t>(sent));
  return 0;
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Result<HeaderList> header_list(const ClientRequest& request) {
  HeaderList list;
  const auto append = [&](const std::string& line) {
    list.reset(curl().slist_append(list.release(), line.c_str()));
  };
  for (const auto& field : request.headers) {
    if (has_line_break(field.name) || has_line_break(field.value)) {
      return Error::make(ErrorKind::invalid, "header {}: must not have line breaks", field.name);
    }
    append(field.value.empty() ? field.name + ";" : field.name + ": " + field.value);
  }
  if (!request.headers.has("Content-Type")) append("Content-Type:");  // else curl calls every body a form
  return list;
}

void set_method_and_body(CURL* handle, Exchange& exchange) {
  const auto& request = exchange.request;
  if (request.upload) {
    curl().easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl().easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->length));
    curl().easy_setopt(handle, CURLOPT_READFUNCTION, on_upload);
    curl().easy_setopt(handle, CURLOPT_READDATA, &exchange);
    curl().easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
    curl().easy_setopt(handle, CURLOPT_SEEKDATA, &exchange);
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    curl().easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl().easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
  } else if (request.method == "HEAD") {
    curl().easy_setopt(handle, CURLOPT_NOBODY, 1L);
    return;
  }
  curl().easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

void set_limits(CURL* handle, const ClientOptions& client, const SendOptions& options) {
  const auto stall = std::chrono::ceil<std::chrono::seconds>(client.stall_limit).count();
  curl().easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(client.connect_limit.count()));
  curl().easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl().easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(stall));
  if (options.limit)
    curl().easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(options.limit->count()));
}

void set_connection(CURL* handle, const ClientOptions& client, const Url& url) {
  const auto agent = client.user_agent.empty() ? "gantry/" GANTRY_VERSION : client.user_agent;
  curl().easy_setopt(handle, CURLOPT_URL, url.string().c_str());
  curl().easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl().easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl().easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl().easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl().easy_setopt(handle, CURLOPT_USERAGENT, agent.c_str());
  curl().easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, client.verify ? 1L : 0L);
  curl().easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, client.verify ? 2L : 0L);
  if (!client.ca_file.empty()) curl().easy_setopt(handle, CURLOPT_CAINFO, client.ca_file.c_str());
  if (is_loopback(url.host)) curl().easy_setopt(handle, CURLOPT_PROXY, "");  // no proxy reaches our loopback
}

void set_callbacks(CURL* handle, Exchange& exchange, char* error_text) {
  curl().easy_setopt(handle, CURLOPT_ERRORBUFFER, error_text);
  curl().easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl().easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
  curl().easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl().easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl().easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl().easy_setopt(handle, CURLOPT_XFERINFODATA, &exchange);
  curl().easy_setopt(handle, CURLOPT_NOPROGRESS, exchange.options.on_sent ? 0L : 1L);
}

ErrorKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorKind::timeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return ErrorKind::denied;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return ErrorKind::invalid;
    default:
      return ErrorKind::unavailable;
  }
}

// Without the query, which may hold a presigned signature.
std::string where(const ClientRequest& request) {
  return format("{} {}", request.method, request.url.substr(0, request.url.find('?')));
}

Error transport_error(CURLcode code, std::string_view error_text) {
  std::string text(trim(error_text));
  if (text.empty()) text = curl().easy_strerror(code);
  text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return {kind_of(code), text};
}

bool is_redirect(const Response& response, const std::string& method) {
  const int status = response.status;
  if (!response.headers.has("Location")) return false;
  if (status == 307 || status == 308) return true;
  return (status == 301 || status == 302 || status == 303) && (method == "GET" || method == "HEAD");
}

Result<Url> resolve(const Url& base, const std::string& location) {
  if (location.find("://") != std::string::npos) return Url::parse(location);
  if (location.starts_with("//")) return Url::parse(base.scheme + ":" + location);
  auto url = base;
  const auto folder = base.target.substr(0, base.target.find('?'));
  url.target = location.starts_with('/') ? location : folder.substr(0, folder.rfind('/') + 1) + location;
  return url;
}

// Points `request` to where `response` sends it.
Result<void> follow(ClientRequest& request, const Response& response) {
  const auto old = TRY(Url::parse(request.url));
  const auto next = TRY(resolve(old, response.headers.get("Location")).context("redirect"));
  if (old.secure() && !next.secure()) {
    return Error::make(ErrorKind::denied, "redirected from https to http://{}", next.authority());
  }
  if (old.scheme != next.scheme || old.authority() != next.authority()) {
    request.headers.remove("Authorization");
    request.headers.remove("Cookie");
  }
  request.url = next.string();
  return {};
}

}  // namespace

struct Client::State {
  ClientOptions options;
  std::mutex mutex;
  std::map<std::string, std::vector<Handle>> idle;  // by scheme://host:port, each with its open connection

  Handle take(const std::string& server) {
    const std::lock_guard lock(mutex);
    auto& handles = idle[server];
    if (handles.empty()) return Handle(curl().easy_init());
    auto handle = std::move(handles.back());
    handles.pop_back();
    return handle;
  }

  void put_back(const std::string& server, Handle handle) {
    curl().easy_reset(handle.get());  // keeps connections and the TLS session cache
    const std::lock_guard lock(mutex);
    auto& handles = idle[server];
    if (handles.size() < most_idle_handles) handles.push_back(std::move(handle));
  }

  Result<Response> exchange(const ClientRequest& request, const SendOptions& send_options);
};

Result<Response> Client::State::exchange(const ClientRequest& request, const SendOptions& send_options) {
  const auto url = TRY(Url::parse(request.url));
  TRY(curl_library());
  const auto headers = TRY(header_list(request));
  const auto server = format("{}://{}", url.scheme, url.authority());
  auto handle = take(server);
  if (!handle) return Error(ErrorKind::system, "curl can't be set up");
  Exchange exchange{request, send_options, {}, 0, {}};
  char error_text[CURL_ERROR_SIZE] = "";
  set_connection(handle.get(), options, url);
  set_limits(handle.get(), options, send_options);
  set_callbacks(handle.get(), exchange, error_text);
  set_method_and_body(handle.get(), exchange);
  curl().easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  const auto code = curl().easy_perform(handle.get());
  put_back(server, std::move(handle));
  if (exchange.error) return std::move(*exchange.error).context("{}", where(request));
  if (code != CURLE_OK) return transport_error(code, error_text).context("{}", where(request));
  return std::move(exchange.response);
}

Client::Client(ClientOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
}

Client::~Client() = default;

Result<Response> Client::send(const ClientRequest& request, const SendOptions& options) {
  auto response = state_->exchange(request, options);
  if (options.max_redirects == 0 || !response || !is_redirect(*response, request.method)) return response;
  ClientRequest moved{request.method, request.url, request.headers, request.body, {}};
  if (request.upload) {
    moved.upload =
        FileBody{TRY(duplicate(request.upload->fd)), request.upload->offset, request.upload->length};
  }
  for (int i = 0; i < options.max_redirects && is_redirect(*response, request.method); ++i) {
    TRY(follow(moved, *response).context("{}", where(request)));
    response = state_->exchange(moved, options);
    if (!response) return response;
  }
  if (!is_redirect(*response, request.method)) return response;
  return Error::make(ErrorKind::invalid, "{}: more than {} redirects", where(request), options.max_redirects);
}

}  // namespace gantry::http
