#include "oci/manifest.h"

#include "base/text.h"

#include <algorithm>

namespace gantry::oci {
namespace {

bool is_attestation(const Descriptor& entry) {
  const auto type = entry.annotations.find("vnd.docker.reference.type");
  const bool named = type != entry.annotations.end() && type->second == "attestation-manifest";
  return named || (entry.platform && entry.platform->os == "unknown");
}

std::string offers(const std::vector<const Descriptor*>& entries) {
  std::vector<std::string> names;
  for (const auto* entry : entries)
    names.push_back(entry->platform ? entry->platform->string() : "(no platform)");
  return names.empty() ? "nothing that runs" : join(names, ", ");
}

}  // namespace

Result<Descriptor> choose_platform(const Index& index, const Platform& wanted, std::string_view source) {
  std::vector<const Descriptor*> runnable;
  for (const auto& entry : index.manifests) {
    if (!is_attestation(entry)) runnable.push_back(&entry);
  }
  if (runnable.size() == 1 && !runnable[0]->platform) return *runnable[0];
  const Descriptor* best = nullptr;
  for (const auto* entry : runnable) {
    if (!entry->platform || !platform_matches(*entry->platform, wanted)) continue;
    const bool exact = entry->platform->variant == wanted.variant;
    if (exact) return *entry;
    // Go by the higher variant only for arm, where what runs is ordered; elsewhere the first entry wins.
    const bool better = best == nullptr ||
                        (wanted.architecture == "arm" && entry->platform->variant > best->platform->variant);
    if (better) best = entry;
  }
  if (best != nullptr) return *best;
  return Error::make(ErrorKind::not_found, "{}: no image for platform {}: it offers {}", source,
                     wanted.string(), offers(runnable));
}

}  // namespace gantry::oci
