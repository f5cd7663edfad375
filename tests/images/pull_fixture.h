#pragma once

#include "base/files.h"
#include "images/image_store.h"
#include "tests/images/fake_registry.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <optional>
#include <string>
#include <vector>

namespace gantry::images::test {

inline Credential user(const std::string& password = "password") {
  return {"user", Secret(password), Secret()};
}

// Stores in a folder of their own, to pull into.
class Pull : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    options_.credential = user();
  }
  ImageStore open(const std::string& name = "a", uint64_t limit = uint64_t{1} << 30) {
    return ImageStore::open({.root = root(name), .layer_size_limit = limit}).value();
  }
  std::string root(const std::string& name = "a") const { return folder_->path() + "/" + name; }
  static oci::Reference reference(const FakeRegistry& registry, const std::string& name = "app:v1") {
    return oci::Reference::parse(registry.host() + "/" + name).value();
  }
  std::string text(const ImageStore& store, const Image& image, const std::string& path) {
    for (const auto& folder : store.lower_directories(image).value_or({})) {
      if (auto found = read_file(folder + "/" + path)) return *found;
    }
    return "(missing)";
  }
  void expect_nothing_left(ImageStore& store) {
    EXPECT_EQ(store.list().value_or({Image{}}).size(), 0U);
    EXPECT_EQ(store.content().list().value_or({BlobInfo{}}).size(), 0U);
    for (const char* folder : {"layers", "ingest", "leases"}) {
      EXPECT_EQ(list_directory(root() + "/" + folder).value_or({"?"}), std::vector<std::string>()) << folder;
    }
  }
  std::optional<TemporaryDirectory> folder_;
  PullOptions options_;
};

inline std::string big_noise() {
  std::string noise;
  for (int i = 0; i < 200'000; ++i) noise += format("{:x}", i * 2654435761U);
  return noise;
}

inline std::vector<FakeLayer> three_layers() {
  return {{TarBuilder().folder("etc").file("etc/a", "one").finish(), oci::LayerCompression::gzip},
          {TarBuilder().file("etc/b", "two").finish(), oci::LayerCompression::zstd},
          {TarBuilder().file("etc/.wh.a", "").finish(), oci::LayerCompression::none}};
}

}  // namespace gantry::images::test
