// Settings of image scanning, which are kept; nothing scans.

#include "registry/ecr_service.h"

namespace gantry::registry {
namespace {

namespace ecr = api::ecr;

http::AwsResult<void> check_scanning(const ecr::ScanningConfiguration& configuration) {
  if (configuration.scan_type != "BASIC") {
    return validation_error("scanType ENHANCED is not supported: this registry has no Amazon Inspector");
  }
  for (const auto& rule : configuration.rules) {
    if (rule.scan_frequency == "CONTINUOUS_SCAN") {
      return validation_error("scanFrequency CONTINUOUS_SCAN is only for scanType ENHANCED");
    }
    if (rule.repository_filters.empty())
      return validation_error("A scanning rule must have a repository filter");
  }
  return {};
}

// A filter without "*" is found anywhere in the name, as ECR has it.
bool selects_repository(const ecr::ScanFilter& filter, const std::string& name) {
  const bool has_wildcard = filter.filter.find('*') != std::string::npos;
  return matches_wildcard(has_wildcard ? filter.filter : "*" + filter.filter + "*", name);
}

}  // namespace

EcrService::Reply EcrService::put_image_scanning_configuration(const Call& call) {
  auto request = TRY(parse<ecr::PutImageScanningRequest>(call));
  TRY(change(request.registry_id, request.repository_name,
             [&](Repository& repository) -> http::AwsResult<void> {
               repository.scan_on_push = request.image_scanning_configuration.scan_on_push;
               return {};
             }));
  request.registry_id = options_.account;
  return ecr::to_json_text(request);
}

EcrService::Reply EcrService::put_registry_scanning_configuration(const Call& call) {
  const auto request = TRY(parse<ecr::ScanningConfiguration>(call));
  TRY(check_scanning(request));
  TRY(parts_.settings.change([&](RegistrySettings& settings) -> http::AwsResult<void> {
    settings.scanning = request;
    return {};
  }));
  return ecr::to_json_text(ecr::PutScanningConfigurationResponse{request});
}

EcrService::Reply EcrService::get_registry_scanning_configuration(const Call&) {
  return ecr::to_json_text(ecr::GetScanningConfigurationResponse{
      options_.account, parts_.settings.get()->scanning.value_or(ecr::ScanningConfiguration{})});
}

EcrService::Reply EcrService::batch_get_repository_scanning_configuration(const Call& call) {
  const auto request = TRY(parse<ecr::RepositoryScanningRequest>(call));
  const auto rules = parts_.settings.get()->scanning.value_or(ecr::ScanningConfiguration{}).rules;
  ecr::RepositoryScanningResponse response;
  for (const auto& name : request.repository_names) {
    const auto repository = parts_.repositories.find(name);
    if (!repository) {
      response.failures.push_back({name, "REPOSITORY_NOT_FOUND", repository_not_found(name).message});
      continue;
    }
    ecr::RepositoryScanning scanning{
        parts_.access.repository_arn(name), name, repository->scan_on_push, "MANUAL", {}};
    for (const auto& rule : rules) {
      for (const auto& filter : rule.repository_filters) {
        if (rule.scan_frequency == "SCAN_ON_PUSH" && selects_repository(filter, name)) {
          scanning.applied_scan_filters.push_back(filter);
        }
      }
    }
    scanning.scan_on_push = scanning.scan_on_push || !scanning.applied_scan_filters.empty();
    if (scanning.scan_on_push) scanning.scan_frequency = "SCAN_ON_PUSH";
    response.scanning_configurations.push_back(std::move(scanning));
  }
  return ecr::to_json_text(response);
}

EcrService::Reply EcrService::start_image_scan(const Call& call) {
  const auto image = TRY(find_image(call));
  if (image.record.archived) {
    return http::AwsError{"ImageArchivedException",
                          format("The image with digest '{}' is archived", image.record.digest), 400};
  }
  return http::AwsError{"UnsupportedImageTypeException",
                        format("The image with digest '{}' can't be scanned: this registry has no scanner.",
                               image.record.digest),
                        400};
}

EcrService::Reply EcrService::describe_image_scan_findings(const Call& call) {
  const auto image = TRY(find_image(call));
  const auto tag = image.id.image_tag.empty() ? "null" : format("'{}'", image.id.image_tag);
  return http::AwsError{"ScanNotFoundException",
                        format("Image scan does not exist for the image with '{{imageDigest:'{}', "
                               "imageTag:{}}}' in the repository "
                               "with name '{}' in the registry with id '{}'",
                               image.record.digest, tag, image.repository.name, options_.account),
                        400};
}

}  // namespace gantry::registry
