#include "images/tar_reader.h"

#include "base/text.h"
#include "images/tar_fields.h"
#include "images/tar_header.h"

#include <algorithm>

namespace gantry::images {
namespace {

// More than any path and any set of extended attributes that a kernel takes (64 KiB a value, 4 KiB a path).
constexpr uint64_t meta_limit = uint64_t{4} << 20;     // for an entry, all its headers together
constexpr uint64_t global_limit = uint64_t{64} << 10;  // what holds for all entries costs each of them
constexpr uint64_t long_name_limit = uint64_t{64} << 10;

uint64_t padding_of(uint64_t size) {
  return (tar::block_size - size % tar::block_size) % tar::block_size;
}

bool is_zero(std::string_view block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

}  // namespace

Error TarReader::corrupt(std::string_view rule) const {
  return Error::make(ErrorKind::corrupt, "tar: header at byte {}: {}", header_at_, rule);
}

Result<bool> TarReader::read_block(std::string_view& block) {
  if (rest_.empty()) rest_ = TRY(source_.next());
  if (rest_.empty()) return false;
  if (rest_.size() >= tar::block_size) {
    block = rest_.substr(0, tar::block_size);
    rest_.remove_prefix(tar::block_size);
  } else {
    scratch_ = TRY(read_exactly(tar::block_size));
    block = scratch_;
    return true;  // read_exactly counted
  }
  offset_ += tar::block_size;
  return true;
}

Result<std::string> TarReader::read_exactly(uint64_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    if (rest_.empty()) rest_ = TRY(source_.next());
    if (rest_.empty()) return Error::make(ErrorKind::corrupt, "tar: truncated at byte {}", offset_);
    const std::string_view piece = rest_.substr(0, size - bytes.size());
    bytes += piece;
    rest_.remove_prefix(piece.size());
    offset_ += piece.size();
  }
  return bytes;
}

Result<void> TarReader::skip(uint64_t size) {
  while (size > 0) {
    if (rest_.empty()) rest_ = TRY(source_.next());
    if (rest_.empty()) return Error::make(ErrorKind::corrupt, "tar: truncated at byte {}", offset_);
    const uint64_t piece = std::min<uint64_t>(size, rest_.size());
    rest_.remove_prefix(piece);
    offset_ += piece;
    size -= piece;
  }
  return {};
}

Result<std::string_view> TarReader::data() {
  if (data_left_ == 0) return std::string_view();
  if (rest_.empty()) rest_ = TRY(source_.next());
  if (rest_.empty()) return Error::make(ErrorKind::corrupt, "tar: truncated at byte {}", offset_);
  const std::string_view piece = rest_.substr(0, data_left_);
  rest_.remove_prefix(piece.size());
  offset_ += piece.size();
  data_left_ -= piece.size();
  return piece;
}

Result<void> TarReader::drain() {
  do {
    offset_ += rest_.size();
    rest_ = TRY(source_.next());
  } while (!rest_.empty());
  return {};
}

Result<void> TarReader::read_header(Header& header, bool& end) {
  header_at_ = offset_;
  std::string_view block;
  end = !TRY(read_block(block));
  if (end) return {};
  if (is_zero(block)) {
    end = !TRY(read_block(block)) || is_zero(block);
    return end ? Result<void>() : corrupt("a block of zeros in the middle of the archive");
  }
  if (!tar::checksum_holds(block))
    return corrupt("the checksum doesn't match: not a tar archive, or damaged");
  header.block = block;
  header.type = block[156];
  header.name = tar::text(tar::field(block, 0, 100));
  header.link = tar::text(tar::field(block, 157, 100));
  struct {
    int64_t& into;
    size_t offset, size;
  } const numbers[] = {{header.mode, 100, 8},        {header.uid, 108, 8},    {header.gid, 116, 8},
                       {header.size, 124, 12},       {header.mtime, 136, 12}, {header.device_major, 329, 8},
                       {header.device_minor, 337, 8}};
  const bool has_devices = tar::field(block, 257, 5) == "ustar";
  for (const auto& number : numbers) {
    if (number.offset >= 329 && !has_devices) continue;
    auto value = tar::number(tar::field(block, number.offset, number.size));
    if (!value) return corrupt(value.error().message());
    number.into = *value;
  }
  if (header.size < 0) return corrupt("a negative size");
  const bool is_posix = tar::field(block, 257, 6) == std::string_view("ustar\0", 6);
  const bool is_star =
      tar::field(block, 508, 4) == std::string_view("tar\0", 4);  // two times follow the prefix
  const std::string prefix = tar::text(tar::field(block, 345, is_star ? 131 : 155));
  if (is_posix && !prefix.empty()) header.name = prefix + "/" + header.name;
  return {};
}

Result<bool> TarReader::take_meta(const Header& header) {
  const bool is_pax = header.type == 'x' || header.type == 'g' || header.type == 'X';
  const bool is_gnu = header.type == 'L' || header.type == 'K';
  const auto size = static_cast<uint64_t>(header.size);
  if (header.type == 'V') {  // GNU volume label
    TRY(skip(size + padding_of(size)));
    return true;
  }
  if (!is_pax && !is_gnu) return false;
  if (size > (is_pax ? meta_limit : long_name_limit) || meta_size_ + size > meta_limit)
    return corrupt(format("an extended header of {} bytes", size));
  meta_size_ += size;
  const std::string body = TRY(read_exactly(size));
  TRY(skip(padding_of(size)));
  if (header.type == 'L') long_name_ = tar::text(body);
  if (header.type == 'K') long_link_ = tar::text(body);
  if (is_gnu) return true;
  auto taken = take_pax(body, header.type == 'g');
  if (!taken) return corrupt(taken.error().message());
  return true;
}

Result<void> TarReader::take_pax(std::string_view body, bool global) {
  // GNU.sparse 0.0 repeats a pair of keys for each run, the only keys whose order counts.
  return tar::pax_records(body, [&](std::string key, std::string value) -> Result<void> {
    if (key == "GNU.sparse.offset") {
      pax_runs_.push_back({TRY(tar::pax_number(key, value)), 0});
    } else if (key == "GNU.sparse.numbytes") {
      if (pax_runs_.empty()) return Error(ErrorKind::corrupt, "GNU.sparse.numbytes before an offset");
      pax_runs_.back().length = TRY(tar::pax_number(key, value));
    } else if (global) {
      TRY(set_global(std::move(key), std::move(value)));
    } else {
      local_[std::move(key)] = std::move(value);  // an empty one hides the archive's
    }
    return {};
  });
}

Result<void> TarReader::set_global(std::string key, std::string value) {
  if (const auto known = global_.find(key); known != global_.end()) {
    global_size_ -= key.size() + known->second.size();
    global_.erase(known);
  }
  if (value.empty()) return {};
  global_size_ += key.size() + value.size();
  if (global_size_ > global_limit) {
    return Error::make(ErrorKind::corrupt, "global headers hold more than {} bytes", global_limit);
  }
  global_.emplace(std::move(key), std::move(value));
  return {};
}

const std::string* TarReader::attribute(std::string_view key) const {
  auto found = local_.find(key);
  if (found == local_.end() && (found = global_.find(key)) == global_.end()) return nullptr;
  return found->second.empty() ? nullptr : &found->second;
}

Result<uint64_t> TarReader::size_attribute(std::string_view key) const {
  const auto* text = attribute(key);
  if (text == nullptr) return corrupt(format("{} is missing", key));
  return tar::pax_number(key, *text);
}

Result<std::optional<TarEntry>> TarReader::next() {
  TRY(skip(data_left_ + padding_));
  data_left_ = padding_ = 0;
  meta_size_ = 0;
  local_.clear();
  pax_runs_.clear();
  long_name_.clear();
  long_link_.clear();
  while (true) {
    Header header;
    bool end = false;
    TRY(read_header(header, end));
    if (end) return std::optional<TarEntry>();
    if (!TRY(take_meta(header))) {
      return std::optional<TarEntry>(TRY(build(header)));
    }
  }
}

}  // namespace gantry::images
