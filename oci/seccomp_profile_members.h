#pragma once

#include "base/json.h"
#include "oci/seccomp_profile.h"

// The members tables of seccomp_profile.h, for the _json.cpp files of this module only.

namespace gantry::oci {

inline constexpr EnumName<SeccompAction> seccomp_action_names[] = {
    {SeccompAction::kill, "SCMP_ACT_KILL"},
    {SeccompAction::kill_thread, "SCMP_ACT_KILL_THREAD"},
    {SeccompAction::kill_process, "SCMP_ACT_KILL_PROCESS"},
    {SeccompAction::trap, "SCMP_ACT_TRAP"},
    {SeccompAction::error, "SCMP_ACT_ERRNO"},
    {SeccompAction::trace, "SCMP_ACT_TRACE"},
    {SeccompAction::allow, "SCMP_ACT_ALLOW"},
    {SeccompAction::log, "SCMP_ACT_LOG"},
    {SeccompAction::notify, "SCMP_ACT_NOTIFY"},
};

inline std::span<const EnumName<SeccompAction>> enum_names(SeccompAction) {
  return seccomp_action_names;
}

inline constexpr EnumName<SeccompOperator> seccomp_operator_names[] = {
    {SeccompOperator::not_equal, "SCMP_CMP_NE"},           {SeccompOperator::less_than, "SCMP_CMP_LT"},
    {SeccompOperator::less_or_equal, "SCMP_CMP_LE"},       {SeccompOperator::equal, "SCMP_CMP_EQ"},
    {SeccompOperator::greater_or_equal, "SCMP_CMP_GE"},    {SeccompOperator::greater_than, "SCMP_CMP_GT"},
    {SeccompOperator::masked_equal, "SCMP_CMP_MASKED_EQ"},
};

inline std::span<const EnumName<SeccompOperator>> enum_names(SeccompOperator) {
  return seccomp_operator_names;
}

template <class Visitor>
void members(Visitor& visit, SeccompArgument& argument) {
  visit.required("index", argument.index);
  visit.required("value", argument.value);
  visit("valueTwo", argument.value_two);
  visit.required("op", argument.op);
}

template <class Visitor>
void members(Visitor& visit, SeccompRule& rule) {
  visit.required("names", rule.names);
  visit.required("action", rule.action);
  visit("errnoRet", rule.errno_return);
  visit("args", rule.arguments);
}

template <class Visitor>
void members(Visitor& visit, SeccompProfile& profile) {
  visit.required("defaultAction", profile.default_action);
  visit("defaultErrnoRet", profile.default_errno_return);
  visit("architectures", profile.architectures);
  visit("flags", profile.flags);
  visit("listenerPath", profile.listener_path);
  visit("listenerMetadata", profile.listener_metadata);
  visit("syscalls", profile.syscalls);
}

}  // namespace gantry::oci
