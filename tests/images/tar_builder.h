#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace gantry::images::test {

// Makes tar archives by hand, good ones and bad ones: every field can be set.
struct TarItem {
  std::string path;
  char type = '0';
  std::string data;
  std::string link;
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 1'700'000'000;
  uint32_t major = 0;
  uint32_t minor = 0;
  std::map<std::string, std::string> pax;
  int64_t size = -1;                    // -1: that of `data`
  std::map<size_t, std::string> bytes;  // put into the header at these offsets, before it is summed up
};

class TarBuilder {
 public:
  TarBuilder& add(const TarItem& item);
  TarBuilder& file(const std::string& path, const std::string& data = "x") { return add({path, '0', data}); }
  TarBuilder& folder(const std::string& path, uint32_t mode = 0755) {
    return add({.path = path, .type = '5', .mode = mode});
  }
  TarBuilder& symlink(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '2', .link = target});
  }
  TarBuilder& hard_link(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '1', .link = target});
  }
  TarBuilder& raw(const std::string& bytes) {
    bytes_ += bytes;
    return *this;
  }
  std::string finish() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& unfinished() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace gantry::images::test
