#pragma once

#include "http/server.h"
#include "images/compression.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::images::test {

// An OCI registry in memory, on a loopback port, which tests bend as they need.
class FakeRegistry final : public http::Handler, public std::enable_shared_from_this<FakeRegistry> {
 public:
  enum class Auth { none, basic, bearer };
  struct Document {
    std::string media_type;
    std::string text;
  };

  static std::shared_ptr<FakeRegistry> start(Auth auth = Auth::none);
  ~FakeRegistry() override;

  std::string host() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  http::BodyPlan plan_body(const http::Request& head) override;
  http::Response handle(http::Request& request) override;

  // What it holds, by digest and "repository:tag"; set before requests come.
  std::map<std::string, std::string> blobs;
  std::map<std::string, Document> manifests;
  // Looks at each request first; a status other than 0 is the answer.
  std::function<http::Response(const http::Request&)> intercept;
  bool accept_mounts = false;
  int token_uses = 1'000'000;  // a token is good for so many requests

  std::vector<std::string> log() const;  // "METHOD target", and " +auth" where there was an Authorization
  size_t count(const std::string& part) const;

 private:
  http::Response answer(http::Request& request);
  bool authorized(const http::Request& request);
  http::Response token(const http::Request& request);
  http::Response challenge() const;
  http::Response blob(const http::Request& request, const std::string& digest);
  http::Response manifest(http::Request& request, const std::string& repository,
                          const std::string& reference);
  http::Response upload(http::Request& request, const std::string& rest);

  Auth auth_ = Auth::none;
  std::unique_ptr<http::Server> server_;
  mutable std::mutex mutex_;
  std::vector<std::string> log_;
  std::map<std::string, std::string> uploads_;
  int uses_left_ = 0;
  int tokens_given_ = 0;
};

// Puts an image of these layers (tars) into the registry as "repository:tag", and says its config's digest.
struct FakeLayer {
  std::string tar;
  oci::LayerCompression compression = oci::LayerCompression::gzip;
};
oci::Digest add_image(FakeRegistry& registry, const std::string& name, const std::vector<FakeLayer>& layers,
                      const oci::ContainerConfig& config = {});
std::string compress(const std::string& bytes, oci::LayerCompression compression);

}  // namespace gantry::images::test
