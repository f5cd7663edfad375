#include "base/files.h"
#include "base/text.h"
#include "images/image_store.h"
#include "oci/hasher.h"
#include "oci/manifest.h"
#include "tests/images/fake_registry.h"
#include "tests/images/raw_server.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <atomic>
#include <fcntl.h>
#include <unistd.h>

// Registries that lie: each pull ends in an error that says why, within the time limits, and leaves nothing.
namespace gantry::images {
namespace {

using test::add_image;
using test::FakeRegistry;
using test::RawServer;
using test::TarBuilder;
using testing::AnyOf;
using testing::HasSubstr;

http::Response pass() {
  http::Response response;
  response.status = 0;
  return response;
}

http::Response redirect(const std::string& location) {
  http::Response response;
  response.status = 307;
  response.headers.set("Location", location);
  return response;
}

bool is_blob(const http::Request& request) {
  return request.path.find("/blobs/") != std::string::npos;
}

std::string noise(size_t size) {
  std::string text;
  uint64_t state = 1;
  while (text.size() < size) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    text += static_cast<char>(state >> 56U);
  }
  return text;
}

class LyingRegistry : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(TemporaryDirectory::make().value());
    store_.emplace(ImageStore::open({.root = root(), .registry_limits = limits_}).value());
  }
  std::string root() const { return folder_->path() + "/store"; }

  Result<Image> pull(const std::string& host) {
    PullOptions options;
    options.credential = Credential{"user", Secret("password"), Secret()};
    return store_->pull(oci::Reference::parse(host + "/app:v1").value(), options);
  }

  void expect_nothing_left() {
    EXPECT_EQ(store_->list().value_or({Image{}}).size(), 0U);
    for (const char* folder : {"layers", "ingest", "leases"}) {
      EXPECT_EQ(list_directory(root() + "/" + folder).value_or({"?"}), std::vector<std::string>()) << folder;
    }
  }

  // A registry whose image has one layer of noise, which `tell` bends.
  std::shared_ptr<FakeRegistry> registry(size_t size = 200'000) {
    auto made = FakeRegistry::start();
    add_image(*made, "app:v1", {{TarBuilder().file("a", noise(size)).finish()}});
    return made;
  }

  RegistryLimits limits_{.connect = std::chrono::seconds(5),
                         .stall = std::chrono::seconds(1),
                         .document = std::chrono::seconds(2),
                         .attempts = 2,
                         .retry_pause = std::chrono::milliseconds(10)};
  std::optional<TemporaryDirectory> folder_;
  std::optional<ImageStore> store_;
};

struct Answer {
  const char* name;
  RawServer::Answer answer;
  testing::Matcher<const ErrorKind&> kind;
  testing::Matcher<const std::string&> says;
};

constexpr std::string_view manifest_head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\n";

// Sends for as long as the client listens.
void send_without_end(RawServer::Client& client, const std::string& piece) {
  while (client.send(piece)) continue;
}

std::vector<Answer> manifest_answers() {
  const auto with = [](const std::string& rest) { return std::string(manifest_head) + rest; };
  return {
      {"silence", [](const auto&, auto& client) { client.wait_until_gone(); }, ErrorKind::timeout,
       HasSubstr("manifests/v1")},
      {"a head and then silence",
       [with](const auto&, auto& client) {
         client.send(with("Content-Length: 100\r\n\r\n{"));
         client.wait_until_gone();
       },
       ErrorKind::timeout, HasSubstr("manifests/v1")},
      {"a byte now and then, fast enough to be no stall",
       [with](const auto&, auto& client) {
         client.send(with("Content-Length: 100000\r\n\r\n"));
         while (client.send(" ")) usleep(50'000);
       },
       ErrorKind::timeout, HasSubstr("manifests/v1")},
      {"a body without end",
       [with](const auto&, auto& client) {
         client.send(with("Transfer-Encoding: chunked\r\n\r\n"));
         send_without_end(client, "10000\r\n" + std::string(0x10000, ' ') + "\r\n");
       },
       ErrorKind::invalid, HasSubstr("longer than 4194304 bytes")},
      {"a head without end",
       [](const auto&, auto& client) {
         client.send("HTTP/1.1 200 OK\r\n");
         send_without_end(client, "X-Filler: " + std::string(1000, 'x') + "\r\n");
       },
       AnyOf(ErrorKind::unavailable, ErrorKind::invalid), HasSubstr("manifests/v1")},
      {"less than promised",
       [with](const auto&, auto& client) { client.send(with("Content-Length: 100\r\n\r\n{}")); },
       ErrorKind::unavailable, HasSubstr("manifests/v1")},
      {"no HTTP", [](const auto&, auto& client) { client.send("SSH-2.0-OpenSSH_9.2\r\n"); },
       ErrorKind::invalid, HasSubstr("manifests/v1")},
      {"nothing at all", [](const auto&, auto&) {}, ErrorKind::unavailable, HasSubstr("manifests/v1")},
      {"an error's text without end",
       [](const auto&, auto& client) {
         client.send("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n");
         send_without_end(client, "10000\r\n" + std::string(0x10000, 'x') + "\r\n");
       },
       ErrorKind::invalid, HasSubstr("longer than")},
      {"a redirect to a file",
       [](const auto&, auto& client) {
         client.send("HTTP/1.1 307 See\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
       },
       ErrorKind::invalid, HasSubstr("scheme must be http")},
      {"a redirect to nowhere",
       [](const auto&, auto& client) { client.send("HTTP/1.1 307 See\r\nContent-Length: 0\r\n\r\n"); },
       AnyOf(ErrorKind::invalid, ErrorKind::unavailable), HasSubstr("redirect")},
      {"a redirect to itself",
       [](const auto&, auto& client) {
         client.send("HTTP/1.1 307 See\r\nLocation: v1\r\nContent-Length: 0\r\n\r\n");
       },
       ErrorKind::invalid, HasSubstr("more than 5 redirects")},
  };
}

TEST_F(LyingRegistry, WhateverComesForAManifestThePullEnds) {
  for (const auto& lie : manifest_answers()) {
    SCOPED_TRACE(lie.name);
    const auto server = RawServer::start(lie.answer);
    const auto image = pull(server->host());
    ASSERT_FALSE(image);
    EXPECT_THAT(image.error().kind(), lie.kind) << image.error().message();
    EXPECT_THAT(image.error().message(), lie.says);
    expect_nothing_left();
  }
}

TEST_F(LyingRegistry, AManifestOfAnotherDigestThanAskedForIsRefused) {
  const auto liar = registry();
  const std::string digest = "sha256:" + std::string(64, 'a');
  liar->manifests["app:" + digest] = liar->manifests["app:v1"];
  const auto image = store_->pull(oci::Reference::parse(liar->host() + "/app@" + digest).value(), {});
  EXPECT_ERROR(image, ErrorKind::corrupt, HasSubstr("digest doesn't match"));
  expect_nothing_left();
}

TEST_F(LyingRegistry, AnIndexThatLeadsToItselfEnds) {
  // No index can hold its own digest: the registry answers the digest with the index all the same.
  const auto liar = registry();
  const auto platform = oci::Platform::host();
  const std::string digest = "sha256:" + std::string(64, 'a');
  liar->manifests["app:v1"] = {
      std::string(oci::media_type::oci_index),
      format(
          R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{}","size":1,"digest":"{}","platform":{{"os":"linux","architecture":"{}"}}}}]}})",
          oci::media_type::oci_index, digest, platform.architecture)};
  liar->manifests["app:" + digest] = liar->manifests["app:v1"];
  EXPECT_ERROR(pull(liar->host()), ErrorKind::corrupt, HasSubstr("digest doesn't match"));
  expect_nothing_left();
}

TEST_F(LyingRegistry, BlobsThatAreRedirectedInALoopOrToAFileAreRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"/v2/app/blobs/again", "more than 5 redirects"},       {"file:///etc/passwd", "scheme must be http"},
      {"gopher://127.0.0.1/", "scheme must be http"},         {"ws://127.0.0.1/", "ws"},
      {"http://user:secret@127.0.0.1/", "user and password"},
  };
  for (const auto& [location, says] : cases) {
    SCOPED_TRACE(location);
    const auto liar = registry();
    liar->intercept = [&, where = location](const auto& request) {
      return is_blob(request) ? redirect(where) : pass();
    };
    const auto image = pull(liar->host());
    ASSERT_FALSE(image);
    EXPECT_THAT(image.error().message(), HasSubstr(says));
    EXPECT_NE(image.error().kind(), ErrorKind::unavailable) << "it would be tried again";
    expect_nothing_left();
  }
}

TEST_F(LyingRegistry, ABlobWithoutEndStopsAtItsSize) {
  const auto liar = registry();
  const std::string endless = folder_->path() + "/endless";
  const auto file = open_file(endless, O_RDWR | O_CREAT, 0600);
  ASSERT_OK(file);
  ASSERT_EQ(ftruncate(file->get(), off_t{1} << 40), 0);
  liar->intercept = [&](const http::Request& request) {
    if (!is_blob(request)) return pass();
    http::Response response;
    response.file = http::FileBody{open_file(endless, O_RDONLY).value(), 0, uint64_t{1} << 40};
    return response;
  };
  EXPECT_ERROR(pull(liar->host()), ErrorKind::corrupt, HasSubstr("more than the"));
  expect_nothing_left();
}

TEST_F(LyingRegistry, ABlobThatStallsIsGivenUpAfterItsAttempts) {
  const auto liar = registry();
  std::atomic<int> connections = 0;
  const auto tarpit = RawServer::start([&](const auto&, auto& client) {
    ++connections;
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nabc");
    client.wait_until_gone();
  });
  liar->intercept = [&](const auto& request) {
    return is_blob(request) ? redirect("http://" + tarpit->host() + "/x") : pass();
  };
  EXPECT_ERROR(pull(liar->host()), ErrorKind::timeout, HasSubstr(tarpit->host()));
  EXPECT_EQ(connections, 2);
  EXPECT_EQ(store_->list()->size(), 0U);
}

TEST_F(LyingRegistry, ALayerThatIsAnotherOneFromItsMiddleOnIsRefused) {
  // The first answer breaks off half way; the rest, asked for by range, is of another blob.
  const auto liar = registry();
  const std::string half = folder_->path() + "/half";
  std::atomic<int> ranges = 0;
  liar->intercept = [&](const http::Request& request) {
    if (!is_blob(request)) return pass();
    const auto& blob = liar->blobs[request.path.substr(request.path.rfind('/') + 1)];
    if (blob.size() < 100'000) return pass();
    http::Response response;
    if (!request.headers.has("Range")) {
      (void)write_file(half, blob.substr(0, blob.size() / 2));
      response.file = http::FileBody{open_file(half, O_RDONLY).value(), 0, blob.size()};
      return response;
    }
    ++ranges;
    const std::string range = request.headers.get("Range");
    const auto from = parse_unsigned("range", range.substr(6, range.find('-') - 6)).value_or(0);
    response.status = 206;
    response.headers.set("Content-Range", format("bytes {}-{}/{}", from, blob.size() - 1, blob.size()));
    response.body = std::string(blob.size() - from, 'x');
    return response;
  };
  EXPECT_ERROR(pull(liar->host()), ErrorKind::corrupt, HasSubstr("digest doesn't match"));
  EXPECT_EQ(ranges, 1);
  expect_nothing_left();
}

TEST_F(LyingRegistry, AnAnswerToARangeThatBeginsElsewhereIsRefused) {
  const auto liar = registry();
  liar->intercept = [&](const http::Request& request) {
    if (!is_blob(request)) return pass();
    http::Response response;
    response.status = 206;
    response.headers.set("Content-Range", "bytes 7-99/100");
    response.body = std::string(93, 'x');
    return response;
  };
  EXPECT_ERROR(pull(liar->host()), ErrorKind::invalid, HasSubstr("bytes 7-99/100"));
  expect_nothing_left();
}

TEST_F(LyingRegistry, ATagThatMovesMeanwhileGivesOneImageOrTheOther) {
  // The tag is asked for once: what follows is by digest, whatever the tag has become.
  const auto liar = registry();
  const auto first = oci::parse_manifest(liar->manifests["app:v1"].text, "m")->config.digest;
  std::atomic<int> asked = 0;
  liar->intercept = [&](const http::Request& request) {
    if (!request.path.ends_with("/manifests/v1")) return pass();
    if (asked++ > 0) return http::Response::text(404, "gone");
    return pass();
  };
  const auto image = pull(liar->host());
  ASSERT_OK(image);
  EXPECT_EQ(image->id, first);
  EXPECT_EQ(asked, 1);
}

// containerd CVE-2020-15157: credentials were sent to the host that a foreign layer named, on its challenge.
TEST_F(LyingRegistry, CVE_2020_15157_AHostThatBlobsAreRedirectedToGetsNoCredentialsOnItsChallenge) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  add_image(*registry, "app:v1", {{TarBuilder().file("a").finish()}});
  const auto thief = FakeRegistry::start(FakeRegistry::Auth::basic);
  thief->blobs = registry->blobs;
  registry->intercept = [&](const auto& request) {
    return is_blob(request) ? redirect(format("http://{}{}", thief->host(), request.target)) : pass();
  };
  EXPECT_ERROR(pull(registry->host()), ErrorKind::unauthenticated, HasSubstr("blob"));
  EXPECT_GE(thief->count("GET"), 1U);
  EXPECT_EQ(thief->count("+auth"), 0U);
  expect_nothing_left();
}

TEST_F(LyingRegistry, CVE_2020_15157_AForeignLayersHostIsNeverAsked) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  const auto thief = FakeRegistry::start(FakeRegistry::Auth::basic);
  add_image(*registry, "app:v1", {{TarBuilder().file("a").finish()}});
  auto& text = registry->manifests["app:v1"].text;
  auto manifest = oci::parse_manifest(text, "m").value();
  manifest.layers[0].media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  manifest.layers[0].urls = {format("http://{}/layer", thief->host())};
  text = oci::to_json_text(manifest);
  EXPECT_ERROR(pull(registry->host()), ErrorKind::unsupported, HasSubstr(thief->host()));
  EXPECT_TRUE(thief->log().empty());
  expect_nothing_left();
}

// image-spec CVE-2021-41190: one document, read as a manifest by one and as an index by another.
TEST_F(LyingRegistry, CVE_2021_41190_ADocumentIsAManifestOrAnIndexAndOfTheTypeThatItIsServedAs) {
  const struct {
    const char* name;
    const char* served;
    const char* from;
    const char* to;
  } cases[] = {
      {"both", "application/vnd.oci.image.manifest.v1+json", "\"config\"", "\"manifests\":[],\"config\""},
      {"both, served as an index", "application/vnd.oci.image.index.v1+json", "\"config\"",
       "\"manifests\":[],\"config\""},
      {"a manifest served as an index", "application/vnd.oci.image.index.v1+json", "", ""},
      {"a manifest that says it is an index", "application/vnd.oci.image.manifest.v1+json",
       "\"application/vnd.oci.image.manifest.v1+json\"", "\"application/vnd.oci.image.index.v1+json\""},
  };
  for (const auto& lie : cases) {
    SCOPED_TRACE(lie.name);
    const auto liar = registry();
    auto& document = liar->manifests["app:v1"];
    document.media_type = lie.served;
    const std::string from = lie.from;
    ASSERT_NE(document.text.find(from), std::string::npos);
    document.text.replace(document.text.find(from), from.size(), lie.to);
    const auto image = pull(liar->host());
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().kind(), ErrorKind::invalid) << image.error().message();
    expect_nothing_left();
  }
}

// containers/image CVE-2024-3727: a digest became a path before anybody had looked at it.
TEST_F(LyingRegistry, CVE_2024_3727_ADigestThatIsNoneIsRefusedBeforeAnythingIsAskedFor) {
  const std::string hex(64, 'a');
  for (const std::string& digest :
       {std::string("sha256:../../../../tmp/x"), "sha256:" + hex + "/../x", "../" + hex,
        "sha256:" + std::string(63, 'a'), "sha256:" + hex + "a", "sha256:" + std::string(64, 'A'),
        "md5:" + std::string(32, 'a'), std::string("sha256:"), std::string()}) {
    for (const bool config : {true, false}) {
      SCOPED_TRACE(digest + (config ? " config" : " layer"));
      const auto liar = registry();
      auto& text = liar->manifests["app:v1"].text;
      const auto manifest = oci::parse_manifest(text, "m").value();
      const auto old = (config ? manifest.config : manifest.layers[0]).digest.string();
      text.replace(text.find(old), old.size(), digest);
      const auto image = pull(liar->host());
      ASSERT_FALSE(image);
      EXPECT_THAT(image.error().message(), HasSubstr("digest"));
      EXPECT_EQ(liar->count("/blobs/"), 0U);
      expect_nothing_left();
    }
  }
}

}  // namespace
}  // namespace gantry::images
