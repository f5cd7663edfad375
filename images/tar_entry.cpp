#include "base/text.h"
#include "images/tar_fields.h"
#include "images/tar_header.h"

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
    case '\0':  // archives of before POSIX mark folders so
      return path.ends_with('/') ? TarType::directory : TarType::file;
    case '0':
    case '7':
    case 'S':
      return TarType::file;
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
  return Error::make(ErrorKind::unsupported, "tar: {}: entries of type \"{}\" are not supported",
                     tar::printable(path), tar::printable({&type, 1}));
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

// LIBARCHIVE.xattr's values are base64, without the padding.
Result<std::string> decode_value(const std::string& key, std::string value) {
  while (value.size() % 4 != 0) value += '=';
  return base64_decode(value).context("{}", key);
}

// Calls `take` with each key that begins with the prefix, and its value.
template <class Map, class Take>
Result<void> for_each_with(const Map& attributes, std::string_view prefix, Take take) {
  for (auto at = attributes.lower_bound(prefix); at != attributes.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    TRY(take(at->first, at->second));
  }
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
  TarEntry entry;
  TRY(take_attributes(header, entry));
  entry.type = TRY(type_of(header.type, entry.path));
  TRY(take_xattrs(entry));
  if (entry.path.find('\0') != std::string::npos || entry.link.find('\0') != std::string::npos) {
    return corrupt("a name holds a NUL");
  }
  const bool header_only = header.type >= '1' && header.type <= '6';
  if (header_only) return entry;  // a size there is has no data behind it
  const bool has_size = attribute("size") != nullptr;
  entry.stored_size = has_size ? TRY(size_attribute("size")) : static_cast<uint64_t>(header.size);
  data_left_ = entry.stored_size;
  padding_ = (tar::block_size - entry.stored_size % tar::block_size) % tar::block_size;
  if (entry.type != TarType::file) return entry;
  entry.size = entry.stored_size;
  if (header.type == 'S')
    TRY(read_old_sparse(header, entry));
  else
    TRY(read_pax_sparse(entry));
  if (entry.is_sparse) TRY(check_runs(entry).context("tar: {}", tar::printable(entry.path)));
  return entry;
}

Result<void> TarReader::take_attributes(const Header& header, TarEntry& entry) const {
  const auto text = [&](std::string_view key, const std::string& otherwise) {
    const auto* found = attribute(key);
    return found == nullptr ? otherwise : *found;
  };
  const auto id = [&](std::string_view key, int64_t otherwise) -> Result<uint32_t> {
    const auto* found = attribute(key);
    return id_of(key, found == nullptr ? otherwise : static_cast<int64_t>(TRY(tar::pax_number(key, *found))));
  };
  entry.path = text("GNU.sparse.name", text("path", long_name_.empty() ? header.name : long_name_));
  entry.link = text("linkpath", long_link_.empty() ? header.link : long_link_);
  entry.mode = static_cast<uint32_t>(header.mode) & 07777U;
  entry.uid = TRY(id("uid", header.uid));
  entry.gid = TRY(id("gid", header.gid));
  entry.mtime = timespec{header.mtime, 0};
  if (const auto* time = attribute("mtime")) entry.mtime = TRY(tar::pax_time(*time));
  entry.device_major = TRY(id_of("device", header.device_major));
  entry.device_minor = TRY(id_of("device", header.device_minor));
  return {};
}

Result<void> TarReader::take_xattrs(TarEntry& entry) const {
  const auto set = [&](std::string name, std::string value) -> Result<void> {
    if (value.empty())
      entry.xattrs.erase(name);
    else
      entry.xattrs[std::move(name)] = std::move(value);
    return {};
  };
  for (const auto* attributes : {&global_, &local_}) {
    TRY(for_each_with(
        *attributes, libarchive_prefix, [&](const auto& key, const auto& value) -> Result<void> {
          return set(decode_name(key.substr(libarchive_prefix.size())), TRY(decode_value(key, value)));
        }));
    TRY(for_each_with(*attributes, schily_prefix, [&](const auto& key, const auto& value) {
      return set(key.substr(schily_prefix.size()), value);
    }));
  }
  return {};
}

// Four runs in the header, 21 in each block that follows while a flag says so.
Result<void> TarReader::read_old_sparse(const Header& header, TarEntry& entry) {
  entry.is_sparse = true;
  const int64_t size = TRY(tar::number(tar::field(header.block, 483, 12)));
  if (size < 0) return corrupt("a negative size of a sparse file");
  entry.size = static_cast<uint64_t>(size);
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
  if (const auto* major = attribute("GNU.sparse.major")) {
    const auto* minor = attribute("GNU.sparse.minor");
    if (*major != "1" || minor == nullptr || *minor != "0") {
      return Error::make(ErrorKind::unsupported, "tar: {}: sparse format {}.{} is not supported",
                         tar::printable(entry.path), *major, minor == nullptr ? "" : *minor);
    }
    entry.size = TRY(size_attribute("GNU.sparse.realsize"));
    return read_sparse_1_0(entry);
  }
  if (const auto* map = attribute("GNU.sparse.map")) {
    const auto numbers = split(*map, ',');
    if (numbers.size() % 2 != 0) return corrupt("GNU.sparse.map holds an odd number of numbers");
    for (size_t i = 0; i < numbers.size(); i += 2) {
      pax_runs_.push_back({TRY(tar::pax_number("GNU.sparse.map", numbers[i])),
                           TRY(tar::pax_number("GNU.sparse.map", numbers[i + 1]))});
    }
  }
  if (attribute("GNU.sparse.size") == nullptr) return {};
  entry.is_sparse = true;
  entry.size = TRY(size_attribute("GNU.sparse.size"));
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
    return tar::pax_number("sparse map", line);
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
