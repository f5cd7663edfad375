#include "base/json.h"
#include "registry/repository_store.h"

namespace gantry::registry {

static constexpr EnumName<Mutability> mutability_names[] = {
    {Mutability::all_mutable, "MUTABLE"},
    {Mutability::all_immutable, "IMMUTABLE"},
    {Mutability::mutable_with_exclusion, "MUTABLE_WITH_EXCLUSION"},
    {Mutability::immutable_with_exclusion, "IMMUTABLE_WITH_EXCLUSION"}};
static std::span<const EnumName<Mutability>> enum_names(Mutability) {
  return mutability_names;
}

// Policies are kept as the texts that were given, and read as strictly again.
template <class Visitor, class Policy, class Parse>
static void visit_policy(Visitor& visit, std::string_view name, std::shared_ptr<const Policy>& policy,
                         const Parse& parse) {
  std::string text = policy ? policy->text : "";
  visit(name, text);
  if constexpr (Visitor::reading) {
    if (text.empty()) return;
    auto parsed = parse(text);
    if (!parsed) return visit.fail(format("{}: {}", name, parsed.error().message()));
    policy = std::make_shared<const Policy>(std::move(*parsed));
  }
}

template <class Visitor>
void members(Visitor& visit, Repository& repository) {
  visit.required("name", repository.name);
  visit.required("createdAt", repository.created_at);
  visit("mutability", repository.mutability);
  visit("exclusions", repository.exclusions);
  visit("scanOnPush", repository.scan_on_push);
  visit("tags", repository.tags);
  visit_policy(visit, "policy", repository.policy,
               [](const std::string& text) { return parse_access_policy(text, PolicyOf::repository); });
  visit_policy(visit, "lifecycle", repository.lifecycle,
               [](const std::string& text) { return parse_lifecycle_policy(text); });
  visit("lifecycleHost", repository.lifecycle_host);
  visit("lifecycleEvaluatedAt", repository.lifecycle_evaluated_at);
}

template <class Visitor>
void members(Visitor& visit, ManifestRecord& record) {
  visit.required("digest", record.digest);
  visit.required("mediaType", record.media_type);
  visit("artifactType", record.artifact_type);
  visit("subject", record.subject);
  visit("imageSize", record.image_size);
  visit("pushedAt", record.pushed_at);
  visit("archived", record.archived);
  visit("archivedAt", record.archived_at);
  visit("activatedAt", record.activated_at);
}

Result<Repository> parse_repository(std::string_view text, std::string_view source) {
  return parse_json<Repository>(text, source);
}
std::string to_json_text(const Repository& repository) {
  return to_json(repository);
}
Result<ManifestRecord> parse_manifest_record(std::string_view text, std::string_view source) {
  return parse_json<ManifestRecord>(text, source);
}
std::string to_json_text(const ManifestRecord& record) {
  return to_json(record);
}

}  // namespace gantry::registry
