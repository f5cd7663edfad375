#include "base/files.h"
#include "base/text.h"
#include "images/image_store.h"
#include "oci/hasher.h"
#include "tests/images/pull_fixture.h"
#include "tests/support/results.h"
#include "tests/support/wait.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::images::test {
namespace {

using oci::LayerCompression;
using testing::HasSubstr;

TEST_F(Pull, UnpacksLayersOfAllCompressions) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::bearer);
  const auto id = add_image(*registry, "app:v1", three_layers());
  auto store = open();
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(image->id, id);
  EXPECT_EQ(image->size, 6U);
  EXPECT_EQ(text(store, *image, "etc/b"), "two");
  EXPECT_EQ(image->tags.at(0).string(), registry->host() + "/app:v1");
  EXPECT_EQ(store.lower_directories(*image)->size(), 3U);
  EXPECT_EQ(registry->count("/token"), 1U) << "tokens must be kept for a scope";
}

TEST_F(Pull, ASecondPullFetchesOnlyTheManifest) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  auto store = open();
  ASSERT_OK(store.pull(reference(*registry), options_));
  ASSERT_OK(store.pull(reference(*registry), options_));
  EXPECT_EQ(registry->count("/blobs/"), 4U);
}

TEST_F(Pull, ImportPushPullGivesTheSameImage) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  ASSERT_OK(make_directories(folder_->path() + "/tree/bin", 0755));
  ASSERT_OK(write_file(folder_->path() + "/tree/bin/tool", std::string(3 << 20, 'x'), 0755));
  auto first = open("a");
  ImportOptions import;
  import.reference = reference(*registry);
  import.changes = {"CMD [\"/bin/tool\"]", "ENV A=b"};
  const auto imported = first.import_directory(folder_->path() + "/tree", import);
  ASSERT_OK(imported);
  const auto digest = first.push(reference(*registry), options_);
  ASSERT_OK(digest);
  auto second = open("b");
  const auto pulled = second.pull(reference(*registry), options_);
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->id, imported->id);
  EXPECT_EQ(pulled->manifest_digest, *digest);
  EXPECT_EQ(pulled->size, imported->size);
  EXPECT_EQ(pulled->config.config.cmd, std::vector<std::string>{"/bin/tool"});
  const auto by_digest = second.resolve(registry->host() + "/app@" + digest->string());
  ASSERT_OK(by_digest);
  // And on to another name: the bytes are those that came.
  ASSERT_OK(second.tag(pulled->id.string(), reference(*registry, "other:v2")));
  EXPECT_EQ(second.push(reference(*registry, "other:v2"), options_).value_or({}), *digest);
}

TEST_F(Pull, PushAsksBeforeItSendsAndMountsWhatAnotherRepositoryHas) {
  const auto registry = FakeRegistry::start();
  registry->accept_mounts = true;
  add_image(*registry, "app:v1", three_layers());
  auto store = open();
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  ASSERT_OK(store.push(reference(*registry), options_));
  EXPECT_EQ(registry->count("POST"), 0U) << "everything was there";
  registry->intercept = [](const http::Request& request) {
    http::Response pass;
    pass.status = request.method == "HEAD" ? 404 : 0;
    return pass;
  };
  ASSERT_OK(store.tag(image->id.string(), reference(*registry, "copy:v1")));
  ASSERT_OK(store.push(reference(*registry, "copy:v1"), options_));
  EXPECT_EQ(registry->count("mount="), 4U);
  EXPECT_EQ(registry->count("PUT /v2/copy/blobs"), 0U);
}

TEST_F(Pull, GoesOnWhereABrokenConnectionLeftOff) {
  const auto registry = FakeRegistry::start();
  const auto noise = big_noise();
  add_image(*registry, "app:v1", {{TarBuilder().file("big", noise).finish(), LayerCompression::gzip}});
  std::atomic<int> cuts = 0;
  const std::string stub = folder_->path() + "/stub";
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    response.status = 0;
    const size_t at = request.path.find("/blobs/");
    if (at == std::string::npos || request.headers.has("Range")) return response;
    const std::string& blob = registry->blobs[request.path.substr(at + 7)];
    if (blob.size() < 100'000 || cuts++ > 0) return response;
    // Promises the whole, and has less: the server breaks off.
    (void)write_file(stub, blob.substr(0, blob.size() / 2));
    response.status = 200;
    response.file = http::FileBody{open_file(stub, O_RDONLY).value(), 0, blob.size()};
    return response;
  };
  auto store = open();
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(cuts, 1);
  EXPECT_EQ(text(store, *image, "big"), noise);
}

TEST_F(Pull, ABlobWhoseFirstConnectionIsRefusedIsTriedAgain) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  std::atomic<int> refused = 0;
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    response.status = request.path.find("/blobs/") != std::string::npos && refused++ == 0 ? 307 : 0;
    response.headers.set("Location", "http://127.0.0.1:1/nobody-listens");
    return response;
  };
  auto store = open();
  EXPECT_OK(store.pull(reference(*registry), options_));
}

TEST_F(Pull, ABusyRegistryIsAskedForTheManifestAgainButNotWithoutEnd) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  std::atomic<int> busy = 2;
  std::atomic<int> asked = 0;
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    const bool manifest = request.path.find("/manifests/") != std::string::npos;
    if (manifest) ++asked;
    response.status = manifest && busy-- > 0 ? 503 : 0;
    return response;
  };
  auto store = open();
  EXPECT_OK(store.pull(reference(*registry), options_));
  EXPECT_EQ(asked, 3);
  busy = 100;
  EXPECT_ERROR(store.pull(reference(*registry), options_), ErrorKind::unavailable, HasSubstr("status 503"));
  EXPECT_EQ(asked, 6);
}

TEST_F(Pull, AFailedCleanUpDoesntHideWhyThePullFailed) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  auto store = open();
  ASSERT_OK(store.pull(reference(*registry), options_));
  add_image(*registry, "app:v2", {{TarBuilder().file("other").finish()}});
  registry->blobs.erase(
      oci::parse_manifest(registry->manifests["app:v2"].text, "m").value().config.digest.string());
  // An image whose record can't be read keeps collection from telling what is used.
  const auto layers = list_directory(root() + "/layers");
  for (const auto& layer : *layers) {
    ASSERT_OK(write_file(format("{}/layers/{}/layer.json", root(), layer), "{"));
  }
  EXPECT_ERROR(store.pull(reference(*registry, "app:v2"), options_), ErrorKind::not_found,
               HasSubstr("BLOB_UNKNOWN"));
}

TEST_F(Pull, AnUnknownTagCostsNoCollection) {
  const auto registry = FakeRegistry::start();
  auto store = open();
  const auto stray = store.content().put("nobody needs this", {});
  ASSERT_OK(stray);
  EXPECT_ERROR(store.pull(reference(*registry), options_), ErrorKind::not_found,
               HasSubstr("MANIFEST_UNKNOWN"));
  EXPECT_TRUE(store.content().exists(stray->digest)) << "a collection ran, though the pull stored nothing";
}

TEST_F(Pull, RedirectsToAnotherHostDontCarryCredentials) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  const auto mirror = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  mirror->blobs = registry->blobs;
  registry->intercept = [&](const http::Request& request) {
    http::Response response;
    response.status = request.path.find("/blobs/") != std::string::npos ? 307 : 0;
    response.headers.set("Location", format("http://{}{}", mirror->host(), request.target));
    return response;
  };
  auto store = open();
  ASSERT_OK(store.pull(reference(*registry), options_));
  EXPECT_EQ(mirror->count("GET"), 4U);
  EXPECT_EQ(mirror->count("+auth"), 0U);
}

TEST_F(Pull, ATokenThatEndsIsRenewed) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::bearer);
  registry->token_uses = 2;
  add_image(*registry, "app:v1", three_layers());
  auto store = ImageStore::open({.root = root(), .parallel_layers = 1}).value();
  ASSERT_OK(store.pull(reference(*registry), options_));
  EXPECT_GT(registry->count("/token"), 1U);
}

TEST_F(Pull, ChoosesThePlatformOfAnIndex) {
  const auto registry = FakeRegistry::start();
  const auto id = add_image(*registry, "app:native", three_layers());
  const auto native = registry->manifests["app:native"].text;
  const auto platform = oci::Platform::host();
  registry->manifests["app:v1"] = {
      std::string(oci::media_type::oci_index),
      format(
          R"({{"schemaVersion":2,"manifests":[{{"mediaType":"{0}","size":1,"digest":"sha256:{1}","platform":{{"os":"linux","architecture":"none"}}}},{{"mediaType":"{0}","size":{2},"digest":"{3}","platform":{{"os":"linux","architecture":"{4}"}}}}]}})",
          oci::media_type::oci_manifest, std::string(64, '0'), native.size(), oci::digest_of(native).string(),
          platform.architecture)};
  auto store = open();
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(image->id, id);
  auto other = options_;
  other.platform = {.architecture = "s390x", .os = "linux"};
  EXPECT_ERROR(store.pull(reference(*registry), other), ErrorKind::not_found,
               HasSubstr("no image for platform linux/s390x"));
}

struct Bad {
  const char* name;
  std::function<void(FakeRegistry&)> bend;
  ErrorKind kind;
  const char* says;
};

std::string& largest_blob(FakeRegistry& registry) {
  auto largest = registry.blobs.begin();
  for (auto it = registry.blobs.begin(); it != registry.blobs.end(); ++it) {
    if (it->second.size() > largest->second.size()) largest = it;
  }
  return largest->second;
}

void replace_in_manifest(FakeRegistry& registry, const std::string& from, const std::string& to) {
  auto& text = registry.manifests["app:v1"].text;
  text.replace(text.find(from), from.size(), to);
}

TEST_F(Pull, BadImagesAreRefusedAndLeaveNothing) {
  const Bad cases[] = {
      {"changed layer", [](auto& r) { largest_blob(r)[50] ^= 1; }, ErrorKind::corrupt,
       "digest doesn't match"},
      {"garbage for a layer", [](auto& r) { largest_blob(r) = std::string(largest_blob(r).size(), 'z'); },
       ErrorKind::corrupt, "digest doesn't match"},
      {"truncated layer", [](auto& r) { largest_blob(r).resize(100); }, ErrorKind::corrupt,
       "size doesn't match"},
      {"layer that is too long", [](auto& r) { largest_blob(r) += "more"; }, ErrorKind::corrupt,
       "size doesn't match"},
      {"missing layer", [](auto& r) { r.blobs.erase(oci::digest_of(largest_blob(r)).string()); },
       ErrorKind::not_found, "BLOB_UNKNOWN"},
      {"unknown tag", [](auto& r) { r.manifests.clear(); }, ErrorKind::not_found, "MANIFEST_UNKNOWN"},
      {"manifest that isn't JSON", [](auto& r) { r.manifests["app:v1"].text = "<html>"; }, ErrorKind::invalid,
       "JSON"},
      {"manifest and index in one",
       [](auto& r) { replace_in_manifest(r, "\"config\"", "\"manifests\":[],\"config\""); },
       ErrorKind::invalid, "both"},
      {"unknown layer type", [](auto& r) { replace_in_manifest(r, "layer.v1.tar+gzip", "layer.v1.tar+xz"); },
       ErrorKind::unsupported, "tar+xz"},
      {"foreign layer",
       [](auto& r) { replace_in_manifest(r, "layer.v1.tar+gzip", "layer.nondistributable.v1.tar+gzip"); },
       ErrorKind::unsupported, "foreign"},
      {"no image at all", [](auto& r) { replace_in_manifest(r, "image.config.v1", "helm.config.v1"); },
       ErrorKind::unsupported, "no container image"},
      {"digest that is a path", [](auto& r) { replace_in_manifest(r, "\"sha256:", "\"sha256:../../"); },
       ErrorKind::invalid, "digest must be"},
      {"registry in trouble",
       [](auto& r) { r.intercept = [](const auto&) { return http::Response::text(503, "later"); }; },
       ErrorKind::unavailable, "503"},
      {"redirect to plain HTTP elsewhere",
       [](auto& r) {
         r.intercept = [](const auto&) {
           http::Response response;
           response.status = 307;
           response.headers.set("Location", "http://192.0.2.1/x");
           return response;
         };
       },
       ErrorKind::denied, "not https"},
  };
  for (const auto& bad : cases) {
    SCOPED_TRACE(bad.name);
    const auto registry = FakeRegistry::start();
    std::string noise;
    for (int i = 0; i < 500; ++i) noise += format("{:x}", i * 2654435761U);
    add_image(*registry, "app:v1",
              {{TarBuilder().file("a", noise).finish()}, {TarBuilder().file("b").finish()}});
    bad.bend(*registry);
    auto store = open();
    EXPECT_ERROR(store.pull(reference(*registry), options_), bad.kind, HasSubstr(bad.says));
    expect_nothing_left(store);
  }
}

TEST_F(Pull, AnUncompressedDigestThatDoesntMatchIsRefused) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", {{TarBuilder().file("a").finish()}});
  // A config whose diff id is another one, and a manifest that names it rightly.
  auto& manifest = registry->manifests["app:v1"].text;
  const auto parsed = oci::parse_manifest(manifest, "m").value();
  auto config = oci::parse_image_config(registry->blobs[parsed.config.digest.string()], "c").value();
  config.rootfs.diff_ids = {oci::digest_of("another")};
  auto changed = parsed;
  const auto text = oci::to_json_text(config);
  changed.config.digest = oci::digest_of(text);
  changed.config.size = static_cast<int64_t>(text.size());
  registry->blobs[changed.config.digest.string()] = text;
  manifest = oci::to_json_text(changed);
  auto store = open();
  EXPECT_ERROR(store.pull(reference(*registry), options_), ErrorKind::corrupt,
               HasSubstr("content's digest doesn't match"));
  expect_nothing_left(store);
}

TEST_F(Pull, BombsStopAtTheLimit) {
  for (const auto compression : {LayerCompression::gzip, LayerCompression::zstd}) {
    const auto registry = FakeRegistry::start();
    add_image(*registry, "app:v1",
              {{TarBuilder().file("zeros", std::string(64 << 20, '\0')).finish(), compression}});
    auto store = open("a", uint64_t{16} << 20);
    EXPECT_ERROR(store.pull(reference(*registry), options_), ErrorKind::invalid,
                 HasSubstr("more than the limit"));
    expect_nothing_left(store);
  }
}

TEST_F(Pull, WrongPasswordsAndNoPasswordsAreToldApart) {
  for (const auto auth : {FakeRegistry::Auth::basic, FakeRegistry::Auth::bearer}) {
    const auto registry = FakeRegistry::start(auth);
    add_image(*registry, "app:v1", three_layers());
    auto store = open();
    options_.credential = user("wrong");
    const auto failed = store.pull(reference(*registry), options_);
    EXPECT_FALSE(bool(failed));
    EXPECT_EQ(failed.error().kind(), ErrorKind::unauthenticated) << failed.error().message();
    EXPECT_EQ(failed.error().message().find("wrong"), std::string::npos) << "no password in a message";
    expect_nothing_left(store);
  }
}

// Run as a program of its own by the test below; it pulls until it is killed.
TEST(PullHelper, DISABLED_PullsUntilKilled) {
  auto store = ImageStore::open({.root = getenv("PULL_ROOT"), .parallel_layers = 1}).value();
  (void)store.pull(oci::Reference::parse(getenv("PULL_REFERENCE")).value(), {.credential = Credential{}});
}

TEST_F(Pull, AKilledPullLeavesAStoreThatTheNextOneRepairs) {
  const auto registry = FakeRegistry::start();
  add_image(*registry, "app:v1", three_layers());
  std::atomic<bool> reached = false;
  std::atomic<bool> open_gate = false;
  std::atomic<int> blobs = 0;
  registry->intercept = [&](const http::Request& request) {
    http::Response pass;
    pass.status = 0;
    // The config and one layer pass; the next one waits.
    if (request.path.find("/blobs/") == std::string::npos || blobs++ < 2 || open_gate) return pass;
    reached = true;
    (void)gantry::test::wait_until([&] { return open_gate.load(); });
    return pass;
  };
  setenv("PULL_ROOT", root().c_str(), 1);
  setenv("PULL_REFERENCE", reference(*registry).string().c_str(), 1);
  std::string self = "/proc/self/exe";
  std::string filter = "--gtest_filter=PullHelper.*";
  std::string also = "--gtest_also_run_disabled_tests";
  char* arguments[] = {self.data(), filter.data(), also.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(posix_spawn(&child, self.c_str(), nullptr, nullptr, arguments, environ), 0);
  ASSERT_TRUE(gantry::test::wait_until([&] { return reached.load(); }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  open_gate = true;
  EXPECT_GE(list_directory(root() + "/ingest")->size(), 1U) << "the kill came too late to show anything";
  auto store = open();
  EXPECT_EQ(list_directory(root() + "/ingest")->size(), 0U);
  EXPECT_EQ(list_directory(root() + "/leases")->size(), 0U);
  for (const auto& name : list_directory(root() + "/layers").value_or({}))
    EXPECT_FALSE(name.starts_with("tmp-"));
  EXPECT_EQ(store.list()->size(), 0U);
  const auto image = store.pull(reference(*registry), options_);
  ASSERT_OK(image);
  EXPECT_EQ(text(store, *image, "etc/b"), "two");
}

}  // namespace
}  // namespace gantry::images::test
