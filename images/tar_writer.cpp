#include "images/tar_writer.h"

#include "base/files.h"
#include "images/tar_fields.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace gantry::images {
namespace {

using tar::block_size;
using PaxRecords = std::map<std::string, std::string>;

// Puts an octal number with its closing NUL; false when it doesn't fit.
bool put_number(std::string& block, size_t offset, size_t size, uint64_t value) {
  const std::string digits = format("{:0{}o}", value, size - 1);
  if (digits.size() > size - 1) return false;
  block.replace(offset, digits.size(), digits);
  return true;
}

void put_checksum(std::string& block) {
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  block.replace(148, 8, format("{:06o}", sum) + std::string("\0 ", 2));
}

std::string pax_record(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) length = rest + std::to_string(length).size();
  return format("{} {}=", length, key) + value + "\n";
}

std::string padding(uint64_t size) {
  return std::string((block_size - size % block_size) % block_size, '\0');
}

class Writer {
 public:
  enum class Kind { folder, layer };
  Writer(const TarOutput& output, Kind kind, const LayerTarOptions& options)
      : output_(output), kind_(kind), latest_mtime_(options.latest_mtime), left_out_(options.mount_points) {}

  Result<void> write_root(const UniqueFd& root);
  Result<void> write_folder(const UniqueFd& folder, const std::string& path);
  Result<void> end() { return output_(std::string(2 * block_size, '\0')); }
  uint64_t data_size() const { return data_size_; }
  Result<void> write_header(const struct stat& info, char type, const std::string& path,
                            const std::string& link, uint64_t size, PaxRecords pax);
  Result<void> write_file(BorrowedFd file, const struct stat& info, const std::string& path);

 private:
  bool is_left_out(const UniqueFd& entry, const struct stat& info, const std::string& path) const;
  Result<void> write_whiteout(const std::string& path);
  Result<void> write_opaque_marker(const UniqueFd& folder, const std::string& path);
  Result<void> write_entry(const UniqueFd& folder, const std::string& name, const std::string& path);
  Result<PaxRecords> read_xattrs(const std::string& proc_path);

  const TarOutput& output_;
  const Kind kind_;
  const std::optional<int64_t> latest_mtime_;
  const std::vector<std::string> left_out_;
  uint64_t data_size_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> seen_;  // files with several names
};

Result<void> Writer::write_header(const struct stat& info, char type, const std::string& path,
                                  const std::string& link, uint64_t size, PaxRecords pax) {
  std::string block(block_size, '\0');
  const auto put_text = [&](size_t offset, size_t room, const char* key, const std::string& value) {
    if (value.size() > room) pax[key] = value;
    block.replace(offset, std::min(room, value.size()), value.substr(0, room));
  };
  const auto put_or_pax = [&](size_t offset, size_t room, const char* key, uint64_t value) {
    if (!put_number(block, offset, room, value)) pax[key] = std::to_string(value);
  };
  put_text(0, 100, "path", path);
  put_text(157, 100, "linkpath", link);
  put_number(block, 100, 8, info.st_mode & 07777U);
  put_or_pax(108, 8, "uid", info.st_uid);
  put_or_pax(116, 8, "gid", info.st_gid);
  put_or_pax(124, 12, "size", size);
  const int64_t mtime = std::min<int64_t>(info.st_mtim.tv_sec, latest_mtime_.value_or(INT64_MAX));
  if (mtime < 0)
    pax["mtime"] = std::to_string(mtime);
  else
    put_or_pax(136, 12, "mtime", static_cast<uint64_t>(mtime));
  block[156] = type;
  block.replace(257, 8, std::string("ustar\00000", 8));
  if (type == '3' || type == '4') {
    put_number(block, 329, 8, major(info.st_rdev));
    put_number(block, 337, 8, minor(info.st_rdev));
  }
  put_checksum(block);
  if (!pax.empty()) {
    std::string body;
    for (const auto& [key, value] : pax) body += pax_record(key, value);
    std::string extended(block_size, '\0');
    extended.replace(0, 9, "PaxHeader");
    put_number(extended, 100, 8, 0644);
    put_number(extended, 124, 12, body.size());
    put_number(extended, 136, 12, 0);
    extended[156] = 'x';
    extended.replace(257, 8, std::string("ustar\00000", 8));
    put_checksum(extended);
    TRY(output_(extended + body + padding(body.size())));
  }
  return output_(block);
}

Result<PaxRecords> Writer::read_xattrs(const std::string& proc_path) {
  std::string names(size_t{64} << 10, '\0');
  const ssize_t size = listxattr(proc_path.c_str(), names.data(), names.size());
  if (size < 0 && errno == EOPNOTSUPP) return PaxRecords();
  if (size < 0) return Error::system(errno, "list extended attributes");
  PaxRecords pax;
  for (const char* name = names.data(); name < names.data() + size; name += strlen(name) + 1) {
    const std::string key = name;
    const bool wanted =
        (key.starts_with("user.") && !key.starts_with("user.overlay.")) || key == "security.capability";
    if (!wanted) continue;
    std::string value(size_t{64} << 10, '\0');
    const ssize_t got = getxattr(proc_path.c_str(), name, value.data(), value.size());
    if (got < 0) return Error::system(errno, "read extended attribute {}", key);
    value.resize(static_cast<size_t>(got));
    pax["SCHILY.xattr." + key] = value;
  }
  return pax;
}

Result<void> Writer::write_file(BorrowedFd file, const struct stat& info, const std::string& path) {
  const auto size = static_cast<uint64_t>(info.st_size);
  std::string buffer(size_t{256} << 10, '\0');
  for (uint64_t done = 0; done < size;) {
    const ssize_t got = read(file.get(), buffer.data(), std::min<uint64_t>(buffer.size(), size - done));
    const int error = errno;
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return Error::system(error, "read {}", path);
    if (got == 0) return Error::make(ErrorKind::conflict, "{}: became shorter while it was read", path);
    TRY(output_({buffer.data(), static_cast<size_t>(got)}));
    done += static_cast<uint64_t>(got);
  }
  data_size_ += size;
  return output_(padding(size));
}

bool Writer::is_left_out(const UniqueFd& entry, const struct stat& info, const std::string& path) const {
  const std::string_view name = std::string_view(path).substr(path.starts_with("./") ? 2 : 0);
  if (std::find(left_out_.begin(), left_out_.end(), name) == left_out_.end()) return false;
  if (S_ISREG(info.st_mode)) return info.st_size == 0;
  if (!S_ISDIR(info.st_mode)) return false;
  const auto names = list_directory(format("/proc/self/fd/{}", entry.get()));
  return names && names->empty();
}

// An empty file, without a time of its own.
Result<void> Writer::write_whiteout(const std::string& path) {
  struct stat info {};
  info.st_mode = S_IFREG;
  return write_header(info, '0', path, "", 0, {});
}

Result<void> Writer::write_opaque_marker(const UniqueFd& folder, const std::string& path) {
  std::array<char, 4096> value{};
  if (fgetxattr(folder.get(), "trusted.overlay.redirect", value.data(), value.size()) > 0) {
    return Error::make(ErrorKind::unsupported,
                       "{}: was renamed by an overlay mount with redirect_dir=on, which a layer can't say",
                       path);
  }
  const ssize_t size = fgetxattr(folder.get(), "trusted.overlay.opaque", value.data(), value.size());
  if (size != 1 || value[0] != 'y') return {};
  return write_whiteout(path + ".wh..wh..opq");
}

Result<void> Writer::write_entry(const UniqueFd& folder, const std::string& name, const std::string& path) {
  if (kind_ == Kind::layer && name.starts_with(".wh.")) {
    return Error::make(ErrorKind::invalid, "{}: a layer can't hold a name that begins with \".wh.\"", path);
  }
  const UniqueFd entry(openat(folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!entry || fstat(entry.get(), &info) != 0) return Error::system(errno, "open {}", path);
  const std::string proc = format("/proc/self/fd/{}", entry.get());
  if (S_ISSOCK(info.st_mode) || is_left_out(entry, info, path)) return {};
  if (kind_ == Kind::layer && S_ISCHR(info.st_mode) && info.st_rdev == 0) {
    return write_whiteout(path.substr(0, path.size() - name.size()) + ".wh." + name);
  }
  if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
    const auto [first, is_new] = seen_.try_emplace({info.st_dev, info.st_ino}, path);
    if (!is_new) return write_header(info, '1', path, first->second, 0, {});
  }
  if (S_ISLNK(info.st_mode)) {
    std::array<char, 4096> target{};
    const ssize_t size = readlinkat(entry.get(), "", target.data(), target.size());
    if (size < 0) return Error::system(errno, "read link {}", path);
    return write_header(info, '2', path, std::string(target.data(), static_cast<size_t>(size)), 0, {});
  }
  auto pax = TRY(read_xattrs(proc).context("{}", path));
  if (S_ISCHR(info.st_mode)) return write_header(info, '3', path, "", 0, std::move(pax));
  if (S_ISBLK(info.st_mode)) return write_header(info, '4', path, "", 0, std::move(pax));
  if (S_ISFIFO(info.st_mode)) return write_header(info, '6', path, "", 0, std::move(pax));
  const UniqueFd opened = TRY(open_file(proc, O_RDONLY).context("{}", path));
  if (S_ISDIR(info.st_mode)) {
    TRY(write_header(info, '5', path + "/", "", 0, std::move(pax)));
    return write_folder(opened, path + "/");
  }
  TRY(write_header(info, '0', path, "", static_cast<uint64_t>(info.st_size), std::move(pax)));
  return write_file(opened, info, path);
}

Result<void> Writer::write_root(const UniqueFd& root) {
  struct stat info {};
  if (fstat(root.get(), &info) != 0) return Error::system(errno, "stat");
  auto pax = TRY(read_xattrs(format("/proc/self/fd/{}", root.get())));
  TRY(write_header(info, '5', "./", "", 0, std::move(pax)));
  return write_folder(root, "./");
}

Result<void> Writer::write_folder(const UniqueFd& folder, const std::string& path) {
  if (kind_ == Kind::layer) TRY(write_opaque_marker(folder, path));
  for (const auto& name : TRY(list_directory(format("/proc/self/fd/{}", folder.get())))) {
    TRY(write_entry(folder, name, path + name));
  }
  return {};
}

}  // namespace

Result<void> write_tar(const std::string& directory, const TarOutput& output) {
  const UniqueFd root = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  Writer writer(output, Writer::Kind::folder, {});
  TRY(writer.write_root(root));
  return writer.end();
}

Result<uint64_t> write_layer_tar(const std::string& upper, const LayerTarOptions& options,
                                 const TarOutput& output) {
  const UniqueFd root = TRY(open_file(upper, O_RDONLY | O_DIRECTORY));
  Writer writer(output, Writer::Kind::layer, options);
  TRY(options.root ? writer.write_root(root) : writer.write_folder(root, ""));
  TRY(writer.end());
  return writer.data_size();
}

namespace {

struct stat plain_file(uint64_t size) {
  struct stat info {};
  info.st_mode = S_IFREG | 0644;
  info.st_size = static_cast<off_t>(size);
  return info;
}

}  // namespace

Result<void> ArchiveWriter::add_text(const std::string& path, std::string_view text) {
  Writer writer(output_, Writer::Kind::folder, {});
  TRY(writer.write_header(plain_file(text.size()), '0', path, "", text.size(), {}));
  TRY(output_(text));
  return output_(padding(text.size()));
}

Result<void> ArchiveWriter::add_file(const std::string& path, BorrowedFd file) {
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return Error::system(errno, "stat {}", path);
  const auto size = static_cast<uint64_t>(info.st_size);
  const struct stat plain = plain_file(size);
  Writer writer(output_, Writer::Kind::folder, {});
  TRY(writer.write_header(plain, '0', path, "", size, {}));
  return writer.write_file(file, plain, path);
}

Result<void> ArchiveWriter::end() {
  return Writer(output_, Writer::Kind::folder, {}).end();
}

}  // namespace gantry::images
