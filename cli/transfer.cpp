#include "base/files.h"
#include "cli/flags.h"
#include "cli/pull_image.h"
#include "cli/session.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

Result<int> pull(const Session& session, const std::vector<std::string>& words) {
  bool quiet = false;
  std::string platform;
  FlagSet set(session.title, "[OPTIONS] NAME[:TAG|@DIGEST]");
  set.toggle("quiet", 'q', quiet, "only print the name")
      .value("platform", 0, platform, "OS/ARCH[/VARIANT]", "the image's platform (default this host's)");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto reference = TRY(oci::Reference::parse(parsed.arguments[0]));
  images::PullOptions options;
  if (!quiet) options.progress = progress_printer();
  if (!platform.empty()) options.platform = TRY(oci::parse_platform(platform));
  auto store = TRY(session.open_images());
  const auto image = TRY(store.pull(reference, options));
  if (!quiet) fmt::print("Digest: {}\n", image.manifest_digest.string());
  fmt::print("{}\n", reference.string());
  return 0;
}

Result<int> push(const Session& session, const std::vector<std::string>& words) {
  bool quiet = false;
  FlagSet set(session.title, "[OPTIONS] NAME[:TAG]");
  set.toggle("quiet", 'q', quiet, "only print the name");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto reference = TRY(oci::Reference::parse(parsed.arguments[0]));
  images::PushOptions options;
  if (!quiet) options.progress = progress_printer();
  auto store = TRY(session.open_images());
  const auto digest = TRY(store.push(reference, options));
  fmt::print("{}: digest: {}\n", reference.tag, digest.string());
  return 0;
}

Result<bool> is_directory(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return Error::system(errno, "{}", path);
  return S_ISDIR(status.st_mode);
}

Result<images::Image> import_from(images::ImageStore& store, const std::string& source,
                                  const images::ImportOptions& options) {
  if (source == "-") {
    if (isatty(STDIN_FILENO) == 1) {
      return Error::make(ErrorKind::invalid, "stdin is a terminal: give a file, a folder, or pipe a tar in");
    }
    return store.import_tar(TRY(duplicate(BorrowedFd(STDIN_FILENO))), options);
  }
  if (TRY(is_directory(source))) return store.import_directory(source, options);
  return store.import_tar(TRY(open_file(source, O_RDONLY)), options);
}

Result<int> import(const Session& session, const std::vector<std::string>& words) {
  images::ImportOptions options;
  FlagSet set(session.title, "[OPTIONS] FILE|-|DIR [REPOSITORY[:TAG]]");
  set.values("change", 'c', options.changes, "INSTRUCTION",
             "CMD, ENTRYPOINT, ENV, EXPOSE, WORKDIR, USER, LABEL, VOLUME, STOPSIGNAL, HEALTHCHECK, SHELL or "
             "ONBUILD")
      .value("message", 'm', options.message, "TEXT", "comment in the image's history");
  const Parsed parsed = set.arguments(1, 2).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (parsed.arguments.size() == 2) options.reference = TRY(oci::Reference::parse(parsed.arguments[1]));
  auto store = TRY(session.open_images());
  const auto image = TRY(import_from(store, parsed.arguments[0], options));
  fmt::print("{}\n", image.id.string());
  return 0;
}

}  // namespace

std::vector<VerbEntry> transfer_verbs() {
  return {{{"pull", "image pull"}, pull, "Fetch an image from a registry"},
          {{"push", "image push"}, push, "Send an image to its registry"},
          {{"import", "image import"}, import, "Make an image of a tar file, of stdin or of a folder"}};
}

}  // namespace gantry::cli
