#include "registry/registry.h"

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

namespace gantry::registry {
namespace {

constexpr auto housekeeping_period = std::chrono::hours(1);
constexpr auto upload_age = std::chrono::hours(24);
constexpr auto flush_period = std::chrono::minutes(1);
constexpr size_t most_call_size = size_t{12} << 20;  // PutImage: a manifest of 4 MiB, escaped
constexpr size_t most_part_size = size_t{30} << 20;  // UploadLayerPart: 20 MiB in base64

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

// For a repository that a push names and that isn't there. On ECR a creation template says so;
// --create-on-push makes those that no template is for, too.
RepositoryMaker repository_maker(const SettingsStore& settings, bool create_on_push) {
  return [&settings, create_on_push](const std::string& name) -> std::optional<Repository> {
    const auto current = settings.get();
    const auto* creation_template = current->template_for(name, "CREATE_ON_PUSH");
    if (creation_template == nullptr) return create_on_push ? std::optional(Repository{}) : std::nullopt;
    auto repository = repository_of(*creation_template);
    if (repository) return std::move(*repository);
    log::error("creation template can't be used prefix={} error=\"{}\"", creation_template->prefix,
               repository.error().message);
    return std::nullopt;
  };
}

// A layer's download URL carries its own signature: GetDownloadUrlForLayer.
bool is_signed_download(const http::Request& head) {
  return head.parameter("X-Amz-Signature") != nullptr && (head.method == "GET" || head.method == "HEAD") &&
         Route::parse(head.path).resource == Resource::blob;
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
  auto settings = TRY(SettingsStore::open(join_path(options.data, "registry.json")));
  return std::shared_ptr<Registry>(new Registry(options, credentials, clock, std::move(*lock),
                                                std::move(content), std::move(repositories),
                                                std::move(events), std::move(settings), std::move(tokens)));
}

Registry::Registry(const RegistryOptions& options, const http::FileCredentialStore& credentials,
                   const Clock& clock, FileLock lock, images::ContentStore content,
                   std::unique_ptr<RepositoryStore> repositories, std::unique_ptr<EventQueue> events,
                   std::unique_ptr<SettingsStore> settings, TokenAuthority tokens)
    : lock_(std::move(lock)),
      credentials_(credentials),
      clock_(clock),
      content_(std::move(content)),
      repositories_(std::move(repositories)),
      events_(std::move(events)),
      settings_(std::move(settings)),
      tokens_(std::move(tokens)),
      access_(*repositories_, *settings_, options.region, options.account,
              [&credentials](const std::string& key_id) { return credentials.profile_of(key_id); }),
      pulls_(*repositories_),
      images_(*repositories_, content_, *events_, clock, repository_maker(*settings_, options.create_on_push),
              options.hosts),
      uploads_(content_, *repositories_),
      distribution_(*repositories_, content_, images_, uploads_),
      lifecycle_(*repositories_, images_, pulls_, clock, !options.read_only),
      ecr_({*repositories_, content_, images_, uploads_, pulls_, lifecycle_, *settings_, access_, tokens_,
            credentials, clock},
           {options.region, options.account, options.secure}),
      verifier_(credentials,
                {options.region, {std::string(api::ecr::signing_name)}, std::chrono::minutes(15)}, clock),
      dispatcher_(verifier_),
      read_only_(options.read_only) {
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
  pulls_.flush();
}

// At the start and each hour: what crashes and clients left behind. Each minute: what is in memory only.
void Registry::keep_house() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    guard.unlock();
    if (!read_only_) collect();
    guard.lock();
    const auto end = std::chrono::steady_clock::now() + housekeeping_period;
    while (!stopping_ && std::chrono::steady_clock::now() < end) {
      guard.unlock();
      pulls_.flush();
      guard.lock();
      changed_.wait_for(guard, flush_period, [this] { return stopping_; });
    }
  }
}

void Registry::collect() {
  const auto expired = uploads_.expire(upload_age);
  if (!expired) log::error("uploads not expired error=\"{}\"", expired.error().message());
  const auto collected = images_.collect();
  if (!collected) log::error("blobs not collected error=\"{}\"", collected.error().message());
}

Result<std::string> Registry::caller(const http::Request& head) const {
  const auto refused = [](std::string_view why) {
    return Error::make(ErrorKind::unauthenticated, "{}", why);
  };
  if (is_signed_download(head)) {
    const auto identity = verifier_.verify(head);
    if (!identity) return refused(identity.error().message);
    return identity->access_key_id;
  }
  const auto authorization = head.headers.get("Authorization");
  if (authorization.empty()) return refused("authentication is required");
  if (!starts_with_ignoring_case(authorization, "basic ")) {
    return refused("only Basic authentication is supported");
  }
  const auto decoded = base64_decode(trim(std::string_view(authorization).substr(6)));
  if (!decoded || !decoded->starts_with("AWS:")) {
    return refused("the user must be AWS, with a password from: aws ecr get-login-password");
  }
  const auto key_id = TRY(tokens_.check(std::string_view(*decoded).substr(4)));
  if (!credentials_.find(key_id))
    return refused("the key that the authorization token was issued to is gone");
  return key_id;
}

std::optional<http::Response> Registry::refuse(const http::Request& head) const {
  const auto key_id = caller(head);
  if (!key_id) return unauthorized(key_id.error().message());
  const auto allowed = access_.check(access_.principal(*key_id), head);
  if (!allowed) return failure_response(allowed.error());
  return std::nullopt;
}

// What docker and others fetch of an image first; HEAD only asks.
void Registry::record_pull(const http::Request& request, const http::Response& response,
                           const Principal& principal) {
  const auto route = Route::parse(request.path);
  if (request.method != "GET" || route.resource != Resource::manifest || response.status != 200) return;
  if (!access_.records_pulls_of(principal)) return;
  pulls_.record(route.repository, response.headers.get("Docker-Content-Digest"),
                to_epoch_seconds(clock_.now()));
}

// Ready is who can take a push: its data folder can be written to.
http::Response Registry::readiness() {
  const auto lease = content_.lease();
  if (lease) return http::Response::json(200, "{\"status\":\"ok\"}");
  log::warning("registry not ready error=\"{}\"", lease.error().message());
  return http::Response::json(503, "{\"status\":\"unavailable\"}");
}

http::BodyPlan Registry::plan_body(const http::Request& head) {
  if (http::AwsJsonDispatcher::handles(head)) {
    const bool is_part = head.headers.get("X-Amz-Target").ends_with(".UploadLayerPart");
    return http::BufferBody{is_part ? most_part_size : most_call_size};
  }
  if (!is_distribution(head)) return http::BufferBody{};
  if (auto refusal = refuse(head)) return std::move(*refusal);
  return distribution_.plan_body(head);
}

http::Response Registry::handle(http::Request& request) {
  if (is_distribution(request)) {
    const auto key_id = caller(request);  // let in by plan_body; its token may have ended since
    const auto principal = access_.principal(key_id ? *key_id : "");
    access_.narrow_mount(principal, request);
    auto response = distribution_.handle(request);
    record_pull(request, response, principal);
    return response;
  }
  if (http::AwsJsonDispatcher::handles(request)) return dispatcher_.handle(request);
  if (request.path == "/health" || request.path == "/health/live")
    return http::Response::json(200, "{\"status\":\"ok\"}");
  if (request.path == "/health/ready") return readiness();
  return http::Response::text(404, "this is a registry: see /v2/\n");
}

}  // namespace gantry::registry
