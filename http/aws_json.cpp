#include "http/aws_json.h"

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"

namespace gantry::http {
namespace {

constexpr const char* content_type = "application/x-amz-json-1.1";

struct Envelope {
  std::string type;
  std::string message;
  std::string capital_message;
};

template <class Visitor>
void members(Visitor& visit, Envelope& envelope) {
  visit.always("__type", envelope.type);
  visit.always("message", envelope.message);
  if constexpr (Visitor::reading) visit("Message", envelope.capital_message);
}

// Any object: whether a body is JSON at all, before an operation reads it.
struct AnyObject {};
template <class Visitor>
void members(Visitor&, AnyObject&) {}

AwsError unknown_operation() {
  return {"UnknownOperationException", "The operation requested is not known to this service.", 400};
}

Response good_response(std::string body, const std::string& request_id) {
  auto response = Response::text(200, std::move(body), content_type);
  response.headers.set("x-amzn-RequestId", request_id);
  return response;
}

// "com.amazonaws.ecs#ClusterNotFoundException:http://…" is ClusterNotFoundException.
std::string short_name(std::string_view type) {
  const auto hash = type.rfind('#');
  if (hash != std::string_view::npos) type.remove_prefix(hash + 1);
  return std::string(type.substr(0, type.find(':')));
}

AwsError read_error(const Response& response) {
  AwsError error;
  error.status = response.status;
  const auto envelope = parse_json<Envelope>(response.body, "answer");
  if (envelope) {
    error.name = short_name(envelope->type);
    error.message = envelope->message.empty() ? envelope->capital_message : envelope->message;
  }
  if (error.name.empty()) error.name = short_name(response.headers.get("x-amzn-ErrorType"));
  if (error.message.empty()) error.message = format("the service answered with status {}", response.status);
  return error;
}

}  // namespace

AwsError serialization_error(const Error& error) {
  return {"SerializationException", error.message(), 400};
}

Response aws_error_response(const AwsError& error, const std::string& request_id) {
  auto response =
      Response::text(error.status, to_json(Envelope{error.name, error.message, {}}), content_type);
  response.headers.set("x-amzn-RequestId", request_id);
  response.headers.set("x-amzn-ErrorType", error.name);
  return response;
}

void AwsJsonDispatcher::add(const std::string& target_prefix, const std::string& service,
                            const std::string& operation, AwsOperation handler) {
  targets_.insert_or_assign(target_prefix + "." + operation, Target{service, std::move(handler)});
}

bool AwsJsonDispatcher::handles(const Request& request) {
  return request.method == "POST" && request.path == "/" && request.headers.has("X-Amz-Target");
}

Response AwsJsonDispatcher::handle(const Request& request) const {
  const auto request_id = random_uuid();
  const auto target = request.headers.get("X-Amz-Target");
  const auto reply = [&]() -> AwsResult<std::string> {
    const auto identity = TRY(verifier_.verify(request));
    const auto found = targets_.find(target);
    if (found == targets_.end()) return unknown_operation();
    if (found->second.service != identity.service) {
      return AwsError{"InvalidSignatureException",
                      format("Credential should be scoped to correct service: '{}'.", found->second.service),
                      400};
    }
    const auto body = request.body.empty() ? "{}" : request.body;
    const auto checked = parse_json<AnyObject>(body, "request body");
    if (!checked) return serialization_error(checked.error());
    return found->second.handler({target.substr(target.rfind('.') + 1), body, identity, request_id,
                                  request.headers.get("Host"), request.remote_address});
  }();
  if (reply) return good_response(*reply, request_id);
  const auto& error = reply.error();
  if (error.status >= 500) {
    log::error("call failed target={} request={} error={} message=\"{}\"", target, request_id, error.name,
               error.message);
  } else {
    log::debug("call refused target={} request={} error={} message=\"{}\"", target, request_id, error.name,
               error.message);
  }
  return aws_error_response(error, request_id);
}

AwsJsonClient::AwsJsonClient(AwsEndpoint endpoint, Credentials credentials, ClientOptions options)
    : endpoint_(std::move(endpoint)), credentials_(std::move(credentials)), client_(std::move(options)) {}

AwsResult<std::string> AwsJsonClient::call(const std::string& operation, const std::string& json) {
  ClientRequest request;
  request.method = "POST";
  request.url = endpoint_.url;
  request.headers.set("Content-Type", content_type);
  request.headers.set("X-Amz-Target", endpoint_.target_prefix + "." + operation);
  request.body = json;
  const auto signed_request =
      sign(request, credentials_, endpoint_.region, endpoint_.service, SystemClock().now());
  if (!signed_request) return AwsError{"", signed_request.error().message(), 0};
  SendOptions options;
  options.limit = endpoint_.limit;
  auto response = client_.send(request, options);
  if (!response) return AwsError{"", response.error().message(), 0};
  if (response->status != 200) return read_error(*response);
  return std::move(response->body);
}

}  // namespace gantry::http
