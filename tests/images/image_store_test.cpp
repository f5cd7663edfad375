#include "images/image_store.h"

#include "base/files.h"
#include "base/process.h"
#include "images/overlay.h"
#include "tests/images/fake_registry.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace gantry::images {
namespace {

using oci::LayerCompression;
using test::TarBuilder;
using testing::ElementsAre;
using testing::HasSubstr;

class Store : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    signal(SIGPIPE, SIG_IGN);  // an import that fails closes the pipe before the archive's end
  }
  std::string root() const { return folder_->path() + "/images"; }
  ImageStore open() { return ImageStore::open({.root = root()}).value(); }
  static oci::Reference reference(const std::string& text) { return oci::Reference::parse(text).value(); }

  // The archive through a pipe, as the command line gets it.
  Result<Image> import(ImageStore& store, const std::string& bytes, const ImportOptions& options) {
    auto pipe = Pipe::make().value();
    std::thread writer([&] {
      (void)write_all(pipe.write, bytes);
      pipe.write.reset();
    });
    auto image = store.import_tar(std::move(pipe.read), options);
    writer.join();
    return image;
  }
  Result<Image> import_text(ImageStore& store, const std::string& name,
                            const std::string& content = "hello") {
    ImportOptions options;
    options.reference = reference(name);
    options.created = TimePoint();
    return import(store, TarBuilder().folder("etc").file("etc/motd", content).finish(), options);
  }
  void expect_nothing_left(ImageStore& store) {
    ASSERT_OK(store.collect());
    EXPECT_EQ(store.content().list()->size(), 0U);
    for (const char* folder : {"layers", "ingest", "leases"}) {
      EXPECT_EQ(list_directory(root() + "/" + folder).value_or({"?"}), std::vector<std::string>()) << folder;
    }
  }
  std::optional<TemporaryDirectory> folder_;
};

TEST_F(Store, ImportsFromAPipeWithChanges) {
  auto store = open();
  ImportOptions options;
  options.reference = reference("web:v1");
  options.changes = {"CMD [\"nginx\"]", "EXPOSE 80", "ENV VERSION=v1"};
  options.message = "Imported from -";
  const auto image = import(store, TarBuilder().file("index.html", "<h1>v1</h1>").finish(), options);
  ASSERT_OK(image);
  EXPECT_EQ(image->size, 11U);
  EXPECT_EQ(image->tags.at(0).familiar(), "web:v1");
  EXPECT_EQ(image->config.config.cmd, std::vector<std::string>{"nginx"});
  EXPECT_EQ(image->config.history.at(0).comment, "Imported from -");
  EXPECT_EQ(image->layers.at(0).blob.media_type, oci::media_type::oci_layer_gzip);
  const auto folders = store.lower_directories(*image);
  ASSERT_OK(folders);
  EXPECT_EQ(read_file(folders->at(0) + "/index.html").value_or(""), "<h1>v1</h1>");
}

TEST_F(Store, TheSameInputGivesTheSameImage) {
  auto store = open();
  const auto first = import_text(store, "a:1");
  const auto second = import_text(store, "a:2");
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->id, second->id);
  EXPECT_EQ(second->tags.size(), 2U);
  EXPECT_EQ(store.list()->size(), 1U);
}

TEST_F(Store, CompressedArchivesAreKeptAsTheyCame) {
  auto store = open();
  const auto tar = TarBuilder().file("f", "content").finish();
  for (const auto compression : {LayerCompression::gzip, LayerCompression::zstd}) {
    const auto bytes = test::compress(tar, compression);
    const auto image = import(store, bytes, {.reference = reference("c:x"), .created = TimePoint()});
    ASSERT_OK(image);
    EXPECT_EQ(store.content().read(image->layers.at(0).blob.digest, 1 << 20).value_or(""), bytes);
    EXPECT_EQ(image->layers.at(0).diff_id, oci::digest_of(tar));
  }
}

TEST_F(Store, BadArchivesLeaveNothing) {
  auto store = open();
  const auto good = TarBuilder().file("f", std::string(100'000, 'x')).finish();
  const auto gzip = test::compress(good, LayerCompression::gzip);
  const auto zstd = test::compress(good, LayerCompression::zstd);
  struct {
    std::string bytes;
    ErrorKind kind;
    const char* says;
  } const cases[] = {
      {"", ErrorKind::invalid, "archive is empty"},
      {"this is no archive at all" + std::string(600, '.'), ErrorKind::corrupt, "not a tar archive"},
      {good.substr(0, 5000), ErrorKind::corrupt, "truncated"},
      {gzip.substr(0, gzip.size() - 20), ErrorKind::corrupt, "gzip"},
      {gzip + "garbage", ErrorKind::corrupt, "gzip"},
      {zstd.substr(0, zstd.size() - 3), ErrorKind::corrupt, "zstd: truncated"},
      {"\xfd"
       "7zXZ" +
           std::string(1, '\0') + "rest",
       ErrorKind::unsupported, "xz"},
      {"BZh9rest", ErrorKind::unsupported, "bzip2"},
  };
  for (const auto& c : cases) {
    EXPECT_ERROR(import(store, c.bytes, {.reference = reference("bad:x")}), c.kind, HasSubstr(c.says));
    EXPECT_EQ(store.list()->size(), 0U);
    expect_nothing_left(store);
  }
  EXPECT_ERROR(import(store, good, {.changes = {"RUN x"}}), ErrorKind::unsupported, HasSubstr("RUN"));
  expect_nothing_left(store);
}

TEST_F(Store, AStreamThatComesByteByByteIsWhatItIs) {
  auto store = open();
  const auto bytes = test::compress(TarBuilder().file("f", "content").finish(), LayerCompression::zstd);
  auto pipe = Pipe::make().value();
  // A packet a byte: each read gets one. O_DIRECT of pipe(2).
  ASSERT_EQ(fcntl(pipe.write.get(), F_SETFL, O_DIRECT), 0);
  std::thread writer([&] {
    for (const char c : bytes) (void)write_all(pipe.write, {&c, 1});
    pipe.write.reset();
  });
  const auto image = store.import_tar(std::move(pipe.read), {.reference = reference("c:x")});
  writer.join();
  ASSERT_OK(image);
  EXPECT_EQ(image->size, 7U);
}

TEST_F(Store, GzipOfSeveralMembersAndPaddingIsWhole) {
  auto store = open();
  const auto tar = TarBuilder().file("f", std::string(300'000, 'y')).finish();
  const auto half = tar.size() / 2;
  const auto bytes = test::compress(tar.substr(0, half), LayerCompression::gzip) +
                     test::compress(tar.substr(half), LayerCompression::gzip) + std::string(100, '\0');
  const auto image = import(store, bytes, {.reference = reference("c:x")});
  ASSERT_OK(image);
  EXPECT_EQ(image->layers.at(0).diff_id, oci::digest_of(tar));
}

TEST_F(Store, NamesThatResolve) {
  auto store = open();
  const auto image = import_text(store, "web:v1");
  ASSERT_OK(image);
  const std::string hex = image->id.hex();
  for (const auto& name : std::vector<std::string>{"web:v1", "docker.io/library/web:v1", hex.substr(0, 12),
                                                   hex, image->id.string()}) {
    const auto found = store.resolve(name);
    ASSERT_OK(found);
    EXPECT_EQ(found->id, image->id) << name;
  }
  for (const char* name : {"web", "web:v2", "nothing", "Web:v1", "../x"}) {
    EXPECT_ERROR(store.resolve(name), ErrorKind::not_found, HasSubstr(format("no such image: {}", name)));
  }
}

TEST_F(Store, RemovingTagsThenTheImageFreesItsContent) {
  auto store = open();
  const auto image = import_text(store, "web:v1");
  ASSERT_OK(image);
  ASSERT_OK(store.tag("web:v1", reference("other/web:v1")));
  EXPECT_ERROR(store.remove(image->id.string()), ErrorKind::conflict, HasSubstr("multiple repositories"));
  const auto untagged = store.remove("web:v1");
  ASSERT_OK(untagged);
  EXPECT_FALSE(untagged->deleted.has_value());
  EXPECT_ERROR(store.resolve("web:v1"), ErrorKind::not_found, HasSubstr("no such image"));
  const auto removed = store.remove("other/web:v1");
  ASSERT_OK(removed);
  EXPECT_EQ(removed->deleted, image->id);
  EXPECT_GT(removed->freed, 0U);
  expect_nothing_left(store);
  EXPECT_ERROR(store.remove("web:v1"), ErrorKind::not_found, HasSubstr("no such image: web:v1"));
}

TEST_F(Store, LayersThatAnotherImageUsesStay) {
  auto store = open();
  ASSERT_OK(import_text(store, "a:1", "same"));
  ImportOptions options{.reference = reference("b:1"), .changes = {"USER x"}};
  ASSERT_OK(import(store, TarBuilder().folder("etc").file("etc/motd", "same").finish(), options));
  ASSERT_OK(store.remove("a:1"));
  const auto left = store.resolve("b:1");
  ASSERT_OK(left);
  const auto folders = store.lower_directories(*left);
  ASSERT_OK(folders);
  EXPECT_EQ(read_file(folders->at(0) + "/etc/motd").value_or(""), "same");
  EXPECT_EQ(store.content().list()->size(), 3U) << "its manifest, config and layer";
}

TEST_F(Store, AHeldImageStaysUntilItIsReleased) {
  auto store = open();
  const auto image = import_text(store, "web:v1");
  ASSERT_OK(image);
  ASSERT_OK(store.hold(image->id, "container1"));
  EXPECT_ERROR(store.remove("web:v1"), ErrorKind::conflict, HasSubstr("container container1 is using it"));
  ASSERT_OK(store.remove("web:v1", true));
  EXPECT_EQ(store.resolve(image->id.string())->holders, std::vector<std::string>{"container1"});
  ASSERT_OK(store.prune(false));
  EXPECT_OK(store.lower_directories(*image));
  EXPECT_THAT(store.holders().value_or({}), ElementsAre("container1"));
  ASSERT_OK(store.release("container1"));
  ASSERT_OK(store.prune(false));
  expect_nothing_left(store);
  EXPECT_ERROR(store.hold(image->id, "container2"), ErrorKind::not_found, HasSubstr("no such image"));
  EXPECT_ERROR(store.hold(image->id, "../x"), ErrorKind::invalid, HasSubstr("owner"));
}

TEST_F(Store, AMovedTagLeavesItsFormerImageWithoutIt) {
  auto store = open();
  const auto first = import_text(store, "web:v1", "one");
  const auto second = import_text(store, "web:v1", "two");
  ASSERT_OK(second);
  EXPECT_EQ(store.resolve("web:v1")->id, second->id);
  EXPECT_TRUE(store.resolve(first->id.string())->tags.empty());
  EXPECT_GT(store.prune(false).value().freed, 0U);
  EXPECT_ERROR(store.resolve(first->id.string()), ErrorKind::not_found, HasSubstr("no such image"));
}

TEST_F(Store, CollectionWithoutDescriptorsKeepsTheImages) {
  auto store = open();
  ASSERT_OK(import_text(store, "web:v1"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  bool done = false;
  for (rlim_t most = 0; !done && most < 64; ++most) {
    const rlimit few{most, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    done = bool(store.prune(false));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    const auto image = store.resolve("web:v1");
    ASSERT_OK(image);
    ASSERT_OK(store.lower_directories(*image));
    for (const auto& layer : image->layers) ASSERT_TRUE(store.content().exists(layer.blob.digest)) << most;
  }
  EXPECT_TRUE(done);
}

TEST_F(Store, SeveralWritersAtOnceLoseNothing) {
  open();
  std::vector<std::thread> writers;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back([&, i] {
      auto store = open();  // each as another process would have it
      EXPECT_OK(import_text(store, format("web:{}", i), format("content {}", i)));
      EXPECT_OK(store.collect());
    });
  }
  for (auto& writer : writers) writer.join();
  auto store = open();
  const auto images = store.list();
  ASSERT_OK(images);
  EXPECT_EQ(images->size(), 6U);
}

TEST_F(Store, ADirectoryKeepsItsLinksOwnersAndAttributes) {
  const std::string make = R"sh(
    set -e; mkdir -p tree/bin; cd tree; echo tool > bin/a; ln bin/a bin/b; ln -s a bin/c; mknod null c 1 3; mkfifo pipe
    chmod 4755 bin/a; chown 12:3000000 bin/c -h; touch -d @1700000000 bin/a; mkdir "$(printf 'n%.0s' $(seq 150))"
    )sh";
  Command command{{"/bin/bash", "-c", make}};
  command.working_directory = folder_->path();
  ASSERT_OK(check_command(command));
  auto store = open();
  const auto image = store.import_directory(folder_->path() + "/tree",
                                            {.reference = reference("d:1"), .created = TimePoint()});
  ASSERT_OK(image);
  const auto folders = store.lower_directories(*image);
  ASSERT_OK(folders);
  const std::string list = "find . -printf '%p %y %m %U %G %s %l %n\\n' | sort; stat -c %Y bin/a";
  Command theirs{{"/bin/bash", "-c", list}};
  theirs.working_directory = folder_->path() + "/tree";
  Command ours = theirs;
  ours.working_directory = folders->at(0);
  EXPECT_EQ(check_command(ours).value_or("ours"), check_command(theirs).value_or("theirs"));
  const auto again = store.import_directory(folder_->path() + "/tree",
                                            {.reference = reference("d:2"), .created = TimePoint()});
  ASSERT_OK(again);
  EXPECT_EQ(again->id, image->id);
}

// Mounts need a namespace of their own, so that nothing of the machine's changes.
class Overlay : public Store {
 protected:
  void SetUp() override {
    Store::SetUp();
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    for (const char* name : {"upper", "work", "merged"}) ASSERT_OK(make_directories(path(name), 0755));
  }
  void TearDown() override { umount2(path("merged").c_str(), MNT_DETACH); }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }
};

TEST_F(Overlay, ShowsTheLayersInOrderWithWhiteouts) {
  const auto registry = test::FakeRegistry::start();
  test::add_image(*registry, "app:v1",
                  {{TarBuilder().file("a", "1").file("b", "1").file("d/old", "1").finish()},
                   {TarBuilder()
                        .file("a", "2")
                        .file(".wh.b", "")
                        .folder("d")
                        .file("d/.wh..wh..opq", "")
                        .file("d/new", "2")
                        .finish()}});
  auto store = open();
  const auto image = store.pull(reference(registry->host() + "/app:v1"), {.credential = Credential{}});
  ASSERT_OK(image);
  const auto lower = store.lower_directories(*image);
  ASSERT_OK(lower);
  ASSERT_OK(mount_overlay({*lower, path("upper"), path("work"), true}, path("merged")));
  EXPECT_EQ(read_file(path("merged/a")).value_or(""), "2");
  EXPECT_EQ(list_directory(path("merged")).value_or({}), (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(list_directory(path("merged/d")).value_or({}), std::vector<std::string>{"new"});
  ASSERT_OK(write_file(path("merged/c"), "3"));
  EXPECT_EQ(read_file(path("upper/c")).value_or(""), "3");
  umount2(path("merged").c_str(), MNT_DETACH);
  ASSERT_OK(mount_overlay({*lower, "", ""}, path("merged")));
  EXPECT_ERROR(write_file(path("merged/c"), "3"), ErrorKind::system, HasSubstr("Read-only"));
}

TEST_F(Overlay, TakesManyLayersWithLongNames) {
  std::vector<std::string> lower;
  for (int i = 0; i < 120; ++i) {
    lower.push_back(path(format("{}/layer-{}", std::string(100, 'l'), i)));
    ASSERT_OK(make_directories(lower.back(), 0755));
    ASSERT_OK(write_file(format("{}/f{}", lower.back(), i), "x"));
  }
  ASSERT_OK(mount_overlay({lower, path("upper"), path("work")}, path("merged")));
  EXPECT_EQ(list_directory(path("merged"))->size(), 120U);
}

TEST_F(Overlay, AnUpperThatCantBeOneIsRefusedByName) {
  ASSERT_OK(make_directories(path("lower"), 0755));
  ASSERT_OK(mount_overlay({{path("lower")}, path("upper"), path("work")}, path("merged")));
  ASSERT_OK(make_directories(path("merged/upper"), 0755));
  ASSERT_OK(make_directories(path("merged/work"), 0755));
  EXPECT_ERROR(mount_overlay({{path("lower")}, path("merged/upper"), path("merged/work")}, path("work")),
               ErrorKind::unsupported, HasSubstr("is on overlay"));
}

}  // namespace
}  // namespace gantry::images
