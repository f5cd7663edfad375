#pragma once

#include "base/result.h"

#include <string>

namespace gantry::cli {

// --cidfile: made empty before the container, so that no container is made whose id can't be written, and
// gone again with whatever fails before keep(). An empty path asks for none.
class CidFile {
 public:
  // What claim() will say of a file that is there already: asked before the long work. Errors: exists.
  static Result<void> check(const std::string& path);
  // Errors: exists, system.
  static Result<CidFile> claim(std::string path);
  CidFile(CidFile&& other) noexcept;
  CidFile& operator=(CidFile&&) = delete;
  CidFile(const CidFile&) = delete;
  CidFile& operator=(const CidFile&) = delete;
  ~CidFile();

  Result<void> keep(const std::string& id);

 private:
  explicit CidFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace gantry::cli
