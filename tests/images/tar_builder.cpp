#include "tests/images/tar_builder.h"

#include "base/format.h"

namespace gantry::images::test {
namespace {

std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
  return bytes;
}

std::string header(const std::string& path, char type, const TarItem& item, int64_t size) {
  std::string block(512, '\0');
  const auto put = [&](size_t at, const std::string& text) { block.replace(at, text.size(), text); };
  put(0, path.substr(0, 100));
  put(100, format("{:07o}", item.mode));
  put(108, format("{:07o}", item.uid));
  put(116, format("{:07o}", item.gid));
  put(124, format("{:011o}", size));
  put(136, format("{:011o}", item.mtime));
  put(148, "        ");
  block[156] = type;
  put(157, item.link.substr(0, 100));
  put(257, std::string("ustar\00000", 8));
  put(329, format("{:07o}", item.major));
  put(337, format("{:07o}", item.minor));
  for (const auto& [at, bytes] : item.bytes) put(at, bytes);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, format("{:06o}", sum) + std::string("\0 ", 2));
  return block;
}

std::string record(const std::string& key, const std::string& value) {
  const std::string body = " " + key + "=" + value + "\n";
  size_t length = body.size() + 1;
  while (std::to_string(length).size() + body.size() != length)
    length = std::to_string(length).size() + body.size();
  return std::to_string(length) + body;
}

}  // namespace

TarBuilder& TarBuilder::add(const TarItem& item) {
  if (!item.pax.empty()) {
    std::string body;
    for (const auto& [key, value] : item.pax) body += record(key, value);
    bytes_ += header("pax", 'x', TarItem{}, static_cast<int64_t>(body.size())) + padded(body);
  }
  const int64_t size = item.size >= 0 ? item.size : static_cast<int64_t>(item.data.size());
  bytes_ += header(item.path, item.type, item, size) + padded(item.data);
  return *this;
}

}  // namespace gantry::images::test
