#include "base/text.h"
#include "images/tar_fields.h"
#include "images/tar_header.h"

#include <algorithm>
#include <limits>

// The half of TarReader that makes an entry of a header and what came before it.
namespace gantry::images {
namespace {

constexpr size_t run_limit = 1'000'000;
constexpr std::string_view schily_prefix = "SCHILY.xattr.";
constexpr std::string_view libarchive_prefix = "LIBARCHIVE.xattr.";

Result<uint32_t> id_of(std::string_view what, int64_t value) {
  // (uint32_t)-1 means "leave it" to chown(2), so it is nobody's id.
  if (value >= 0 && value < UINT32_MAX) return static_cast<uint32_t>(value);
  return Error::make(ErrorKind::corrupt, "{} {} is out of range", what, value);
}

Result<TarType> type_of(char type, std::string_view path) {
  switch (type) {
    case '\0':
    case '0':
    case '7':
    case 'S':
      return path.ends_with('/') ? TarType::directory : TarType::file;
    case '1':
      return TarType::hard_link;
    case '2':
      return TarType::symlink;
    case '3':
      return TarType::character_device;
    case '4':
      return TarType::block_device;
    case '5':
      return TarType::directory;
    case '6':
      return TarType::fifo;
    default:
      break;
  }
  return Error::make(ErrorKind::unsupported, "tar: {}: entries of type \"{}\" are not supported", path, type);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// LIBARCHIVE.xattr's names are URL-encoded.
std::string decode_name(std::string_view text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (escape) {
      name += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      name += text[i];
    }
  }
  return name;
}

Result<void> take_xattr(const std::string& key, const std::string& value, TarEntry& entry) {
  if (key.starts_with(schily_prefix)) entry.xattrs[key.substr(schily_prefix.size())] = value;
  if (!key.starts_with(libarchive_prefix)) return {};
  std::string padded = value;
  while (padded.size() % 4 != 0) padded += '=';  // libarchive leaves the padding out
  entry.xattrs.emplace(decode_name(key.substr(libarchive_prefix.size())),
                       TRY(base64_decode(padded).context("{}", key)));
  return {};
}

Result<void> check_runs(const TarEntry& entry) {
  uint64_t end = 0;
  uint64_t total = 0;
  for (const auto& run : entry.runs) {
    const bool sound = run.offset >= end && run.offset <= entry.size && run.length <= entry.size - run.offset;
    if (!sound) return Error(ErrorKind::corrupt, "a sparse file's runs overlap or pass its end");
    end = run.offset + run.length;
    total += run.length;
  }
  if (total == entry.stored_size) return {};
  return Error(ErrorKind::corrupt, "a sparse file's runs don't add up to its data");
}

}  // namespace

Result<TarEntry> TarReader::build(const Header& header) {
  Attributes attributes = global_;
  for (const auto& [key, value] : local_) attributes[key] = value;
  const auto text = [&](const char* key, const std::string& otherwise) {
    const auto found = attributes.find(key);
    return found == attributes.end() ? otherwise : found->second;
  };
  const auto number = [&](const char* key, int64_t otherwise) -> Result<int64_t> {
    const auto found = attributes.find(key);
    if (found == attributes.end()) return otherwise;
    return parse_integer(key, found->second, 0, std::numeric_limits<int64_t>::max());
  };
  TarEntry entry;
  entry.path = text("path", long_name_.empty() ? header.name : long_name_);
  entry.link = text("linkpath", long_link_.empty() ? header.link : long_link_);
  entry.path = text("GNU.sparse.name", entry.path);
  entry.type = TRY(type_of(header.type, entry.path));
  entry.mode = static_cast<uint32_t>(header.mode) & 07777U;
  const int64_t uid = TRY(number("uid", header.uid));
  const int64_t gid = TRY(number("gid", header.gid));
  entry.uid = TRY(id_of("uid", uid));
  entry.gid = TRY(id_of("gid", gid));
  entry.mtime = timespec{header.mtime, 0};
  if (const auto time = attributes.find("mtime"); time != attributes.end()) {
    entry.mtime = TRY(tar::pax_time(time->second));
  }
  entry.device_major = TRY(id_of("device", header.device_major));
  entry.device_minor = TRY(id_of("device", header.device_minor));
  for (const auto& [key, value] : attributes) TRY(take_xattr(key, value, entry));
  if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos) {
    return corrupt("a name holds a NUL");
  }
  if (entry.type != TarType::file) return entry;  // a size there is has no data behind it
  entry.size = entry.stored_size = static_cast<uint64_t>(TRY(number("size", header.size)));
  data_left_ = entry.stored_size;
  padding_ = (tar::block_size - entry.stored_size % tar::block_size) % tar::block_size;
  local_ = std::move(attributes);
  if (header.type == 'S')
    TRY(read_old_sparse(header, entry));
  else
    TRY(read_pax_sparse(entry));
  if (entry.is_sparse) TRY(check_runs(entry).context("tar: {}", entry.path));
  return entry;
}

// Four runs in the header, 21 in each block that follows while a flag says so.
Result<void> TarReader::read_old_sparse(const Header& header, TarEntry& entry) {
  entry.is_sparse = true;
  entry.size =
      static_cast<uint64_t>(std::max<int64_t>(0, TRY(tar::number(tar::field(header.block, 483, 12)))));
  std::string block = header.block;
  size_t at = 386;
  size_t count = 4;
  size_t flag = 482;
  while (true) {
    for (size_t i = 0; i < count; ++i, at += 24) {
      const int64_t offset = TRY(tar::number(tar::field(block, at, 12)));
      const int64_t length = TRY(tar::number(tar::field(block, at + 12, 12)));
      if (offset < 0 || length < 0) return corrupt("a negative number in a sparse map");
      if (length > 0) entry.runs.push_back({static_cast<uint64_t>(offset), static_cast<uint64_t>(length)});
    }
    if (block[flag] == '\0' || block[flag] == '0') return {};
    if (entry.runs.size() > run_limit) return corrupt("a sparse map of more than a million runs");
    block = TRY(read_exactly(tar::block_size));
    at = 0;
    count = 21;
    flag = 504;
  }
}

Result<void> TarReader::read_pax_sparse(TarEntry& entry) {
  const auto has = [&](const char* key) { return local_.count(key) != 0; };
  if (has("GNU.sparse.major")) {
    if (local_["GNU.sparse.major"] != "1" || local_["GNU.sparse.minor"] != "0") {
      return Error::make(ErrorKind::unsupported, "tar: {}: sparse format {}.{} is not supported", entry.path,
                         local_["GNU.sparse.major"], local_["GNU.sparse.minor"]);
    }
    entry.size = TRY(parse_unsigned("GNU.sparse.realsize", local_["GNU.sparse.realsize"], INT64_MAX));
    return read_sparse_1_0(entry);
  }
  if (has("GNU.sparse.map")) {
    const auto numbers = split(local_["GNU.sparse.map"], ',');
    if (numbers.size() % 2 != 0) return corrupt("GNU.sparse.map holds an odd number of numbers");
    for (size_t i = 0; i < numbers.size(); i += 2) {
      pax_runs_.push_back({TRY(parse_unsigned("GNU.sparse.map", numbers[i], INT64_MAX)),
                           TRY(parse_unsigned("GNU.sparse.map", numbers[i + 1], INT64_MAX))});
    }
  }
  if (!has("GNU.sparse.size")) return {};
  entry.is_sparse = true;
  entry.size = TRY(parse_unsigned("GNU.sparse.size", local_["GNU.sparse.size"], INT64_MAX));
  entry.runs = std::move(pax_runs_);
  return {};
}

// The map stands before the data, as decimal lines: how many runs, then offset and length of each; padded to
// whole blocks.
Result<void> TarReader::read_sparse_1_0(TarEntry& entry) {
  entry.is_sparse = true;
  std::string text;
  size_t used = 0;
  uint64_t blocks = 0;
  const auto next_number = [&]() -> Result<uint64_t> {
    size_t end = 0;
    while ((end = text.find('\n', used)) == std::string::npos) {
      if (data_left_ < tar::block_size || text.size() - used > 32)
        return corrupt("a sparse map without an end");
      text = text.substr(used) + TRY(read_exactly(tar::block_size));
      used = 0;
      data_left_ -= tar::block_size;
      ++blocks;
    }
    const std::string line = text.substr(used, end - used);
    used = end + 1;
    return parse_unsigned("sparse map", line, INT64_MAX);
  };
  const uint64_t count = TRY(next_number());
  if (count > run_limit) return corrupt("a sparse map of more than a million runs");
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t offset = TRY(next_number());
    entry.runs.push_back({offset, TRY(next_number())});
  }
  entry.stored_size -= blocks * tar::block_size;
  return {};
}

}  // namespace gantry::images
