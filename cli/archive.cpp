#include "base/files.h"
#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

Result<void> save_to(const images::ImageStore& store, const std::vector<std::string>& names,
                     BorrowedFd output) {
  return store.save(names, [&](std::string_view bytes) { return write_all(output, bytes); });
}

Result<int> save(const Session& session, const std::vector<std::string>& words) {
  std::string file;
  FlagSet set(session.title, "[OPTIONS] IMAGE [IMAGE...]");
  set.value("output", 'o', file, "FILE", "write it there (default stdout)");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (file.empty() && isatty(STDOUT_FILENO) == 1) {
    return Error::make(ErrorKind::invalid, "stdout is a terminal: name a file by --output, or redirect it");
  }
  const auto store = TRY(session.open_images());
  if (file.empty()) {
    TRY(save_to(store, parsed.arguments, BorrowedFd(STDOUT_FILENO)));
    return 0;
  }
  // Nothing half-written has the file's name.
  const std::string temporary = file + ".tmp";
  const UniqueFd output = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  auto saved = save_to(store, parsed.arguments, output);
  if (saved && rename(temporary.c_str(), file.c_str()) != 0)
    saved = Error::system(errno, "rename {}", temporary);
  if (!saved) (void)remove_file(temporary);
  TRY(saved);
  return 0;
}

Result<int> load(const Session& session, const std::vector<std::string>& words) {
  std::string file;
  bool quiet = false;
  FlagSet set(session.title, "[OPTIONS]");
  set.value("input", 'i', file, "FILE", "read it from there (default stdin)")
      .toggle("quiet", 'q', quiet, "accepted; there is no progress to leave out");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (file.empty() && isatty(STDIN_FILENO) == 1) {
    return Error::make(ErrorKind::invalid, "stdin is a terminal: name a file by --input, or pipe one in");
  }
  auto store = TRY(session.open_images());
  auto input = file.empty() ? TRY(duplicate(BorrowedFd(STDIN_FILENO))) : TRY(open_file(file, O_RDONLY));
  for (const auto& image : TRY(store.load(std::move(input)))) {
    for (const auto& tag : image.tags) fmt::print("Loaded image: {}\n", tag.familiar());
    if (image.tags.empty()) fmt::print("Loaded image ID: {}\n", image.id.string());
  }
  return 0;
}

std::string created_by_text(const std::string& text, bool whole) {
  constexpr size_t shown = 45;
  std::string line = text;
  for (char& c : line) c = c == '\n' || c == '\t' ? ' ' : c;
  return whole || line.size() <= shown ? line : line.substr(0, shown - 3) + "...";
}

// Latest first; an entry that changed files has the next layer's size.
Result<int> history(const Session& session, const std::vector<std::string>& words) {
  bool quiet = false;
  bool whole = false;
  bool human = true;
  std::string format_text;
  FlagSet set(session.title, "[OPTIONS] IMAGE");
  set.toggle("quiet", 'q', quiet, "ids only")
      .toggle("no-trunc", 0, whole, "don't shorten anything")
      .toggle("human", 'H', human, "sizes and times for people")
      .value("format", 0, format_text, "FORMAT",
             "table, json, or a template such as {{.CreatedBy}} (default table)");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto store = TRY(session.open_images());
  const auto image = TRY(store.resolve(parsed.arguments[0]));
  Table table({{"IMAGE", "ID"},
               {"CREATED", human ? "CreatedSince" : "CreatedAt"},
               {"CREATED BY", "CreatedBy"},
               {"SIZE", "Size"},
               {"COMMENT", "Comment"}});
  size_t layer = image.layers.size();
  const auto now = SystemClock().now();
  std::string id = whole ? image.id.string() : short_id(image.id.string());
  for (auto each = image.config.history.rbegin(); each != image.config.history.rend(); ++each) {
    const bool has_layer = !each->empty_layer && layer > 0;
    const uint64_t size = has_layer ? image.layers[--layer].size : 0;
    if (quiet) fmt::print("{}\n", id);
    table.add({{"ID", id},
               {"CreatedSince", ago_text(parse_rfc3339(each->created).value_or({}), now)},
               {"CreatedAt", each->created},
               {"CreatedBy", created_by_text(each->created_by, whole)},
               {"Size", human ? format_size(size) : std::to_string(size)},
               {"Comment", each->comment}});
    id = "<missing>";
  }
  if (!quiet) TRY(table.print(format_text));
  return 0;
}

Result<int> commit(const Session& session, const std::vector<std::string>& words) {
  engine::CommitOptions options;
  FlagSet set(session.title, "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]");
  set.value("author", 'a', options.author, "TEXT", "who made it")
      .value("message", 'm', options.message, "TEXT", "comment in the image's history")
      .values("change", 'c', options.changes, "INSTRUCTION", "as of gantry import --change")
      .toggle("pause", 'p', options.pause, "a running container stands still meanwhile");
  const Parsed parsed = set.arguments(1, 2).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (parsed.arguments.size() == 2) {
    auto tag = TRY(oci::Reference::parse(parsed.arguments[1]));
    if (tag.tag.empty() || !tag.digest.empty()) {
      return Error::make(ErrorKind::invalid, "cannot commit as \"{}\": it must have a tag and no digest",
                         parsed.arguments[1]);
    }
    options.tags.push_back(std::move(tag));
  }
  const auto engine = TRY(session.open_engine());
  fmt::print("{}\n", TRY(engine.commit(parsed.arguments[0], options)).id.string());
  return 0;
}

char change_letter(engine::FileChangeKind kind) {
  switch (kind) {
    case engine::FileChangeKind::added:
      return 'A';
    case engine::FileChangeKind::changed:
      return 'C';
    case engine::FileChangeKind::deleted:
      break;
  }
  return 'D';
}

Result<int> diff(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "CONTAINER");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  for (const auto& change : TRY(engine.changes(parsed.arguments[0]))) {
    fmt::print("{} {}\n", change_letter(change.kind), change.path);
  }
  return 0;
}

}  // namespace

std::vector<VerbEntry> archive_verbs() {
  return {{{"save", "image save"}, save, "Write images to an archive"},
          {{"load", "image load"}, load, "Take images from an archive"},
          {{"history", "image history"}, history, "Show what an image is made of"},
          {{"commit", "container commit"}, commit, "Make an image of a container"},
          {{"diff", "container diff"}, diff, "List what a container has changed of its image's files"}};
}

}  // namespace gantry::cli
