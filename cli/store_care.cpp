#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/table.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

std::string reclaimable_text(uint64_t part, uint64_t whole) {
  return whole == 0 ? format_size(0) : format("{} ({}%)", format_size(part), part * 100 / whole);
}

struct UsageRow {
  std::string type;
  size_t count = 0;
  size_t active = 0;
  uint64_t size = 0;
  uint64_t reclaimable = 0;
};

Result<int> disk_usage(const Session& session, const std::vector<std::string>& words) {
  std::string format_text;
  FlagSet set(session.title, "[OPTIONS]");
  set.value("format", 0, format_text, "FORMAT",
            "table, json, or a template such as {{.Type}} {{.Size}} (default table)");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  const auto images = TRY(engine.images().usage());
  const auto rest = TRY(engine.usage());
  Table table({{"TYPE", "Type"},
               {"TOTAL", "TotalCount"},
               {"ACTIVE", "Active"},
               {"SIZE", "Size"},
               {"RECLAIMABLE", "Reclaimable"}});
  for (const auto& row : {
           UsageRow{"Images", images.images, images.held_images, images.size, images.reclaimable},
           UsageRow{"Containers", rest.containers, rest.running_containers, rest.container_size,
                    rest.container_reclaimable},
           UsageRow{"Local Volumes", rest.volumes, rest.used_volumes, rest.volume_size,
                    rest.volume_reclaimable},
           UsageRow{"Build Cache", images.cached_steps, 0, images.cache_size, images.cache_size},
       }) {
    table.add({{"Type", row.type},
               {"TotalCount", std::to_string(row.count)},
               {"Active", std::to_string(row.active)},
               {"Size", format_size(row.size)},
               {"Reclaimable", reclaimable_text(row.reclaimable, row.size)}});
  }
  TRY(table.print(format_text));
  return 0;
}

Result<int> check_store(const Session& session, const std::vector<std::string>& words) {
  images::CheckOptions options;
  FlagSet set(session.title, "[OPTIONS]");
  set.toggle("repair", 0, options.repair,
             "unpack damaged layers again, and pull again, by digest, what came from a registry");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto store = TRY(session.open_images());
  size_t left = 0;
  options.on_fault = [&](const images::StoreFault& fault) {
    // A damaged blob is mended by its image's repair, which is told of on its own.
    if (!fault.repaired) ++left;
    fmt::print("{}: {}{}\n", fault.subject, fault.fault, fault.repaired ? " (repaired)" : "");
  };
  const auto checked = TRY(store.check(options));
  if (options.repair && left > 0) {
    left = 0;
    options.repair = false;
    fmt::print("Checking what is there now\n");
    TRY(store.check(options));
  }
  fmt::print("Checked {} images, {} layers and {} blobs of {}: {}\n", checked.images, checked.layers,
             checked.blobs, format_size(checked.bytes),
             left == 0 ? "all is well" : format("{} faults", left));
  return left == 0 ? 0 : 1;
}

}  // namespace

std::vector<VerbEntry> store_care_verbs() {
  return {
      {{"system df"}, disk_usage, "Show what images, containers, volumes and the build cache take on disk"},
      {{"system check"}, check_store, "Read all images again, and find what is damaged"}};
}

}  // namespace gantry::cli
