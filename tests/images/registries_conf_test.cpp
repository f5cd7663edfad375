#include "images/registries_conf.h"

#include "base/files.h"
#include "images/image_store.h"
#include "tests/images/fake_registry.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <cstdlib>

namespace gantry::images {
namespace {

using test::FakeRegistry;
using testing::HasSubstr;

oci::Reference named(const std::string& text) {
  return oci::Reference::parse(text).value();
}

std::vector<std::string> places(const RegistriesConf& conf, const std::string& name) {
  std::vector<std::string> found;
  const auto sources = conf.sources(named(name));
  if (!sources) return {sources.error().message()};
  for (const auto& source : *sources) {
    found.push_back(format("{}/{}{}{}", source.host, source.path, source.insecure ? " insecure" : "",
                           source.is_mirror ? " mirror" : ""));
  }
  return found;
}

TEST(RegistriesConf, WithoutRulesAReferenceIsItsOwnSource) {
  const RegistriesConf conf;
  EXPECT_EQ(places(conf, "debian:12"), (std::vector<std::string>{"registry-1.docker.io/library/debian"}));
  EXPECT_EQ(conf.primary(named("debian"))->login, "docker.io");
}

TEST(RegistriesConf, MirrorsComeFirstInTheirOrderAndTheRestOfTheNameFollowsThePrefix) {
  const auto conf = RegistriesConf::parse(R"(
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.lan:5000/hub"
insecure = true
[[registry.mirror]]
location = "second.example.com"
[[registry]]
prefix = "docker.io/library/nginx"
location = "own.example.com/web/nginx"
[[registry]]
prefix = "*.example.org"
insecure = true
)",
                                          "conf");
  ASSERT_OK(conf);
  EXPECT_EQ(places(*conf, "debian"),
            (std::vector<std::string>{"mirror.lan:5000/hub/library/debian insecure mirror",
                                      "second.example.com/library/debian mirror",
                                      "registry-1.docker.io/library/debian"}));
  EXPECT_EQ(places(*conf, "nginx:1"), (std::vector<std::string>{"own.example.com/web/nginx"}));
  EXPECT_EQ(places(*conf, "nginx2"), places(*conf, "docker.io/library/nginx2"));
  EXPECT_EQ(places(*conf, "nginx2").size(), 3U) << "a prefix ends at a slash";
  EXPECT_EQ(places(*conf, "a.example.org:5000/x"),
            (std::vector<std::string>{"a.example.org:5000/x insecure"}));
  EXPECT_EQ(places(*conf, "example.org/x"), (std::vector<std::string>{"example.org/x"}));
}

TEST(RegistriesConf, AMirrorMayBeForDigestsOrForTagsOnly) {
  const auto conf = RegistriesConf::parse(R"(
[[registry]]
location = "r.example.com"
[[registry.mirror]]
location = "digests.example.com"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "tags.example.com"
pull-from-mirror = "tag-only"
)",
                                          "conf");
  ASSERT_OK(conf);
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(places(*conf, "r.example.com/a:1"),
            (std::vector<std::string>{"tags.example.com/a mirror", "r.example.com/a"}));
  EXPECT_EQ(places(*conf, "r.example.com/a@" + digest),
            (std::vector<std::string>{"digests.example.com/a mirror", "r.example.com/a"}));
}

TEST(RegistriesConf, ABlockedRegistryIsRefusedForPullAndPush) {
  const auto conf =
      RegistriesConf::parse("[[registry]]\nprefix = \"bad.example.com\"\nblocked = true\n", "conf");
  ASSERT_OK(conf);
  EXPECT_ERROR(conf->sources(named("bad.example.com/a")), ErrorKind::denied,
               HasSubstr("registry bad.example.com is blocked in conf"));
  EXPECT_ERROR(conf->primary(named("bad.example.com/a")), ErrorKind::denied, HasSubstr("blocked"));
  EXPECT_OK(conf->primary(named("good.example.com/a")));
}

TEST(RegistriesConf, WhatItCantHonourIsRefusedWithItsLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"x = ", "line 1: "},
      {"short-name-mode = \"enforcing\"", "line 1: short-name-mode: is not supported"},
      {"unqualified-search-registries = [\"quay.io\"]", "must be [\"docker.io\"]"},
      {"[registry]\nlocation = \"a.b\"", "registry: must be tables: [[registry]]"},
      {"[[registry]]\n\ncolour = 1", "line 3: registry.colour: is not supported"},
      {"[[registry]]\ninsecure = true", "registry: must have a prefix or a location"},
      {"[[registry]]\nlocation = \"a.b\"\ninsecure = \"yes\"",
       "line 3: registry.insecure: must be true or false"},
      {"[[registry]]\nlocation = 5", "registry.location: must be a string"},
      {"[[registry]]\nlocation = \"a.b/c:tag\"", "must be HOST[:PORT][/PATH] without a tag"},
      {"[[registry]]\nlocation = \"https://a.b\"", "must be HOST[:PORT][/PATH]"},
      {"[[registry]]\nlocation = \"nohost\"", "must be HOST[:PORT][/PATH]"},
      {"[[registry]]\nprefix = \"*.a.b/c\"", "a wildcard is *.DOMAIN"},
      {"[[registry]]\nlocation = \"a.b\"\n[[registry]]\nlocation = \"a.b\"",
       "line 3: registry.prefix: \"a.b\" is there twice"},
      {"[[registry]]\nlocation = \"a.b\"\n[[registry.mirror]]\ninsecure = true",
       "line 3: registry.mirror.location: must be given"},
      {"[[registry]]\nlocation = \"a.b\"\n[[registry.mirror]]\nlocation = \"c.d\"\npull-from-mirror = "
       "\"never\"",
       "must be all, digest-only or tag-only, found \"never\""},
  };
  for (const auto& [text, error] : cases) {
    SCOPED_TRACE(text);
    EXPECT_ERROR(RegistriesConf::parse(text, "conf"), ErrorKind::invalid, HasSubstr(error));
  }
}

// Real pulls, through a file that the environment names.
class MirroredPull : public testing::Test {
 protected:
  void SetUp() override {
    folder_.emplace(TemporaryDirectory::make().value());
    setenv("GANTRY_REGISTRIES_CONF", file().c_str(), 1);
  }
  void TearDown() override { unsetenv("GANTRY_REGISTRIES_CONF"); }
  std::string file() const { return folder_->path() + "/registries.conf"; }
  void configure(const std::string& text) { ASSERT_OK(write_file(file(), text, 0644)); }
  Result<Image> pull(const FakeRegistry& registry) {
    auto store = ImageStore::open({.root = folder_->path() + "/store"});
    if (!store) return store.error();
    PullOptions options;
    options.credential = Credential{"user", Secret("password"), Secret()};
    return store->pull(named(registry.host() + "/app:v1"), options);
  }
  static std::string mirror_of(const FakeRegistry& registry, const std::string& mirror) {
    return format("[[registry]]\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
                  registry.host(), mirror);
  }
  std::optional<TemporaryDirectory> folder_;
};

std::vector<test::FakeLayer> one_layer() {
  return {{test::TarBuilder().file("a", "one").finish()}};
}

TEST_F(MirroredPull, AsksTheMirrorOnlyWhenItHasTheImageAndGivesItNoCredentials) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  const auto mirror = FakeRegistry::start();
  const auto id = test::add_image(*mirror, "hub/app:v1", one_layer());
  configure(mirror_of(*registry, mirror->host() + "/hub"));
  const auto image = pull(*registry);
  ASSERT_OK(image);
  EXPECT_EQ(image->id, id);
  EXPECT_EQ(image->tags, std::vector<oci::Reference>{named(registry->host() + "/app:v1")});
  EXPECT_TRUE(registry->log().empty());
  EXPECT_EQ(mirror->count("+auth"), 0U);
}

TEST_F(MirroredPull, GoesOnToTheRegistryWhenTheMirrorHasntGotItOrIsDownOrLies) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::basic);
  const auto id = test::add_image(*registry, "app:v1", one_layer());
  const auto mirror = FakeRegistry::start();
  configure(mirror_of(*registry, mirror->host()));
  EXPECT_EQ(pull(*registry)->id, id);
  configure(mirror_of(*registry, "127.0.0.1:1"));
  EXPECT_EQ(pull(*registry)->id, id);
  test::add_image(*mirror, "app:v1", {{test::TarBuilder().file("a", "other").finish()}});
  for (auto& [digest, bytes] : mirror->blobs) bytes += "x";
  configure(mirror_of(*registry, mirror->host()));
  const auto image = pull(*registry);
  ASSERT_OK(image);
  EXPECT_EQ(image->id, id);
}

TEST_F(MirroredPull, AnInsecureRegistryIsSpokenToInPlainHttpWhenItAnswersNoHttps) {
  const auto registry = FakeRegistry::start(FakeRegistry::Auth::bearer);
  test::add_image(*registry, "app:v1", one_layer());
  // 0.0.0.0 leads to this machine, but isn't one of the names that plain HTTP is always spoken to.
  const std::string host = "0.0.0.0" + registry->host().substr(registry->host().rfind(':'));
  auto store = ImageStore::open({.root = folder_->path() + "/store"});
  ASSERT_OK(store);
  PullOptions options;
  options.credential = Credential{"user", Secret("password"), Secret()};
  configure("");
  EXPECT_FALSE(store->pull(named(host + "/app:v1"), options));
  configure(format("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", host));
  EXPECT_OK(store->pull(named(host + "/app:v1"), options));
}

TEST_F(MirroredPull, AFileThatIsNamedMustBeThere) {
  const auto registry = FakeRegistry::start();
  EXPECT_ERROR(pull(*registry), ErrorKind::not_found, HasSubstr("registries.conf"));
  EXPECT_TRUE(registry->log().empty());
}

}  // namespace
}  // namespace gantry::images
