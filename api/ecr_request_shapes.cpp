// The requests of ECR's 58 operations as data; a shape is named as the service model names it.

#include "api/ecr_request_rules.h"

namespace gantry::api::ecr::rules {
namespace {

constexpr Shape registry_id{Kind::text, 0, unbounded, R"([0-9]{12})", {}, nullptr};
constexpr Shape repository_name{
    Kind::text, 2,      256, R"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)",
    {},         nullptr};
constexpr Shape batched_operation_layer_digest{Kind::text, 0, 1000, {}, {}, nullptr};
constexpr Shape batched_operation_layer_digest_list{Kind::list, 1,  100,
                                                    {},         {}, &batched_operation_layer_digest};
constexpr Member batch_check_layer_availability_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"layerDigests", &batched_operation_layer_digest_list, true}};
constexpr Shape any_text{Kind::text, 0, unbounded, {}, {}, nullptr};
constexpr Shape image_tag{Kind::text, 1, 300, {}, {}, nullptr};
constexpr Member image_identifier_members[] = {{"imageDigest", &any_text, false},
                                               {"imageTag", &image_tag, false}};
constexpr Shape image_identifier{Kind::structure, 0, 0, {}, image_identifier_members, nullptr};
constexpr Shape image_identifier_list{Kind::list, 1, 100, {}, {}, &image_identifier};
constexpr Member batch_delete_image_members[] = {{"registryId", &registry_id, false},
                                                 {"repositoryName", &repository_name, true},
                                                 {"imageIds", &image_identifier_list, true}};
constexpr Shape media_type_list{Kind::list, 1, 100, {}, {}, &any_text};
constexpr Member batch_get_image_members[] = {{"registryId", &registry_id, false},
                                              {"repositoryName", &repository_name, true},
                                              {"imageIds", &image_identifier_list, true},
                                              {"acceptedMediaTypes", &media_type_list, false}};
constexpr Shape scanning_configuration_repository_name_list{Kind::list, 1, 25, {}, {}, &repository_name};
constexpr Member batch_get_repository_scanning_configuration_members[] = {
    {"repositoryNames", &scanning_configuration_repository_name_list, true}};
constexpr Shape upload_id{
    Kind::text, 0,
    unbounded,  R"([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})",
    {},         nullptr};
constexpr Shape layer_digest{Kind::text, 0, unbounded, R"([a-zA-Z0-9_+.-]+:[a-fA-F0-9]+)", {}, nullptr};
constexpr Shape layer_digest_list{Kind::list, 1, 100, {}, {}, &layer_digest};
constexpr Member complete_layer_upload_members[] = {{"registryId", &registry_id, false},
                                                    {"repositoryName", &repository_name, true},
                                                    {"uploadId", &upload_id, true},
                                                    {"layerDigests", &layer_digest_list, true}};
constexpr Shape pull_through_cache_rule_repository_prefix{
    Kind::text, 2,
    30,         R"(^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$)",
    {},         nullptr};
constexpr Shape upstream_registry{Kind::choice,
                                  0,
                                  0,
                                  "ecr|ecr-public|quay|k8s|docker-hub|github-container-registry|azure-"
                                  "container-registry|gitlab-container-registry|chainguard",
                                  {},
                                  nullptr};
constexpr Shape credential_arn{
    Kind::text,
    50,
    612,
    R"(^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9:-]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$)",
    {},
    nullptr};
constexpr Shape custom_role_arn{Kind::text, 0, 2048, {}, {}, nullptr};
constexpr Member create_pull_through_cache_rule_members[] = {
    {"ecrRepositoryPrefix", &pull_through_cache_rule_repository_prefix, true},
    {"upstreamRegistryUrl", &any_text, true},
    {"registryId", &registry_id, false},
    {"upstreamRegistry", &upstream_registry, false},
    {"credentialArn", &credential_arn, false},
    {"customRoleArn", &custom_role_arn, false},
    {"upstreamRepositoryPrefix", &pull_through_cache_rule_repository_prefix, false}};
constexpr Member tag_members[] = {{"Key", &any_text, true}, {"Value", &any_text, true}};
constexpr Shape tag{Kind::structure, 0, 0, {}, tag_members, nullptr};
constexpr Shape tag_list{Kind::list, 0, unbounded, {}, {}, &tag};
constexpr Shape image_tag_mutability{
    Kind::choice, 0, 0, "MUTABLE|IMMUTABLE|IMMUTABLE_WITH_EXCLUSION|MUTABLE_WITH_EXCLUSION", {}, nullptr};
constexpr Shape image_tag_mutability_exclusion_filter_type{Kind::choice, 0, 0, "WILDCARD", {}, nullptr};
constexpr Shape image_tag_mutability_exclusion_filter_value{
    Kind::text, 1, 128, R"(^[0-9a-zA-Z._*-]{1,128}$)", {}, nullptr};
constexpr Member image_tag_mutability_exclusion_filter_members[] = {
    {"filterType", &image_tag_mutability_exclusion_filter_type, true},
    {"filter", &image_tag_mutability_exclusion_filter_value, true}};
constexpr Shape image_tag_mutability_exclusion_filter{
    Kind::structure, 0, 0, {}, image_tag_mutability_exclusion_filter_members, nullptr};
constexpr Shape image_tag_mutability_exclusion_filters{
    Kind::list, 1, 5, {}, {}, &image_tag_mutability_exclusion_filter};
constexpr Shape scan_on_push_flag{Kind::flag, 0, unbounded, {}, {}, nullptr};
constexpr Member image_scanning_configuration_members[] = {{"scanOnPush", &scan_on_push_flag, false}};
constexpr Shape image_scanning_configuration{Kind::structure, 0, 0, {}, image_scanning_configuration_members,
                                             nullptr};
constexpr Shape encryption_type{Kind::choice, 0, 0, "AES256|KMS|KMS_DSSE", {}, nullptr};
constexpr Shape kms_key{Kind::text, 1, 2048, {}, {}, nullptr};
constexpr Member encryption_configuration_members[] = {{"encryptionType", &encryption_type, true},
                                                       {"kmsKey", &kms_key, false}};
constexpr Shape encryption_configuration{Kind::structure, 0, 0, {}, encryption_configuration_members,
                                         nullptr};
constexpr Member create_repository_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"tags", &tag_list, false},
    {"imageTagMutability", &image_tag_mutability, false},
    {"imageTagMutabilityExclusionFilters", &image_tag_mutability_exclusion_filters, false},
    {"imageScanningConfiguration", &image_scanning_configuration, false},
    {"encryptionConfiguration", &encryption_configuration, false}};
constexpr Shape prefix{
    Kind::text, 1,
    256,        R"(^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\/?|ROOT)$)",
    {},         nullptr};
constexpr Shape repository_template_description{Kind::text, 0, 256, {}, {}, nullptr};
constexpr Shape kms_key_for_repository_creation_template{
    Kind::text, 0, 2048, R"(^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+)", {}, nullptr};
constexpr Member encryption_configuration_for_repository_creation_template_members[] = {
    {"encryptionType", &encryption_type, true}, {"kmsKey", &kms_key_for_repository_creation_template, false}};
constexpr Shape encryption_configuration_for_repository_creation_template{
    Kind::structure, 0, 0, {}, encryption_configuration_for_repository_creation_template_members, nullptr};
constexpr Shape repository_policy_text{Kind::text, 0, 10240, {}, {}, nullptr};
constexpr Shape lifecycle_policy_text_for_repository_creation_template{Kind::text, 0, 30720, {}, {}, nullptr};
constexpr Shape rctapplied_for{Kind::choice, 0,      0, "REPLICATION|PULL_THROUGH_CACHE|CREATE_ON_PUSH",
                               {},           nullptr};
constexpr Shape rctapplied_for_list{Kind::list, 0, unbounded, {}, {}, &rctapplied_for};
constexpr Member create_repository_creation_template_members[] = {
    {"prefix", &prefix, true},
    {"description", &repository_template_description, false},
    {"encryptionConfiguration", &encryption_configuration_for_repository_creation_template, false},
    {"resourceTags", &tag_list, false},
    {"imageTagMutability", &image_tag_mutability, false},
    {"imageTagMutabilityExclusionFilters", &image_tag_mutability_exclusion_filters, false},
    {"repositoryPolicy", &repository_policy_text, false},
    {"lifecyclePolicy", &lifecycle_policy_text_for_repository_creation_template, false},
    {"appliedFor", &rctapplied_for_list, true},
    {"customRoleArn", &custom_role_arn, false}};
constexpr Member delete_lifecycle_policy_members[] = {{"registryId", &registry_id, false},
                                                      {"repositoryName", &repository_name, true}};
constexpr Member delete_pull_through_cache_rule_members[] = {
    {"ecrRepositoryPrefix", &pull_through_cache_rule_repository_prefix, true},
    {"registryId", &registry_id, false}};
constexpr Member delete_repository_members[] = {{"registryId", &registry_id, false},
                                                {"repositoryName", &repository_name, true},
                                                {"force", &scan_on_push_flag, false}};
constexpr Member delete_repository_creation_template_members[] = {{"prefix", &prefix, true}};
constexpr Member delete_repository_policy_members[] = {{"registryId", &registry_id, false},
                                                       {"repositoryName", &repository_name, true}};
constexpr Shape principal_arn{
    Kind::text, 0,      200, R"(^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(role|user)/[\w+=,.@-]+(/[\w+=,.@-]+)*$)",
    {},         nullptr};
constexpr Member deregister_pull_time_update_exclusion_members[] = {{"principalArn", &principal_arn, true}};
constexpr Member describe_image_replication_status_members[] = {{"repositoryName", &repository_name, true},
                                                                {"imageId", &image_identifier, true},
                                                                {"registryId", &registry_id, false}};
constexpr Shape max_results{Kind::number, 1, 1000, {}, {}, nullptr};
constexpr Member describe_image_scan_findings_members[] = {{"registryId", &registry_id, false},
                                                           {"repositoryName", &repository_name, true},
                                                           {"imageId", &image_identifier, true},
                                                           {"nextToken", &any_text, false},
                                                           {"maxResults", &max_results, false}};
constexpr Member describe_image_signing_status_members[] = {{"repositoryName", &repository_name, true},
                                                            {"imageId", &image_identifier, true},
                                                            {"registryId", &registry_id, false}};
constexpr Shape tag_status{Kind::choice, 0, 0, "TAGGED|UNTAGGED|ANY", {}, nullptr};
constexpr Shape image_status_filter{Kind::choice, 0, 0, "ACTIVE|ARCHIVED|ACTIVATING|ANY", {}, nullptr};
constexpr Member describe_images_filter_members[] = {{"tagStatus", &tag_status, false},
                                                     {"imageStatus", &image_status_filter, false}};
constexpr Shape describe_images_filter{Kind::structure, 0, 0, {}, describe_images_filter_members, nullptr};
constexpr Member describe_images_members[] = {
    {"registryId", &registry_id, false},         {"repositoryName", &repository_name, true},
    {"imageIds", &image_identifier_list, false}, {"nextToken", &any_text, false},
    {"maxResults", &max_results, false},         {"filter", &describe_images_filter, false}};
constexpr Shape pull_through_cache_rule_repository_prefix_list{
    Kind::list, 1, 100, {}, {}, &pull_through_cache_rule_repository_prefix};
constexpr Member describe_pull_through_cache_rules_members[] = {
    {"registryId", &registry_id, false},
    {"ecrRepositoryPrefixes", &pull_through_cache_rule_repository_prefix_list, false},
    {"nextToken", &any_text, false},
    {"maxResults", &max_results, false}};
constexpr Shape repository_name_list{Kind::list, 1, 100, {}, {}, &repository_name};
constexpr Member describe_repositories_members[] = {{"registryId", &registry_id, false},
                                                    {"repositoryNames", &repository_name_list, false},
                                                    {"nextToken", &any_text, false},
                                                    {"maxResults", &max_results, false}};
constexpr Shape prefix_list{Kind::list, 0, unbounded, {}, {}, &prefix};
constexpr Member describe_repository_creation_templates_members[] = {
    {"prefixes", &prefix_list, false}, {"nextToken", &any_text, false}, {"maxResults", &max_results, false}};
constexpr Shape account_setting_name{Kind::text, 1, 64, {}, {}, nullptr};
constexpr Member get_account_setting_members[] = {{"name", &account_setting_name, true}};
constexpr Shape get_authorization_token_registry_id_list{Kind::list, 1, 10, {}, {}, &registry_id};
constexpr Member get_authorization_token_members[] = {
    {"registryIds", &get_authorization_token_registry_id_list, false}};
constexpr Member get_download_url_for_layer_members[] = {{"registryId", &registry_id, false},
                                                         {"repositoryName", &repository_name, true},
                                                         {"layerDigest", &layer_digest, true}};
constexpr Member get_lifecycle_policy_members[] = {{"registryId", &registry_id, false},
                                                   {"repositoryName", &repository_name, true}};
constexpr Shape lifecycle_preview_max_results{Kind::number, 1, 100, {}, {}, nullptr};
constexpr Member lifecycle_policy_preview_filter_members[] = {{"tagStatus", &tag_status, false}};
constexpr Shape lifecycle_policy_preview_filter{
    Kind::structure, 0, 0, {}, lifecycle_policy_preview_filter_members, nullptr};
constexpr Member get_lifecycle_policy_preview_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"imageIds", &image_identifier_list, false},
    {"nextToken", &any_text, false},
    {"maxResults", &lifecycle_preview_max_results, false},
    {"filter", &lifecycle_policy_preview_filter, false}};
constexpr Member get_repository_policy_members[] = {{"registryId", &registry_id, false},
                                                    {"repositoryName", &repository_name, true}};
constexpr Member initiate_layer_upload_members[] = {{"registryId", &registry_id, false},
                                                    {"repositoryName", &repository_name, true}};
constexpr Member subject_identifier_members[] = {{"imageDigest", &any_text, true}};
constexpr Shape subject_identifier{Kind::structure, 0, 0, {}, subject_identifier_members, nullptr};
constexpr Shape artifact_type{Kind::text, 1, 255, {}, {}, nullptr};
constexpr Shape artifact_type_list{Kind::list, 0, 5, {}, {}, &artifact_type};
constexpr Member list_image_referrers_filter_members[] = {{"artifactTypes", &artifact_type_list, false},
                                                          {"artifactStatus", &image_status_filter, false}};
constexpr Shape list_image_referrers_filter{Kind::structure, 0, 0, {}, list_image_referrers_filter_members,
                                            nullptr};
constexpr Shape fifty_max_results{Kind::number, 1, 50, {}, {}, nullptr};
constexpr Member list_image_referrers_members[] = {
    {"registryId", &registry_id, false},      {"repositoryName", &repository_name, true},
    {"subjectId", &subject_identifier, true}, {"filter", &list_image_referrers_filter, false},
    {"nextToken", &any_text, false},          {"maxResults", &fifty_max_results, false}};
constexpr Member list_images_filter_members[] = {{"tagStatus", &tag_status, false},
                                                 {"imageStatus", &image_status_filter, false}};
constexpr Shape list_images_filter{Kind::structure, 0, 0, {}, list_images_filter_members, nullptr};
constexpr Member list_images_members[] = {{"registryId", &registry_id, false},
                                          {"repositoryName", &repository_name, true},
                                          {"nextToken", &any_text, false},
                                          {"maxResults", &max_results, false},
                                          {"filter", &list_images_filter, false}};
constexpr Member list_pull_time_update_exclusions_members[] = {{"maxResults", &max_results, false},
                                                               {"nextToken", &any_text, false}};
constexpr Member list_tags_for_resource_members[] = {{"resourceArn", &any_text, true}};
constexpr Member put_account_setting_members[] = {{"name", &account_setting_name, true},
                                                  {"value", &any_text, true}};
constexpr Shape image_manifest{Kind::text, 1, 4194304, {}, {}, nullptr};
constexpr Member put_image_members[] = {
    {"registryId", &registry_id, false},      {"repositoryName", &repository_name, true},
    {"imageManifest", &image_manifest, true}, {"imageManifestMediaType", &any_text, false},
    {"imageTag", &image_tag, false},          {"imageDigest", &any_text, false}};
constexpr Member put_image_scanning_configuration_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"imageScanningConfiguration", &image_scanning_configuration, true}};
constexpr Member put_image_tag_mutability_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"imageTagMutability", &image_tag_mutability, true},
    {"imageTagMutabilityExclusionFilters", &image_tag_mutability_exclusion_filters, false}};
constexpr Shape lifecycle_policy_text{Kind::text, 100, 30720, {}, {}, nullptr};
constexpr Member put_lifecycle_policy_members[] = {{"registryId", &registry_id, false},
                                                   {"repositoryName", &repository_name, true},
                                                   {"lifecyclePolicyText", &lifecycle_policy_text, true}};
constexpr Member put_registry_policy_members[] = {{"policyText", &repository_policy_text, true}};
constexpr Shape scan_type{Kind::choice, 0, 0, "BASIC|ENHANCED", {}, nullptr};
constexpr Shape scan_frequency{Kind::choice, 0, 0, "SCAN_ON_PUSH|CONTINUOUS_SCAN|MANUAL", {}, nullptr};
constexpr Shape scanning_repository_filter_value{
    Kind::text, 1, 255, R"(^[a-z0-9*]+(?:[._/-][a-z0-9*]+)*$)", {}, nullptr};
constexpr Member scanning_repository_filter_members[] = {
    {"filter", &scanning_repository_filter_value, true},
    {"filterType", &image_tag_mutability_exclusion_filter_type, true}};
constexpr Shape scanning_repository_filter{Kind::structure, 0, 0, {}, scanning_repository_filter_members,
                                           nullptr};
constexpr Shape scanning_repository_filter_list{Kind::list, 0, 100, {}, {}, &scanning_repository_filter};
constexpr Member registry_scanning_rule_members[] = {
    {"scanFrequency", &scan_frequency, true}, {"repositoryFilters", &scanning_repository_filter_list, true}};
constexpr Shape registry_scanning_rule{Kind::structure, 0, 0, {}, registry_scanning_rule_members, nullptr};
constexpr Shape registry_scanning_rule_list{Kind::list, 0, 2, {}, {}, &registry_scanning_rule};
constexpr Member put_registry_scanning_configuration_members[] = {
    {"scanType", &scan_type, false}, {"rules", &registry_scanning_rule_list, false}};
constexpr Shape region{Kind::text, 2, 25, R"([0-9a-z-]{2,25})", {}, nullptr};
constexpr Member replication_destination_members[] = {{"region", &region, true},
                                                      {"registryId", &registry_id, true}};
constexpr Shape replication_destination{Kind::structure, 0, 0, {}, replication_destination_members, nullptr};
constexpr Shape replication_destination_list{Kind::list, 0, 100, {}, {}, &replication_destination};
constexpr Shape repository_filter_value{
    Kind::text, 2, 256, R"(^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$)", {}, nullptr};
constexpr Shape repository_filter_type{Kind::choice, 0, 0, "PREFIX_MATCH", {}, nullptr};
constexpr Member repository_filter_members[] = {{"filter", &repository_filter_value, true},
                                                {"filterType", &repository_filter_type, true}};
constexpr Shape repository_filter{Kind::structure, 0, 0, {}, repository_filter_members, nullptr};
constexpr Shape repository_filter_list{Kind::list, 1, 100, {}, {}, &repository_filter};
constexpr Member replication_rule_members[] = {{"destinations", &replication_destination_list, true},
                                               {"repositoryFilters", &repository_filter_list, false}};
constexpr Shape replication_rule{Kind::structure, 0, 0, {}, replication_rule_members, nullptr};
constexpr Shape replication_rule_list{Kind::list, 0, 10, {}, {}, &replication_rule};
constexpr Member replication_configuration_members[] = {{"rules", &replication_rule_list, true}};
constexpr Shape replication_configuration{Kind::structure, 0, 0, {}, replication_configuration_members,
                                          nullptr};
constexpr Member put_replication_configuration_members[] = {
    {"replicationConfiguration", &replication_configuration, true}};
constexpr Shape signing_profile_arn{
    Kind::text, 0,
    200,        R"(^arn:aws(-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,}$)",
    {},         nullptr};
constexpr Shape signing_repository_filter_value{
    Kind::text, 1,      256, R"(^(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*$)",
    {},         nullptr};
constexpr Shape signing_repository_filter_type{Kind::choice, 0, 0, "WILDCARD_MATCH", {}, nullptr};
constexpr Member signing_repository_filter_members[] = {
    {"filter", &signing_repository_filter_value, true},
    {"filterType", &signing_repository_filter_type, true}};
constexpr Shape signing_repository_filter{Kind::structure, 0, 0, {}, signing_repository_filter_members,
                                          nullptr};
constexpr Shape signing_repository_filter_list{Kind::list, 1, 100, {}, {}, &signing_repository_filter};
constexpr Member signing_rule_members[] = {{"signingProfileArn", &signing_profile_arn, true},
                                           {"repositoryFilters", &signing_repository_filter_list, false}};
constexpr Shape signing_rule{Kind::structure, 0, 0, {}, signing_rule_members, nullptr};
constexpr Shape signing_rule_list{Kind::list, 0, 10, {}, {}, &signing_rule};
constexpr Member signing_configuration_members[] = {{"rules", &signing_rule_list, true}};
constexpr Shape signing_configuration{Kind::structure, 0, 0, {}, signing_configuration_members, nullptr};
constexpr Member put_signing_configuration_members[] = {
    {"signingConfiguration", &signing_configuration, true}};
constexpr Member register_pull_time_update_exclusion_members[] = {{"principalArn", &principal_arn, true}};
constexpr Member set_repository_policy_members[] = {{"registryId", &registry_id, false},
                                                    {"repositoryName", &repository_name, true},
                                                    {"policyText", &repository_policy_text, true},
                                                    {"force", &scan_on_push_flag, false}};
constexpr Member start_image_scan_members[] = {{"registryId", &registry_id, false},
                                               {"repositoryName", &repository_name, true},
                                               {"imageId", &image_identifier, true}};
constexpr Member start_lifecycle_policy_preview_members[] = {
    {"registryId", &registry_id, false},
    {"repositoryName", &repository_name, true},
    {"lifecyclePolicyText", &lifecycle_policy_text, false}};
constexpr Member tag_resource_members[] = {{"resourceArn", &any_text, true}, {"tags", &tag_list, true}};
constexpr Shape tag_key_list{Kind::list, 0, unbounded, {}, {}, &any_text};
constexpr Member untag_resource_members[] = {{"resourceArn", &any_text, true},
                                             {"tagKeys", &tag_key_list, true}};
constexpr Shape target_storage_class{Kind::choice, 0, 0, "STANDARD|ARCHIVE", {}, nullptr};
constexpr Member update_image_storage_class_members[] = {{"registryId", &registry_id, false},
                                                         {"repositoryName", &repository_name, true},
                                                         {"imageId", &image_identifier, true},
                                                         {"targetStorageClass", &target_storage_class, true}};
constexpr Member update_pull_through_cache_rule_members[] = {
    {"registryId", &registry_id, false},
    {"ecrRepositoryPrefix", &pull_through_cache_rule_repository_prefix, true},
    {"credentialArn", &credential_arn, false},
    {"customRoleArn", &custom_role_arn, false}};
constexpr Member update_repository_creation_template_members[] = {
    {"prefix", &prefix, true},
    {"description", &repository_template_description, false},
    {"encryptionConfiguration", &encryption_configuration_for_repository_creation_template, false},
    {"resourceTags", &tag_list, false},
    {"imageTagMutability", &image_tag_mutability, false},
    {"imageTagMutabilityExclusionFilters", &image_tag_mutability_exclusion_filters, false},
    {"repositoryPolicy", &repository_policy_text, false},
    {"lifecyclePolicy", &lifecycle_policy_text_for_repository_creation_template, false},
    {"appliedFor", &rctapplied_for_list, false},
    {"customRoleArn", &custom_role_arn, false}};
constexpr Shape part_size{Kind::number, 0, unbounded, {}, {}, nullptr};
constexpr Shape layer_part_blob{Kind::blob, 0, 20971520, {}, {}, nullptr};
constexpr Member upload_layer_part_members[] = {
    {"registryId", &registry_id, false}, {"repositoryName", &repository_name, true},
    {"uploadId", &upload_id, true},      {"partFirstByte", &part_size, true},
    {"partLastByte", &part_size, true},  {"layerPartBlob", &layer_part_blob, true}};
constexpr Member validate_pull_through_cache_rule_members[] = {
    {"ecrRepositoryPrefix", &pull_through_cache_rule_repository_prefix, true},
    {"registryId", &registry_id, false}};
constexpr Operation operation_table[] = {
    {"BatchCheckLayerAvailability", batch_check_layer_availability_members},
    {"BatchDeleteImage", batch_delete_image_members},
    {"BatchGetImage", batch_get_image_members},
    {"BatchGetRepositoryScanningConfiguration", batch_get_repository_scanning_configuration_members},
    {"CompleteLayerUpload", complete_layer_upload_members},
    {"CreatePullThroughCacheRule", create_pull_through_cache_rule_members},
    {"CreateRepository", create_repository_members},
    {"CreateRepositoryCreationTemplate", create_repository_creation_template_members},
    {"DeleteLifecyclePolicy", delete_lifecycle_policy_members},
    {"DeletePullThroughCacheRule", delete_pull_through_cache_rule_members},
    {"DeleteRegistryPolicy", {}},
    {"DeleteRepository", delete_repository_members},
    {"DeleteRepositoryCreationTemplate", delete_repository_creation_template_members},
    {"DeleteRepositoryPolicy", delete_repository_policy_members},
    {"DeleteSigningConfiguration", {}},
    {"DeregisterPullTimeUpdateExclusion", deregister_pull_time_update_exclusion_members},
    {"DescribeImageReplicationStatus", describe_image_replication_status_members},
    {"DescribeImageScanFindings", describe_image_scan_findings_members},
    {"DescribeImageSigningStatus", describe_image_signing_status_members},
    {"DescribeImages", describe_images_members},
    {"DescribePullThroughCacheRules", describe_pull_through_cache_rules_members},
    {"DescribeRegistry", {}},
    {"DescribeRepositories", describe_repositories_members},
    {"DescribeRepositoryCreationTemplates", describe_repository_creation_templates_members},
    {"GetAccountSetting", get_account_setting_members},
    {"GetAuthorizationToken", get_authorization_token_members},
    {"GetDownloadUrlForLayer", get_download_url_for_layer_members},
    {"GetLifecyclePolicy", get_lifecycle_policy_members},
    {"GetLifecyclePolicyPreview", get_lifecycle_policy_preview_members},
    {"GetRegistryPolicy", {}},
    {"GetRegistryScanningConfiguration", {}},
    {"GetRepositoryPolicy", get_repository_policy_members},
    {"GetSigningConfiguration", {}},
    {"InitiateLayerUpload", initiate_layer_upload_members},
    {"ListImageReferrers", list_image_referrers_members},
    {"ListImages", list_images_members},
    {"ListPullTimeUpdateExclusions", list_pull_time_update_exclusions_members},
    {"ListTagsForResource", list_tags_for_resource_members},
    {"PutAccountSetting", put_account_setting_members},
    {"PutImage", put_image_members},
    {"PutImageScanningConfiguration", put_image_scanning_configuration_members},
    {"PutImageTagMutability", put_image_tag_mutability_members},
    {"PutLifecyclePolicy", put_lifecycle_policy_members},
    {"PutRegistryPolicy", put_registry_policy_members},
    {"PutRegistryScanningConfiguration", put_registry_scanning_configuration_members},
    {"PutReplicationConfiguration", put_replication_configuration_members},
    {"PutSigningConfiguration", put_signing_configuration_members},
    {"RegisterPullTimeUpdateExclusion", register_pull_time_update_exclusion_members},
    {"SetRepositoryPolicy", set_repository_policy_members},
    {"StartImageScan", start_image_scan_members},
    {"StartLifecyclePolicyPreview", start_lifecycle_policy_preview_members},
    {"TagResource", tag_resource_members},
    {"UntagResource", untag_resource_members},
    {"UpdateImageStorageClass", update_image_storage_class_members},
    {"UpdatePullThroughCacheRule", update_pull_through_cache_rule_members},
    {"UpdateRepositoryCreationTemplate", update_repository_creation_template_members},
    {"UploadLayerPart", upload_layer_part_members},
    {"ValidatePullThroughCacheRule", validate_pull_through_cache_rule_members}};

}  // namespace

std::span<const Operation> operations() {
  return operation_table;
}

}  // namespace gantry::api::ecr::rules
