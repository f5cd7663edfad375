#include "base/files.h"
#include "images/layer_pipeline.h"
#include "tests/images/canary.h"
#include "tests/images/fake_registry.h"
#include "tests/images/memory_source.h"
#include "tests/images/tar_builder.h"
#include "tests/support/results.h"

#include <zstd.h>

// Compressed streams that are bombs, or broken: each ends in an error that says why, or does no harm.
namespace gantry::images {
namespace {

using oci::LayerCompression;
using test::Canary;
using test::MemorySource;
using test::TarBuilder;
using testing::HasSubstr;
using namespace std::string_literals;

class HostileStreams : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    canary_.emplace(folder_->path());
  }
  std::string root() const { return folder_->path() + "/root"; }
  std::optional<TemporaryDirectory> folder_;
  std::optional<Canary> canary_;
};

std::string gzipped(const std::string& bytes) {
  return test::compress(bytes, LayerCompression::gzip);
}

std::string zstd(const std::string& bytes, int window_log = 20) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  // In two steps: a frame of known size is given a window no larger than that.
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  EXPECT_FALSE(ZSTD_isError(ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue)));
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

struct HostileStream {
  const char* name;
  std::string bytes;
  LayerCompression compression;
  const char* says;  // part of the error; "": it is accepted
};

TEST_F(HostileStreams, CompressedStreams) {
  const std::string tar = TarBuilder().file("f", std::string(200'000, 'f')).finish();
  const std::string zeros = TarBuilder().file("zeros", std::string(40 << 20, '\0')).finish();
  const std::string after_end = TarBuilder().file("f").finish() + std::string(40 << 20, '\0');
  const std::string gzip = gzipped(tar);
  const std::string skippable = "\x50\x2a\x4d\x18\x04\x00\x00\x00skip"s;
  const auto flipped = [](std::string bytes, size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    return bytes;
  };
  const std::string named =
      gzip.substr(0, 3) + "\x08" + gzip.substr(4, 6) + std::string(3 << 20, 'n') + "\0"s + gzip.substr(10);
  std::string many_members;
  for (int i = 0; i < 40; ++i) many_members += gzipped(std::string(1 << 20, '\0'));
  const HostileStream streams[] = {
      {"a bomb of gzip", gzipped(zeros), LayerCompression::gzip, "more than the limit"},
      {"a bomb of zstd", zstd(zeros), LayerCompression::zstd, "more than the limit"},
      {"a bomb behind the archive's end, gzip", gzipped(after_end), LayerCompression::gzip,
       "more than the limit"},
      {"a bomb behind the archive's end, zstd", zstd(after_end), LayerCompression::zstd,
       "more than the limit"},
      {"a bomb of gzip's members", many_members, LayerCompression::gzip, "more than the limit"},
      {"a window of 256 MiB", zstd(tar, 28), LayerCompression::zstd, "zstd: Frame requires too much memory"},
      {"a window that is allowed", zstd(tar, 23), LayerCompression::zstd, ""},
      {"a name of 3 MiB in gzip's header", named, LayerCompression::gzip, ""},
      {"gzip's checksum", flipped(gzip, gzip.size() - 6), LayerCompression::gzip, "gzip: wrong checksum"},
      {"gzip's length", flipped(gzip, gzip.size() - 2), LayerCompression::gzip, "gzip: "},
      {"gzip cut short", gzip.substr(0, gzip.size() - 9), LayerCompression::gzip, "gzip: truncated"},
      {"gzip of nothing", "", LayerCompression::gzip, "gzip: the stream is empty"},
      {"garbage after gzip", gzip + "garbage", LayerCompression::gzip, "gzip: "},
      {"an unknown method of gzip", flipped(gzip, 2), LayerCompression::gzip, "gzip: unknown method"},
      {"zstd that says gzip", zstd(tar), LayerCompression::gzip, "gzip: not a gzip header"},
      {"gzip that says zstd", gzip, LayerCompression::zstd, "zstd: Unknown frame descriptor"},
      {"zstd's checksum", flipped(zstd(tar), zstd(tar).size() - 1), LayerCompression::zstd, "checksum"},
      {"zstd cut short", zstd(tar).substr(0, zstd(tar).size() - 1), LayerCompression::zstd,
       "zstd: truncated"},
      {"zstd of nothing", "", LayerCompression::zstd, "zstd: truncated"},
      {"frames to skip alone", skippable, LayerCompression::zstd, ""},
      {"a frame to skip of 4 GiB that ends", "\x50\x2a\x4d\x18\xff\xff\xff\xff"s, LayerCompression::zstd,
       "zstd: truncated"},
      {"gzip in gzip", gzipped(gzip), LayerCompression::gzip, "tar: "},
  };
  for (const auto& each : streams) {
    SCOPED_TRACE(each.name);
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    const auto before = canary_->look();
    MemorySource source(each.bytes, 65536);
    const auto ended =
        unpack_compressed(source, each.compression, root(), {.layer_size_limit = uint64_t{16} << 20});
    if (*each.says == '\0')
      EXPECT_OK(ended);
    else
      EXPECT_THAT(ended ? "accepted" : ended.error().message(), HasSubstr(each.says));
    EXPECT_EQ(canary_->look(), before);
  }
}

TEST_F(HostileStreams, GzipCutOffAtEveryByte) {
  const std::string gzip =
      gzipped(TarBuilder().file("f", "some text that is longer than its header").finish());
  for (size_t size = 0; size < gzip.size(); ++size) {
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    MemorySource source(gzip.substr(0, size), 7);
    const auto ended = unpack_compressed(source, LayerCompression::gzip, root(), {});
    ASSERT_FALSE(bool(ended)) << size << " of " << gzip.size() << " bytes are accepted";
    EXPECT_THAT(ended.error().message(), HasSubstr("gzip: "));
  }
}

// Also where a block of the source ends within a member's header, with all the fields that a header can have.
TEST_F(HostileStreams, GzipIsTheSameInPiecesOfAnySize) {
  const std::string tar = TarBuilder().file("f", "content").finish();
  const std::string plain = gzipped(tar.substr(0, 600));
  const std::string full = gzipped(tar.substr(600));
  const std::string fields =
      "\x03\x00"
      "abc"
      "name\0"
      "comment\0"s;
  const std::string bytes = plain + full.substr(0, 3) + "\x1c" + full.substr(4, 6) + fields + full.substr(10);
  for (size_t step = 1; step < 40; ++step) {
    ASSERT_OK(remove_tree(root()));
    ASSERT_OK(make_directories(root(), 0755));
    MemorySource source(bytes, step);
    SCOPED_TRACE(step);
    ASSERT_OK(unpack_compressed(source, LayerCompression::gzip, root(), {}));
    EXPECT_EQ(read_file(root() + "/f").value_or(""), "content") << step;
  }
}

}  // namespace
}  // namespace gantry::images
