#include "tests/registry/fixture.h"

#include "base/json.h"
#include "base/text.h"
#include "tests/support/results.h"

namespace gantry::registry::test {

namespace {

struct ErrorBody {
  std::string name;
  std::string message;
};

template <class Visitor>
void members(Visitor& visit, ErrorBody& body) {
  visit("__type", body.name);
  visit("message", body.message);
}

}  // namespace

std::string digest_of(std::string_view bytes) {
  return "sha256:" + http::sha256_hex(bytes);
}

RegistryTest::RegistryTest() : clock_(SystemClock().now()) {
  EXPECT_OK(folder_);
  const auto file = join_path(folder_->path(), "credentials");
  EXPECT_OK(
      write_file(file, "[default]\naws_access_key_id = AKIDREG\naws_secret_access_key = registry-secret\n"));
  auto store = http::FileCredentialStore::open(file);
  EXPECT_OK(store);
  credentials_ = std::move(*store);
  options_.data = join_path(folder_->path(), "data");
  start();
}

RegistryTest::~RegistryTest() {
  stop();
}

void RegistryTest::start() {
  auto registry = Registry::open(options_, *credentials_, clock_);
  ASSERT_OK(registry);
  registry_ = *registry;
  http::ServerOptions server_options;
  server_options.port = port_;
  auto server = http::Server::start(server_options, registry_);
  ASSERT_OK(server);
  server_ = std::move(*server);
  port_ = server_->port();
  token_ = TokenAuthority::open(join_path(options_.data, "token.key"), options_.token_lifetime, clock_)
               .value()
               .issue("AKIDREG")
               .text;
}

void RegistryTest::stop() {
  if (server_) server_->stop();
  server_.reset();
  registry_.reset();
}

std::string RegistryTest::host() const {
  return format("127.0.0.1:{}", port_);
}

std::string RegistryTest::url(const std::string& target) const {
  return "http://" + host() + target;
}

http::Response RegistryTest::send(const std::string& method, const std::string& target,
                                  const std::string& body, http::Headers headers) {
  if (!headers.has("Authorization")) headers.set("Authorization", "Basic " + base64_encode("AWS:" + token_));
  auto response =
      client_.send({.method = method, .url = url(target), .headers = std::move(headers), .body = body});
  EXPECT_OK(response);
  return response ? std::move(*response) : http::Response{};
}

http::Response RegistryTest::get(const std::string& target, http::Headers headers) {
  return send("GET", target, {}, std::move(headers));
}

std::string RegistryTest::push_blob(const std::string& repository, const std::string& content) {
  const auto digest = digest_of(content);
  const auto pushed = send("POST", format("/v2/{}/blobs/uploads/?digest={}", repository, digest), content);
  EXPECT_EQ(pushed.status, 201) << pushed.body;
  return digest;
}

std::string RegistryTest::image_manifest(const std::string& repository, const std::string& content,
                                         const std::string& more_members) {
  const std::string config = "{}";
  const auto config_digest = push_blob(repository, config);
  const auto layer_digest = push_blob(repository, content);
  return format(
      R"({{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}}}]{}}})",
      config_digest, config.size(), layer_digest, content.size(), more_members);
}

http::Response RegistryTest::put_manifest(const std::string& repository, const std::string& reference,
                                          const std::string& text, const std::string& type) {
  return send("PUT", format("/v2/{}/manifests/{}", repository, reference), text, {{"Content-Type", type}});
}

std::string RegistryTest::push_image(const std::string& repository, const std::string& tag,
                                     const std::string& content) {
  const auto text = image_manifest(repository, content);
  const auto pushed = put_manifest(repository, tag, text);
  EXPECT_EQ(pushed.status, 201) << pushed.body;
  return digest_of(text);
}

std::string RegistryTest::call(const std::string& operation, const std::string& json) {
  http::ClientRequest request{.method = "POST", .url = url("/"), .headers = {}, .body = json};
  request.headers.set("Content-Type", "application/x-amz-json-1.1");
  request.headers.set("X-Amz-Target", format("{}.{}", api::ecr::target_prefix, operation));
  // By the registry's clock, which a test may have turned.
  EXPECT_OK(http::sign(request, keys_, "us-east-1", "ecr", clock_.now()));
  const auto response = client_.send(request);
  EXPECT_OK(response);
  if (!response || response->status == 200) return response ? response->body : "";
  const auto error = parse_json<ErrorBody>(response->body, "error");
  return error ? format("{}: {}", error->name, error->message) : response->body;
}

void RegistryTest::create_repository(const std::string& name) {
  EXPECT_THAT(
      call("CreateRepository", format("{{\"repositoryName\":\"{}\"}}", name)),
      testing::HasSubstr("\"repositoryArn\":\"arn:aws:ecr:us-east-1:123456789012:repository/" + name + "\""));
}

}  // namespace gantry::registry::test
