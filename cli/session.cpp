#include "cli/session.h"

#include "base/files.h"

#include <fmt/core.h>

namespace gantry::cli {

Result<images::ImageStore> Session::open_images() const {
  images::ImageStoreOptions image_options;
  image_options.root = join_path(TRY(absolute_path(options.root)), "images");
  image_options.ca_file = options.ca_file;
  return images::ImageStore::open(image_options);
}

void print_error(const Error& error) {
  fmt::print(stderr, "gantry: {}\n", error.message());
}

Result<int> for_each_argument(const std::vector<std::string>& arguments,
                              const std::function<Result<void>(const std::string&)>& one) {
  int code = 0;
  for (const auto& argument : arguments) {
    const auto done = one(argument);
    if (done) {
      fmt::print("{}\n", argument);
      continue;
    }
    print_error(done.error());
    code = 1;
  }
  return code;
}

}  // namespace gantry::cli
