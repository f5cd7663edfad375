#include "base/text.h"
#include "cli/flags.h"
#include "cli/image_filter.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

TimePoint created_at(const images::Image& image) {
  return parse_rfc3339(image.config.created).value_or({});
}

std::map<std::string, std::string> row_of(const images::Image& image, const std::string& repository,
                                          const std::string& tag, bool whole) {
  const std::string id = image.id.string();
  return {
      {"Repository", repository},          {"Tag", tag},
      {"ID", whole ? id : short_id(id)},   {"Digest", image.manifest_digest.string()},
      {"CreatedAt", image.config.created}, {"CreatedSince", ago_text(created_at(image), SystemClock().now())},
      {"Size", format_size(image.size)}};
}

void add_rows(Table& table, const images::Image& image, const std::string& wanted, bool whole) {
  if (image.tags.empty() && wanted.empty()) table.add(row_of(image, "<none>", "<none>", whole));
  for (const auto& tag : image.tags) {
    const bool matches = wanted.empty() || wanted == tag.familiar_name() || wanted == tag.familiar();
    if (matches) table.add(row_of(image, tag.familiar_name(), tag.tag, whole));
  }
}

bool is_wanted(const images::Image& image, const std::string& wanted) {
  if (wanted.empty()) return true;
  for (const auto& tag : image.tags) {
    if (wanted == tag.familiar_name() || wanted == tag.familiar()) return true;
  }
  return false;
}

Result<int> list(const Session& session, const std::vector<std::string>& words) {
  bool quiet = false;
  bool whole = false;
  bool all = false;
  std::string format;
  FlagSet set(session.title, "[OPTIONS] [REPOSITORY[:TAG]]");
  set.toggle("quiet", 'q', quiet, "ids only")
      .toggle("all", 'a', all, "all; there are no hidden ones")
      .toggle("no-trunc", 0, whole, "don't shorten ids")
      .value("format", 0, format, "FORMAT",
             "table, json, or a template such as {{.Repository}} (default table)");
  const Parsed parsed = set.arguments(0, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const std::string wanted = parsed.arguments.empty() ? "" : parsed.arguments[0];
  const auto store = TRY(session.open_images());
  Table table({{"REPOSITORY", "Repository"},
               {"TAG", "Tag"},
               {"IMAGE ID", "ID"},
               {"CREATED", "CreatedSince"},
               {"SIZE", "Size"},
               {"DIGEST", "Digest", true},
               {"CREATED AT", "CreatedAt", true}});
  for (const auto& image : TRY(store.list())) {
    if (!quiet) {
      add_rows(table, image, wanted, whole);
    } else if (is_wanted(image, wanted)) {
      fmt::print("{}\n", whole ? image.id.string() : short_id(image.id.string()));
    }
  }
  if (!quiet) TRY(table.print(format));
  return 0;
}

Result<int> remove_images(const Session& session, const std::vector<std::string>& words) {
  bool force = false;
  FlagSet set(session.title, "[OPTIONS] IMAGE [IMAGE...]");
  set.toggle("force", 'f', force, "also while containers use it");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto store = TRY(session.open_images());
  int code = 0;
  for (const auto& name : parsed.arguments) {
    const auto removed = store.remove(name, force);
    if (!removed) {
      print_error(removed.error());
      code = 1;
      continue;
    }
    for (const auto& tag : removed->untagged) fmt::print("Untagged: {}\n", tag.familiar());
    if (removed->deleted) fmt::print("Deleted: {}\n", removed->deleted->string());
  }
  return code;
}

Result<int> tag(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "SOURCE TARGET");
  const Parsed parsed = set.arguments(2, 2).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto store = TRY(session.open_images());
  const auto target = TRY(oci::Reference::parse(parsed.arguments[1]));
  TRY(store.tag(parsed.arguments[0], target));
  return 0;
}

Result<int> prune(const Session& session, const std::vector<std::string>& words) {
  bool force = false;
  bool all = false;
  ImageFilter filter;
  FlagSet set(session.title, "[OPTIONS]");
  set.toggle("force", 'f', force, "don't ask (it never does)")
      .toggle("all", 'a', all, "also images with a tag that no container uses")
      .custom(
          "filter", 0, [&](const std::string& text) { return filter.add(text, SystemClock().now()); },
          "FILTER", "until=TIME, label=KEY[=VALUE] or label!=KEY[=VALUE]; all must match");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto store = TRY(session.open_images());
  const auto pruned =
      TRY(store.prune(all, [&](const images::Image& image) { return filter.matches(image); }));
  for (const auto& tag : pruned.untagged) fmt::print("Untagged: {}\n", tag.familiar());
  for (const auto& id : pruned.deleted) fmt::print("Deleted: {}\n", id.string());
  fmt::print("Total reclaimed space: {}\n", format_size(pruned.freed));
  return 0;
}

}  // namespace

std::vector<VerbEntry> image_verbs() {
  return {{{"images", "image ls", "image list"}, list, "List images"},
          {{"rmi", "image rm", "image remove"}, remove_images, "Remove images"},
          {{"tag", "image tag"}, tag, "Give an image another name"},
          {{"image prune"}, prune, "Remove images without a tag that no container uses"}};
}

}  // namespace gantry::cli
