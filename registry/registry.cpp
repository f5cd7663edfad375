#include "registry/registry.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace gantry::registry {
namespace {

constexpr auto housekeeping_period = std::chrono::hours(1);
constexpr auto upload_age = std::chrono::hours(24);
constexpr size_t most_call_size = size_t{12} << 20;  // PutImage: a manifest of 4 MiB, escaped

EventSender event_sender(const RegistryOptions& options, const http::Credentials& credentials) {
  if (options.events_endpoint.empty()) return {};
  auto client = std::make_shared<http::AwsJsonClient>(
      http::AwsEndpoint{options.events_endpoint, options.region, std::string(api::events_service),
                        std::string(api::events_target_prefix), std::chrono::seconds(30)},
      credentials);
  return [client](const api::PutEventsRequest& request) -> http::AwsResult<api::PutEventsResponse> {
    const auto text = TRY(client->call("PutEvents", api::to_json_text(request)));
    return TRY(api::parse_put_events_response(text, "answer to PutEvents"));
  };
}

http::Response unauthorized(std::string_view message) {
  auto response = error_response(401, "UNAUTHORIZED", message);
  response.headers.set("WWW-Authenticate", "Basic realm=\"gantry-registry\",service=\"ecr\"");
  response.headers.set("Docker-Distribution-API-Version", "registry/2.0");
  return response;
}

bool is_distribution(const http::Request& request) {
  return request.path == "/v2" || request.path.starts_with("/v2/");
}

}  // namespace

Result<std::shared_ptr<Registry>> Registry::open(const RegistryOptions& options,
                                                 const http::FileCredentialStore& credentials,
                                                 const Clock& clock) {
  TRY(make_directories(options.data));
  auto lock = TRY(FileLock::try_acquire(join_path(options.data, "lock")));
  if (!lock) {
    return Error::make(ErrorKind::conflict, "data folder {}: another registry is running on it",
                       options.data);
  }
  auto content = TRY(images::ContentStore::open(join_path(options.data, "store")));
  auto repositories = TRY(RepositoryStore::open(join_path(options.data, "repositories")));
  auto tokens =
      TRY(TokenAuthority::open(join_path(options.data, "token.key"), options.token_lifetime, clock));
  auto events =
      TRY(EventQueue::open(join_path(options.data, "events"), event_sender(options, credentials.first())));
  return std::shared_ptr<Registry>(new Registry(options, credentials, clock, std::move(*lock),
                                                std::move(content), std::move(repositories),
                                                std::move(events), std::move(tokens)));
}

Registry::Registry(const RegistryOptions& options, const http::FileCredentialStore& credentials,
                   const Clock& clock, FileLock lock, images::ContentStore content,
                   std::unique_ptr<RepositoryStore> repositories, std::unique_ptr<EventQueue> events,
                   TokenAuthority tokens)
    : lock_(std::move(lock)),
      credentials_(credentials),
      content_(std::move(content)),
      repositories_(std::move(repositories)),
      events_(std::move(events)),
      tokens_(std::move(tokens)),
      images_(*repositories_, content_, *events_, clock, options.create_on_push, options.hosts),
      uploads_(content_, *repositories_),
      distribution_(*repositories_, content_, images_, uploads_),
      ecr_(*repositories_, images_, tokens_, clock, {options.region, options.account, options.secure}),
      verifier_(credentials,
                {options.region, {std::string(api::ecr::signing_name)}, std::chrono::minutes(15)}, clock),
      dispatcher_(verifier_) {
  ecr_.add_operations(dispatcher_);
  housekeeper_ = std::thread([this] { keep_house(); });
}

Registry::~Registry() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  housekeeper_.join();
}

// At the start and each hour: what crashes and clients left behind.
void Registry::keep_house() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    guard.unlock();
    const auto expired = uploads_.expire(upload_age);
    if (!expired) log::error("uploads not expired error=\"{}\"", expired.error().message());
    const auto collected = images_.collect();
    if (!collected) log::error("blobs not collected error=\"{}\"", collected.error().message());
    guard.lock();
    changed_.wait_for(guard, housekeeping_period, [this] { return stopping_; });
  }
}

std::optional<http::Response> Registry::refuse(const http::Request& head) const {
  const auto authorization = head.headers.get("Authorization");
  if (authorization.empty()) return unauthorized("authentication is required");
  if (!starts_with_ignoring_case(authorization, "basic ")) {
    return unauthorized("only Basic authentication is supported");
  }
  const auto decoded = base64_decode(trim(std::string_view(authorization).substr(6)));
  if (!decoded || !decoded->starts_with("AWS:")) {
    return unauthorized("the user must be AWS, with a password from: aws ecr get-login-password");
  }
  const auto key_id = tokens_.check(std::string_view(*decoded).substr(4));
  if (!key_id) return unauthorized(key_id.error().message());
  if (!credentials_.find(*key_id))
    return unauthorized("the key that the authorization token was issued to is gone");
  return std::nullopt;
}

http::BodyPlan Registry::plan_body(const http::Request& head) {
  if (http::AwsJsonDispatcher::handles(head)) return http::BufferBody{most_call_size};
  if (!is_distribution(head)) return http::BufferBody{};
  if (auto refusal = refuse(head)) return std::move(*refusal);
  return distribution_.plan_body(head);
}

http::Response Registry::handle(http::Request& request) {
  if (is_distribution(request)) return distribution_.handle(request);
  if (http::AwsJsonDispatcher::handles(request)) return dispatcher_.handle(request);
  if (request.path == "/health") return http::Response::json(200, "{\"status\":\"ok\"}");
  return http::Response::text(404, "this is a registry: see /v2/\n");
}

}  // namespace gantry::registry
