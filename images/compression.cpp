#include "images/compression.h"

#include <algorithm>
#include <isa-l/igzip_lib.h>
#include <vector>
#include <zstd.h>

namespace gantry::images {
namespace {

constexpr size_t output_size = size_t{512} << 10;

std::string_view isal_reason(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK:
      return "invalid block";
    case ISAL_INVALID_SYMBOL:
      return "invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "reference before the start";
    case ISAL_INVALID_WRAPPER:
      return "not a gzip header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown method";
    case ISAL_INCORRECT_CHECKSUM:
      return "wrong checksum";
    default:
      return "broken data";
  }
}

// Counts what comes out, against bombs.
class Budget {
 public:
  explicit Budget(uint64_t limit) : limit_(limit) {}
  Result<void> spend(size_t bytes) {
    total_ += bytes;
    if (total_ <= limit_) return {};
    return Error::make(ErrorKind::invalid, "unpacks to more than the limit of {} bytes", limit_);
  }
  uint64_t total() const { return total_; }

 private:
  uint64_t limit_;
  uint64_t total_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(ByteSource& compressed, uint64_t limit)
      : compressed_(compressed), budget_(limit), output_(output_size, '\0') {
    isal_inflate_init(&state_);
  }

  Result<std::string_view> next() override {
    while (true) {
      if (state_.avail_in == 0 && !exhausted_ && !pending_) TRY(refill());
      if (between_members_ && !TRY(begin_member())) return std::string_view();
      if (between_members_) continue;
      if (in_header_) {
        TRY(read_header());
        continue;
      }
      const size_t made = TRY(inflate());
      if (made > 0) {
        TRY(budget_.spend(made));
        return std::string_view(output_.data(), made);
      }
    }
  }

 private:
  Result<void> refill() {
    const std::string_view block = TRY(compressed_.next());
    exhausted_ = block.empty();
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(block.data()));  // NOLINT: only read from
    state_.avail_in = static_cast<uint32_t>(block.size());
    return {};
  }

  // False at the end of the stream.
  Result<bool> begin_member() {
    if (state_.avail_in == 0) {
      if (!exhausted_) return true;
      if (members_ == 0) return Error(ErrorKind::corrupt, "gzip: the stream is empty");
      return false;
    }
    if (members_ > 0 && *state_.next_in == 0) return skip_padding();
    if (padding_) return Error(ErrorKind::corrupt, "gzip: data after the padding at the end");
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    isal_gzip_header_init(&header_);
    between_members_ = false;
    in_header_ = true;
    return true;
  }

  // isal_inflate() could read the header itself, but forgets its flags where a block ends in it (2.30).
  Result<void> read_header() {
    const int status = isal_read_gzip_header(&state_, &header_);
    if (status == ISAL_END_INPUT) return exhausted_ ? Result<void>(truncated()) : Result<void>();
    if (status != ISAL_DECOMP_OK) return broken(status);
    in_header_ = false;
    return {};
  }

  Error truncated() const {
    return Error::make(ErrorKind::corrupt, "gzip: truncated after {} bytes of content", budget_.total());
  }

  Error broken(int status) const {
    return Error::make(ErrorKind::corrupt, "gzip: {} after {} bytes of content", isal_reason(status),
                       budget_.total());
  }

  Result<bool> skip_padding() {
    padding_ = true;
    while (state_.avail_in > 0 && *state_.next_in == 0) {
      ++state_.next_in;
      --state_.avail_in;
    }
    return true;
  }

  Result<size_t> inflate() {
    state_.next_out = reinterpret_cast<uint8_t*>(output_.data());
    state_.avail_out = static_cast<uint32_t>(output_.size());
    const int status = isal_inflate(&state_);
    if (status < 0) return broken(status);
    const size_t made = output_.size() - state_.avail_out;
    pending_ = state_.avail_out == 0;  // there may be more to come of the input already taken
    if (state_.block_state == ISAL_BLOCK_FINISH) {
      between_members_ = true;
      pending_ = false;
      ++members_;
    } else if (made == 0 && exhausted_ && state_.avail_in == 0) {
      return truncated();
    }
    return made;
  }

  ByteSource& compressed_;
  Budget budget_;
  std::string output_;
  inflate_state state_{};
  isal_gzip_header header_{};
  bool between_members_ = true;
  bool in_header_ = false;
  bool exhausted_ = false;
  bool pending_ = false;
  bool padding_ = false;
  size_t members_ = 0;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(ByteSource& compressed, const InflateLimits& limits)
      : compressed_(compressed),
        budget_(limits.total),
        output_(output_size, '\0'),
        context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, static_cast<int>(limits.zstd_window_log));
  }
  ~ZstdSource() override { ZSTD_freeDCtx(context_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<std::string_view> next() override {
    while (true) {
      if (input_.pos == input_.size && !flushing_) {
        const std::string_view block = TRY(compressed_.next());
        if (block.empty() && started_ && frame_ended_) return std::string_view();
        if (block.empty()) {
          return Error::make(ErrorKind::corrupt, "zstd: truncated after {} bytes of content",
                             budget_.total());
        }
        started_ = true;
        input_ = {block.data(), block.size(), 0};
      }
      ZSTD_outBuffer output{output_.data(), output_.size(), 0};
      const size_t status = ZSTD_decompressStream(context_, &output, &input_);
      if (ZSTD_isError(status)) {
        return Error::make(ErrorKind::corrupt, "zstd: {} after {} bytes of content",
                           ZSTD_getErrorName(status), budget_.total());
      }
      frame_ended_ = status == 0;
      flushing_ = !frame_ended_ && output.pos == output.size;
      if (output.pos == 0) continue;
      TRY(budget_.spend(output.pos));
      return std::string_view(output_.data(), output.pos);
    }
  }

 private:
  ByteSource& compressed_;
  Budget budget_;
  std::string output_;
  ZSTD_DCtx* context_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool flushing_ = false;
  bool frame_ended_ = false;
  bool started_ = false;
};

class PlainSource final : public ByteSource {
 public:
  PlainSource(ByteSource& source, uint64_t limit) : source_(source), budget_(limit) {}
  Result<std::string_view> next() override {
    const std::string_view block = TRY(source_.next());
    TRY(budget_.spend(block.size()));
    return block;
  }

 private:
  ByteSource& source_;
  Budget budget_;
};

}  // namespace

std::unique_ptr<ByteSource> decompress(ByteSource& compressed, oci::LayerCompression compression,
                                       const InflateLimits& limits) {
  switch (compression) {
    case oci::LayerCompression::gzip:
      return std::make_unique<GzipSource>(compressed, limits.total);
    case oci::LayerCompression::zstd:
      return std::make_unique<ZstdSource>(compressed, limits);
    case oci::LayerCompression::none:
      break;
  }
  return std::make_unique<PlainSource>(compressed, limits.total);
}

Result<oci::LayerCompression> detect_compression(std::string_view start) {
  using namespace std::string_view_literals;
  if (start.starts_with("\x1f\x8b"sv)) return oci::LayerCompression::gzip;
  if (start.starts_with("\x28\xb5\x2f\xfd"sv)) return oci::LayerCompression::zstd;
  constexpr std::pair<std::string_view, std::string_view> others[] = {{"\xfd"
                                                                       "7zXZ\0"sv,
                                                                       "xz"},
                                                                      {"BZh"sv, "bzip2"},
                                                                      {"\x04\x22\x4d\x18"sv, "lz4"}};
  for (const auto& [magic, name] : others) {
    if (!start.starts_with(magic)) continue;
    return Error::make(ErrorKind::unsupported, "{} compression is not supported: give it plain, gzip or zstd",
                       name);
  }
  return oci::LayerCompression::none;
}

struct GzipWriter::State {
  isal_zstream stream{};
  std::vector<uint8_t> level_buffer;
  std::string output;
};

GzipWriter::GzipWriter(Output output) : state_(std::make_unique<State>()), output_(std::move(output)) {
  state_->level_buffer.resize(ISAL_DEF_LVL1_DEFAULT);
  state_->output.resize(output_size);
  isal_deflate_init(&state_->stream);
  state_->stream.level = 1;
  state_->stream.level_buf = state_->level_buffer.data();
  state_->stream.level_buf_size = static_cast<uint32_t>(state_->level_buffer.size());
  state_->stream.gzip_flag = IGZIP_GZIP;
}

GzipWriter::~GzipWriter() = default;

Result<void> GzipWriter::deflate(std::string_view bytes, bool last) {
  auto& stream = state_->stream;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));  // NOLINT: only read from
  stream.avail_in = static_cast<uint32_t>(bytes.size());
  stream.end_of_stream = last ? 1 : 0;
  do {
    stream.next_out = reinterpret_cast<uint8_t*>(state_->output.data());
    stream.avail_out = static_cast<uint32_t>(state_->output.size());
    const int status = isal_deflate(&stream);
    if (status != COMP_OK) return Error::make(ErrorKind::system, "gzip: compression failed ({})", status);
    TRY(output_({state_->output.data(), state_->output.size() - stream.avail_out}));
  } while (stream.avail_out == 0 || (last && stream.internal_state.state != ZSTATE_END));
  return {};
}

Result<void> GzipWriter::write(std::string_view bytes) {
  constexpr size_t most = size_t{1} << 30;
  while (!bytes.empty()) {
    TRY(deflate(bytes.substr(0, most), false));
    bytes.remove_prefix(std::min(bytes.size(), most));
  }
  return {};
}

Result<void> GzipWriter::finish() {
  return deflate({}, true);
}

}  // namespace gantry::images
