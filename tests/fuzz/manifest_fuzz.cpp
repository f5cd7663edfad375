#include "oci/image_config.h"
#include "oci/manifest.h"
#include "tests/fuzz/fuzz.h"

// A manifest or index as a registry serves it, and an image's config.

namespace {

using namespace gantry;
using namespace gantry::oci;

void read_manifest(std::string_view text) {
  const auto manifest = parse_manifest(text, "input");
  fuzz::check_error(manifest, "input");
  if (!manifest) return;
  fuzz::check_round_trip(*manifest, parse_manifest);
  for (const auto& layer : manifest->layers) (void)layer_compression(layer);
}

void read_index(std::string_view text) {
  const auto index = parse_index(text, "input");
  fuzz::check_error(index, "input");
  if (!index) return;
  fuzz::check_round_trip(*index, parse_index);
  fuzz::check_error(choose_platform(*index, Platform::host(), "input"), "input");
}

}  // namespace

FUZZ_TARGET(text) {
  for (const auto* type : {"", "application/vnd.oci.image.manifest.v1+json",
                           "application/vnd.oci.image.index.v1+json; charset=utf-8"}) {
    const auto kind = classify_document(text, type, "input");
    fuzz::check_error(kind, "input");
    if (!kind) continue;
    if (*kind == DocumentKind::manifest && text.find("\"manifests\"") == 0) fuzz::fail("an index");
  }
  read_manifest(text);
  read_index(text);
  const auto config = parse_image_config(text, "input");
  fuzz::check_error(config, "input");
}
