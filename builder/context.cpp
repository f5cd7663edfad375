#include "builder/context.h"

#include "base/files.h"
#include "base/root_path.h"
#include "images/byte_source.h"
#include "images/compression.h"
#include "images/unpack.h"
#include "oci/hasher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::builder {
namespace {

constexpr size_t dockerfile_limit = size_t{16} << 20;
constexpr size_t tar_block = 512;

Result<std::optional<std::string>> read_if_there(const UniqueFd& folder, const std::string& path) {
  const auto file = open_in_root(folder, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file && file.error().kind() == ErrorKind::not_found) return std::optional<std::string>();
  struct stat info {};
  if (!file) return Error(file.error());
  if (fstat(file->get(), &info) != 0) return Error::system(errno, "stat {}", path);
  if (!S_ISREG(info.st_mode)) return Error::make(ErrorKind::invalid, "{}: not a regular file", path);
  return std::optional(TRY(read_all(*file, dockerfile_limit).context("{}", path)));
}

bool is_address(const std::string& context) {
  return context.find("://") != std::string::npos || context.starts_with("git@") ||
         context.starts_with("github.com/");
}

// The first block or more, so that it can be told what the stream is.
Result<std::string> read_start(images::ByteSource& source) {
  std::string start;
  while (start.size() < tar_block) {
    const std::string_view block = TRY(source.next());
    if (block.empty()) break;
    start += block;
  }
  return start;
}

bool looks_like_tar(const std::string& start) {
  return start.size() >= tar_block && start.compare(257, 5, "ustar") == 0;
}

Result<void> unpack_context(BuildContext& context, images::ByteSource& stream,
                            oci::LayerCompression compression) {
  const auto plain = images::decompress(stream, compression, {});
  TRY(images::unpack_layer(*plain, context.unpacked->scratch()).context("context on stdin"));
  return {};
}

// An archive becomes the context; anything else is a Dockerfile that has none.
Result<void> read_stdin(const engine::Engine& engine, const BuildOptions& options, BuildContext& context) {
  if (isatty(STDIN_FILENO) == 1) {
    return Error::make(ErrorKind::invalid, "stdin is a terminal: pipe a Dockerfile or a tar archive in");
  }
  images::FileSource input(TRY(duplicate(BorrowedFd(STDIN_FILENO))));
  const std::string start = TRY(read_start(input));
  const auto compression = TRY(images::detect_compression(start).context("context on stdin"));
  context.unpacked.emplace(TRY(engine.make_build_root({})));
  context.root.folder = TRY(open_file(context.unpacked->scratch(), O_RDONLY | O_DIRECTORY));
  images::PrefixSource whole(start, input);
  if (compression != oci::LayerCompression::none || looks_like_tar(start)) {
    return unpack_context(context, whole, compression);
  }
  if (!options.dockerfile.empty()) {
    return Error::make(ErrorKind::invalid, "--file can't be used when stdin is the Dockerfile");
  }
  context.dockerfile_name = "-";
  while (true) {
    const std::string_view block = TRY(whole.next());
    if (block.empty()) return {};
    context.dockerfile += block;
    if (context.dockerfile.size() > dockerfile_limit)
      return Error(ErrorKind::invalid, "the Dockerfile is too long");
  }
}

Result<void> read_dockerfile_in(BuildContext& context, const std::string& name) {
  auto text = TRY(read_if_there(context.root.folder, name));
  context.dockerfile_name = name;
  if (!text && name == "Dockerfile") {
    text = TRY(read_if_there(context.root.folder, "dockerfile"));
    context.dockerfile_name = "dockerfile";
  }
  if (!text)
    return Error::make(ErrorKind::not_found, "{}: there is none in the context (--file names another)", name);
  context.dockerfile = std::move(*text);
  return {};
}

Result<void> read_dockerfile(const BuildOptions& options, BuildContext& context) {
  if (!context.dockerfile_name.empty()) return {};
  if (options.dockerfile.empty()) return read_dockerfile_in(context, "Dockerfile");
  if (options.dockerfile == "-") {
    context.dockerfile_name = "-";
    context.dockerfile =
        TRY(read_all(BorrowedFd(STDIN_FILENO), dockerfile_limit).context("Dockerfile on stdin"));
    return {};
  }
  if (options.context == "-") return read_dockerfile_in(context, options.dockerfile);
  context.dockerfile_name = options.dockerfile;
  context.dockerfile = TRY(read_file(options.dockerfile, dockerfile_limit));
  return {};
}

// FILE.dockerignore beside the Dockerfile, else the context's.
Result<void> read_ignore(const BuildOptions& options, BuildContext& context) {
  std::string name = context.dockerfile_name + ".dockerignore";
  std::optional<std::string> text;
  const bool outside = options.context != "-" && !options.dockerfile.empty() && options.dockerfile != "-";
  if (outside && path_exists(name)) {
    text = TRY(read_file(name, dockerfile_limit));
  } else if (!outside && context.dockerfile_name != "-") {
    text = TRY(read_if_there(context.root.folder, name));
  }
  if (!text) {
    name = ".dockerignore";
    text = TRY(read_if_there(context.root.folder, name));
  }
  context.ignore = std::make_unique<IgnoreRules>(TRY(IgnoreRules::parse(text.value_or(""), name)));
  context.root.ignore = context.ignore->empty() ? nullptr : context.ignore.get();
  return {};
}

}  // namespace

Result<BuildContext> open_context(const engine::Engine& engine, const BuildOptions& options) {
  BuildContext context;
  if (is_address(options.context)) {
    return Error::make(ErrorKind::unsupported,
                       "context {}: addresses are not supported: give a folder or \"-\"", options.context);
  }
  if (options.context == "-" && options.dockerfile == "-") {
    return Error::make(ErrorKind::invalid, "stdin can't be both the context and the Dockerfile");
  }
  if (options.context == "-") {
    TRY(read_stdin(engine, options, context));
  } else {
    context.root.folder =
        TRY(open_file(options.context, O_RDONLY | O_DIRECTORY).context("context {}", options.context));
    const std::string place = TRY(absolute_path(options.context));
    const std::string file =
        format("{}/build-contexts/{}", engine.options().root, oci::digest_of(place).hex());
    context.digests = std::make_unique<FileDigests>(FileDigests::load(file));
    context.root.digests = context.digests.get();
  }
  TRY(read_dockerfile(options, context));
  TRY(read_ignore(options, context));
  return context;
}

}  // namespace gantry::builder
