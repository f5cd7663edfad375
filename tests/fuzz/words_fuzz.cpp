#include "base/text.h"
#include "base/time.h"
#include "cgroups/systemd_properties.h"
#include "runtime/clean_path.h"
#include "runtime/id_mapped_mounts.h"
#include "runtime/mount_options.h"
#include "runtime/scheduling.h"
#include "runtime/signal_names.h"
#include "runtime/store.h"
#include "tests/fuzz/fuzz.h"

// Words of the command line and strings of config.json that are little languages of their own: each input is
// tried as all of them.

namespace {

using namespace gantry;

void read_base(std::string_view text) {
  (void)parse_size("size", text);
  (void)parse_unsigned("number", text);
  (void)parse_integer("number", text, -1, INT64_MAX);
  if (const auto bytes = base64_decode(text);
      bytes && base64_decode(base64_encode(*bytes)).value() != *bytes) {
    fuzz::fail("base64 loses bytes");
  }
  if (const auto length = parse_duration(text)) {
    if (length->count() < 0) fuzz::fail("a negative duration");
    (void)human_duration(*length);
  }
  for (const auto& time : {parse_rfc3339(text), parse_basic_iso8601(text)}) {
    if (!time) continue;
    const auto again = parse_rfc3339(format_rfc3339(*time));
    if (!again || *again != *time) fuzz::fail("another time: " + format_rfc3339(*time));
  }
}

void read_paths(const std::string& text) {
  const auto clean = runtime::clean_path(text);
  if (clean.empty() || clean[0] != '/') fuzz::fail("not absolute: " + clean);
  if (runtime::clean_path(clean) != clean) fuzz::fail("not clean: " + clean);
  if (runtime::check_id(text) && (text.find('/') != std::string::npos || text == "." || text == "..")) {
    fuzz::fail("an id that leads elsewhere");
  }
  for (const bool user : {false, true}) {
    const auto place = cgroups::parse_unit_place(text, "id", user);
    if (place && place->unit.find('/') != std::string::npos) fuzz::fail("a unit elsewhere: " + place->unit);
  }
}

}  // namespace

FUZZ_TARGET(text) {
  const std::string word(text);
  read_base(text);
  read_paths(word);
  if (const auto number = runtime::parse_signal(word); number && (*number < 0 || *number > 64)) {
    fuzz::fail("not a signal: " + word);
  }
  (void)runtime::parse_number_list(word, {"config.json", "$"}, ".cpus");
  (void)cgroups::cpu_mask("cpus", text);
  oci::Linux mapped;
  mapped.uid_mappings = mapped.gid_mappings = {{0, 1000, 10}, {10, 5000, 0xffff'fff0U}};
  (void)runtime::parse_id_map_text(word, mapped);
  (void)runtime::parse_mount_options(split(text, ','));
  (void)runtime::parse_propagation(word);
  (void)cgroups::annotation_properties({{"org.systemd.property.TimeoutStopSec", word},
                                        {"org.systemd.property.CollectMode", word},
                                        {"org.systemd.property." + word, "true"}});
}
