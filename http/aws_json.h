#pragma once

#include "base/result.h"
#include "http/aws_error.h"
#include "http/client.h"
#include "http/message.h"
#include "http/sigv4.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

// AWS JSON 1.1. Source: smithy.io "AWS JSON 1.1 protocol"; what botocore reads of it: the error's name only
// from
// `__type` in the body.
namespace gantry::http {

struct AwsCall {
  std::string operation;
  std::string body;  // JSON; "{}" for an empty body
  Identity identity;
  std::string request_id;
  std::string host;  // the Host header, for answers that name the server's own address
  std::string remote_address;
};
// Returns the answer's JSON. Parse errors should go through serialization_error.
using AwsOperation = std::function<AwsResult<std::string>(const AwsCall&)>;

// A body that isn't JSON or has members of the wrong type: SerializationException, 400, the error's message.
AwsError serialization_error(const Error& error);

// Answers `POST /` by X-Amz-Target. Fill it before serving; then threads share it.
class AwsJsonDispatcher {
 public:
  explicit AwsJsonDispatcher(const SigV4Verifier& verifier) : verifier_(verifier) {}

  // `target_prefix` such as "AmazonEC2ContainerServiceV20141113"; `service` is the signing name that its
  // calls must have.
  void add(const std::string& target_prefix, const std::string& service, const std::string& operation,
           AwsOperation handler);
  // Is it a call that this answers? POST / with an X-Amz-Target header.
  static bool handles(const Request& request);
  // Verifies the signature, then calls. Every answer has x-amzn-RequestId; errors have {"__type", "message"}
  // and x-amzn-ErrorType. Unknown target: UnknownOperationException. A body that isn't JSON at all:
  // SerializationException.
  Response handle(const Request& request) const;

 private:
  struct Target {
    std::string service;
    AwsOperation handler;
  };
  const SigV4Verifier& verifier_;
  std::map<std::string, Target, std::less<>> targets_;
};

// The error envelope as a response, for endpoints that aren't dispatched (a refused websocket upgrade).
Response aws_error_response(const AwsError& error, const std::string& request_id);

struct AwsEndpoint {
  std::string url;  // "http://127.0.0.1:51480"
  std::string region = "us-east-1";
  std::string service;        // signing name: "ecs"
  std::string target_prefix;  // "AmazonEC2ContainerServiceV20141113"
  std::chrono::milliseconds limit = std::chrono::seconds(30);
};

// Calls an AWS JSON service. Doesn't retry. Threads may share it.
class AwsJsonClient {
 public:
  AwsJsonClient(AwsEndpoint endpoint, Credentials credentials, ClientOptions options = {});

  // The answer's body; an AwsError with the service's name, message and status, or with status 0 when the
  // service wasn't reached.
  AwsResult<std::string> call(const std::string& operation, const std::string& json);

 private:
  AwsEndpoint endpoint_;
  Credentials credentials_;
  Client client_;
};

}  // namespace gantry::http
