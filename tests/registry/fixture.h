#pragma once

#include "base/files.h"
#include "http/aws_json.h"
#include "http/client.h"
#include "http/credentials_file.h"
#include "registry/registry.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace gantry::registry::test {

// A registry on a port of its own, in this process, with a data folder of its own.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest();
  ~RegistryTest() override;

  void start();
  void stop();
  void restart() {
    stop();
    start();
  }
  std::string host() const;  // "127.0.0.1:PORT"
  std::string url(const std::string& target) const;

  // Distribution, with a good token.
  http::Response send(const std::string& method, const std::string& target, const std::string& body = {},
                      http::Headers headers = {});
  http::Response get(const std::string& target, http::Headers headers = {});
  // Pushes a blob, an image (config and one layer) or any manifest; returns the digest.
  std::string push_blob(const std::string& repository, const std::string& content);
  std::string image_manifest(const std::string& repository, const std::string& content,
                             const std::string& more_members = {});
  http::Response put_manifest(const std::string& repository, const std::string& reference,
                              const std::string& text,
                              const std::string& type = "application/vnd.oci.image.manifest.v1+json");
  std::string push_image(const std::string& repository, const std::string& tag, const std::string& content);

  // ECR's API. The text of the answer, or "NAME: message" of its error.
  std::string call(const std::string& operation, const std::string& json);
  void create_repository(const std::string& name);

  RegistryOptions options_;
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::make();
  ManualClock clock_;
  http::Credentials keys_{"AKIDREG", Secret("registry-secret"), {}, {}};
  std::unique_ptr<http::FileCredentialStore> credentials_;
  std::shared_ptr<Registry> registry_;
  std::unique_ptr<http::Server> server_;
  http::Client client_;
  std::string token_;
  uint16_t port_ = 0;
};

std::string digest_of(std::string_view bytes);

}  // namespace gantry::registry::test
