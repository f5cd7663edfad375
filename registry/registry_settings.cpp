#include "registry/registry_settings.h"

#include "base/files.h"
#include "base/json.h"

#include <algorithm>

namespace gantry::registry {
namespace {

// As the file has them; parts that are shapes of ECR's API are kept in its JSON.
struct SettingsFile {
  std::string policy;
  std::vector<RawJson> templates;
  std::map<std::string, std::string> account_settings;
  std::map<std::string, double> pull_time_exclusions;
  RawJson scanning;
  bool has_signing_configuration = false;
};

template <class Visitor>
void members(Visitor& visit, SettingsFile& file) {
  visit("policy", file.policy);
  visit("templates", file.templates);
  visit("accountSettings", file.account_settings);
  visit("pullTimeExclusions", file.pull_time_exclusions);
  visit("scanning", file.scanning);
  visit("hasSigningConfiguration", file.has_signing_configuration);
}

Result<RegistrySettings> parse_settings(std::string_view text, const std::string& source) {
  auto file = TRY(parse_json<SettingsFile>(text, source));
  RegistrySettings settings;
  if (!file.policy.empty()) {
    settings.policy = std::make_shared<const AccessPolicy>(
        TRY(parse_access_policy(file.policy, PolicyOf::registry).context("{}", source)));
  }
  for (const auto& raw : file.templates) {
    auto parsed = TRY(api::ecr::parse_request<api::ecr::CreationTemplate>(raw.text).context("{}", source));
    settings.templates[parsed.prefix] = std::move(parsed);
  }
  settings.account_settings = std::move(file.account_settings);
  settings.pull_time_exclusions = std::move(file.pull_time_exclusions);
  if (!file.scanning.text.empty()) {
    settings.scanning = TRY(
        api::ecr::parse_request<api::ecr::ScanningConfiguration>(file.scanning.text).context("{}", source));
  }
  settings.has_signing_configuration = file.has_signing_configuration;
  return settings;
}

std::string settings_text(const RegistrySettings& settings) {
  SettingsFile file;
  if (settings.policy) file.policy = settings.policy->text;
  for (const auto& entry : settings.templates)
    file.templates.push_back({api::ecr::to_json_text(entry.second)});
  file.account_settings = settings.account_settings;
  file.pull_time_exclusions = settings.pull_time_exclusions;
  if (settings.scanning) file.scanning.text = api::ecr::to_json_text(*settings.scanning);
  file.has_signing_configuration = settings.has_signing_configuration;
  return to_json(file);
}

struct SettingRow {
  std::string name;
  std::string standard;
  std::vector<std::string> values;
};

// Mounting is off on AWS before it is asked for; here it always was on.
const SettingRow setting_rows[] = {{"BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE", {"AWS_NATIVE"}},
                                   {"REGISTRY_POLICY_SCOPE", "V2", {"V1", "V2"}},
                                   {"BLOB_MOUNTING", "ENABLED", {"ENABLED", "DISABLED"}}};

const SettingRow* find_setting(const std::string& name) {
  const auto found = std::find_if(std::begin(setting_rows), std::end(setting_rows),
                                  [&](const SettingRow& row) { return row.name == name; });
  return found == std::end(setting_rows) ? nullptr : found;
}

}  // namespace

std::string account_setting(const RegistrySettings& settings, const std::string& name) {
  const auto found = settings.account_settings.find(name);
  if (found != settings.account_settings.end()) return found->second;
  const auto* row = find_setting(name);
  return row == nullptr ? "" : row->standard;
}

bool is_account_setting(const std::string& name, const std::string& value) {
  const auto* row = find_setting(name);
  return row != nullptr && std::find(row->values.begin(), row->values.end(), value) != row->values.end();
}

const api::ecr::CreationTemplate* RegistrySettings::template_for(const std::string& repository,
                                                                 std::string_view scenario) const {
  const api::ecr::CreationTemplate* best = nullptr;
  for (const auto& [prefix, candidate] : templates) {
    const auto folder = prefix.ends_with('/') ? prefix : prefix + "/";
    if (prefix != "ROOT" && !repository.starts_with(folder)) continue;
    const bool longer = best == nullptr || best->prefix == "ROOT" ||
                        (prefix != "ROOT" && prefix.size() > best->prefix.size());
    if (longer) best = &candidate;
  }
  if (best == nullptr) return nullptr;
  const auto& scenarios = best->applied_for;
  return std::find(scenarios.begin(), scenarios.end(), scenario) == scenarios.end() ? nullptr : best;
}

Result<std::unique_ptr<SettingsStore>> SettingsStore::open(const std::string& path) {
  std::unique_ptr<SettingsStore> store(new SettingsStore(path));
  const auto text = read_file(path);
  if (!text && text.error().kind() == ErrorKind::not_found) return store;
  if (!text) return text.error();
  store->settings_ = std::make_shared<const RegistrySettings>(TRY(parse_settings(*text, path)));
  return store;
}

std::shared_ptr<const RegistrySettings> SettingsStore::get() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

http::AwsResult<void> SettingsStore::change(
    const std::function<http::AwsResult<void>(RegistrySettings&)>& change) {
  const std::lock_guard one_at_a_time(changing_);
  RegistrySettings changed = *get();
  TRY(change(changed));
  TRY(write_file(path_, settings_text(changed), 0600, Durability::durable));
  const std::lock_guard lock(mutex_);
  settings_ = std::make_shared<const RegistrySettings>(std::move(changed));
  return {};
}

}  // namespace gantry::registry
