#pragma once

#include "images/tar_reader.h"

namespace gantry::images {

// A header block, decoded; shared by the two halves of TarReader.
struct TarReader::Header {
  char type = '0';
  std::string name;
  std::string link;
  int64_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;
  int64_t mtime = 0;
  int64_t device_major = 0;
  int64_t device_minor = 0;
  std::string block;  // the whole, for old sparse maps
};

}  // namespace gantry::images
