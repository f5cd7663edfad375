#include "cgroups/systemd_properties.h"

#include "oci/linux_resources.h"
#include "tests/support/results.h"

#include <algorithm>

namespace gantry::cgroups {
namespace {

using testing::HasSubstr;

constexpr uint64_t infinite = UINT64_MAX;
constexpr unsigned current = 255;
constexpr const char* devices_file =
    "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n  8 sd\n136 other\n";

oci::LinuxResources parse(std::string_view json) {
  auto resources = oci::parse_linux_resources(json, "test");
  EXPECT_OK(resources);
  return resources ? std::move(*resources) : oci::LinuxResources();
}

Result<UnitProperties> properties(std::string_view json, unsigned version = current) {
  return resource_properties(parse(json), version, "");
}

// The value of the last property of that name, as systemd takes it.
const UnitProperty::Value* find(const Result<UnitProperties>& made, std::string_view name) {
  if (!made) return nullptr;
  const auto found = std::find_if(made->rbegin(), made->rend(),
                                  [&](const UnitProperty& property) { return property.name == name; });
  return found == made->rend() ? nullptr : &found->value;
}

void expect_property(const Result<UnitProperties>& made, std::string_view name,
                     const UnitProperty::Value& expected) {
  const auto* value = find(made, name);
  ASSERT_NE(value, nullptr) << name << " is missing";
  EXPECT_TRUE(*value == expected) << "of " << name;
}

TEST(SystemdProperties, EachLimitHasItsPropertyInSystemdsUnits) {
  struct Case {
    const char* json;
    const char* name;
    uint64_t value;
  };
  const Case cases[] = {
      {R"({"memory":{"limit":33554432}})", "MemoryMax", 33554432},
      {R"({"memory":{"limit":-1}})", "MemoryMax", infinite},
      {R"({"memory":{"limit":-1}})", "MemorySwapMax", infinite},
      {R"({"memory":{"reservation":1048576}})", "MemoryLow", 1048576},
      {R"({"memory":{"limit":33554432,"swap":50331648}})", "MemorySwapMax", 16777216},
      {R"({"memory":{"limit":33554432,"swap":33554432}})", "MemorySwapMax", 0},
      {R"({"cpu":{"shares":1024}})", "CPUWeight", 100},
      {R"({"cpu":{"shares":512}})", "CPUWeight", 59},
      {R"({"cpu":{"idle":1,"shares":512}})", "CPUWeight", 0},
      {R"({"cpu":{"quota":50000}})", "CPUQuotaPerSecUSec", 500000},
      {R"({"cpu":{"quota":50000,"period":200000}})", "CPUQuotaPerSecUSec", 250000},
      {R"({"cpu":{"quota":50000,"period":200000}})", "CPUQuotaPeriodUSec", 200000},
      {R"({"cpu":{"quota":25500}})", "CPUQuotaPerSecUSec", 260000},
      {R"({"cpu":{"quota":-1,"period":100000}})", "CPUQuotaPerSecUSec", infinite},
      {R"({"pids":{"limit":42}})", "TasksMax", 42},
      {R"({"pids":{"limit":0}})", "TasksMax", 1},
      {R"({"pids":{"limit":-1}})", "TasksMax", infinite},
      {R"({"blockIO":{"weight":1000}})", "IOWeight", 10000},
      {R"({"unified":{"memory.high":"1048576"}})", "MemoryHigh", 1048576},
      {R"({"unified":{"memory.min":"max\n"}})", "MemoryMin", infinite},
      {R"({"unified":{"memory.max":" 1048576 "}})", "MemoryMax", 1048576},
      {R"({"unified":{"memory.swap.max":"0"}})", "MemorySwapMax", 0},
      {R"({"unified":{"pids.max":"0"}})", "TasksMax", 1},
      {R"({"unified":{"cpu.weight":"77"}})", "CPUWeight", 77},
      {R"({"unified":{"cpu.idle":"1"}})", "CPUWeight", 0},
      {R"({"unified":{"cpu.max":"20000 50000"}})", "CPUQuotaPerSecUSec", 400000},
      {R"({"unified":{"cpu.max":"20000 50000"}})", "CPUQuotaPeriodUSec", 50000},
      {R"({"unified":{"cpu.max":"max"}})", "CPUQuotaPerSecUSec", infinite},
  };
  for (const auto& [json, name, value] : cases) {
    SCOPED_TRACE(json);
    expect_property(properties(json), name, value);
  }
}

TEST(SystemdProperties, UnifiedWinsOverTheConvertedValue) {
  const auto made = properties(R"({"memory":{"limit":33554432},"unified":{"memory.max":"1048576"}})");
  expect_property(made, "MemoryMax", uint64_t{1048576});
}

TEST(SystemdProperties, CpuListsBecomeMasks) {
  const auto made = properties(R"({"cpu":{"cpus":"0-2,9","mems":"0"}})");
  expect_property(made, "AllowedCPUs", (std::vector<uint8_t>{0x07, 0x02}));
  expect_property(made, "AllowedMemoryNodes", std::vector<uint8_t>{0x01});
  expect_property(properties(R"({"cpu":{"cpus":""}})"), "AllowedCPUs", std::vector<uint8_t>());
  expect_property(properties(R"({"unified":{"cpuset.cpus":"1"}})"), "AllowedCPUs",
                  std::vector<uint8_t>{0x02});
  EXPECT_ERROR(properties(R"({"cpu":{"cpus":"3-1"}})"), ErrorKind::invalid,
               HasSubstr("$.linux.resources.cpu.cpus"));
  EXPECT_ERROR(properties(R"({"cpu":{"cpus":"99999"}})"), ErrorKind::invalid, HasSubstr("99999"));
}

TEST(SystemdProperties, AnOlderSystemdIsToldWhatItKnows) {
  EXPECT_EQ(find(properties(R"({"cpu":{"quota":1000,"period":10000}})", 241), "CPUQuotaPeriodUSec"), nullptr);
  EXPECT_EQ(find(properties(R"({"cpu":{"cpus":"0"}})", 243), "AllowedCPUs"), nullptr);
  expect_property(properties(R"({"cpu":{"idle":1,"shares":1024}})", 251), "CPUWeight", uint64_t{100});
}

TEST(SystemdProperties, WhatSystemdHasNoPropertyForIsLeftToTheFiles) {
  const auto made = properties(
      R"({"hugepageLimits":[{"pageSize":"2MB","limit":0}],"unified":{"memory.oom.group":"1","misc.max":"x 1"},
          "blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1}]}})");
  ASSERT_OK(made);
  EXPECT_TRUE(made->empty());
}

TEST(SystemdProperties, BrokenUnifiedValuesAreNamed) {
  EXPECT_ERROR(properties(R"({"unified":{"memory.max":"lots"}})"), ErrorKind::invalid,
               HasSubstr("memory.max"));
  EXPECT_ERROR(properties(R"({"unified":{"cpu.max":"1 2 3"}})"), ErrorKind::invalid, HasSubstr("cpu.max"));
  EXPECT_ERROR(properties(R"({"unified":{"cpu.max":"1 0"}})"), ErrorKind::invalid, HasSubstr("cpu.max"));
}

TEST(SystemdProperties, OomPolicyFollowsTheGroupFromTheVersionThatHasIt) {
  const auto together = parse(R"({"unified":{"memory.oom.group":"1"}})");
  expect_property(oom_properties(together, 253), "OOMPolicy", std::string("kill"));
  expect_property(oom_properties(parse(R"({"unified":{"memory.oom.group":"0"}})"), 253), "OOMPolicy",
                  std::string("continue"));
  ASSERT_OK(oom_properties(together, 252));
  EXPECT_TRUE(oom_properties(together, 252)->empty());
}

TEST(SystemdProperties, QuotaIsRoundedAsSystemdKeepsIt) {
  EXPECT_EQ(*with_rounded_quota(parse(R"({"cpu":{"quota":25500}})")).cpu->quota, 26000);
  EXPECT_EQ(*with_rounded_quota(parse(R"({"cpu":{"quota":12345,"period":50000}})")).cpu->quota, 12500);
  EXPECT_EQ(*with_rounded_quota(parse(R"({"cpu":{"quota":50000}})")).cpu->quota, 50000);
  EXPECT_EQ(*with_rounded_quota(parse(R"({"cpu":{"quota":-1}})")).cpu->quota, -1);
}

UnitProperty::DeviceList allowed(std::string_view rules) {
  const auto made = device_properties(parse(rules).devices, devices_file);
  EXPECT_EQ(std::get<std::string>(made.front().value), "strict");
  return std::get<UnitProperty::DeviceList>(made.back().value);
}

TEST(SystemdDevices, RulesBecomeAnAllowList) {
  const auto list = allowed(
      R"({"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"b","major":8,"access":"r"},
                     {"allow":true,"type":"c","major":10,"minor":200,"access":"rwm"}]})");
  EXPECT_THAT(list, testing::Contains(testing::Pair("block-sd", "r")));
  EXPECT_THAT(list, testing::Contains(testing::Pair("/dev/char/10:200", "rwm")));
  EXPECT_THAT(list, testing::Contains(testing::Pair("/dev/char/1:3", "rwm"))) << "the default devices";
  EXPECT_THAT(list, testing::Contains(testing::Pair("char-pts", "rwm")));
  EXPECT_THAT(list, testing::Contains(testing::Pair("char-*", "m")));
}

TEST(SystemdDevices, ADenialTakesBackWhatWasAllowed) {
  const auto list = allowed(
      R"({"devices":[{"allow":true,"type":"c","major":10,"minor":200,"access":"rw"},
                     {"allow":false,"type":"c","major":10,"minor":200,"access":"w"}]})");
  EXPECT_THAT(list, testing::Contains(testing::Pair("/dev/char/10:200", "r")));
}

TEST(SystemdDevices, WhatTheListCannotSayIsLeftToTheProgram) {
  for (const char* rules : {R"({"devices":[{"allow":true,"access":"rwm"}]})",
                            R"({"devices":[{"allow":true,"type":"c","major":77,"access":"rwm"}]})",
                            R"({"devices":[{"allow":true,"type":"c","minor":3,"access":"rwm"}]})"}) {
    SCOPED_TRACE(rules);
    const auto made = device_properties(parse(rules).devices, devices_file);
    EXPECT_EQ(std::get<std::string>(made.front().value), "auto");
    EXPECT_TRUE(std::get<UnitProperty::DeviceList>(made.back().value).empty());
  }
}

TEST(SystemdPlace, CgroupsPathNamesSliceAndScope) {
  struct Case {
    const char* path;
    bool user;
    const char* slice;
    const char* unit;
  };
  const Case cases[] = {
      {"", false, "system.slice", "gantry-oci-c1.scope"},
      {"", true, "user.slice", "gantry-oci-c1.scope"},
      {"machine.slice:libpod:4f1c", false, "machine.slice", "libpod-4f1c.scope"},
      {":docker:4f1c", false, "system.slice", "docker-4f1c.scope"},
      {"a-b-c.slice::4f1c", false, "a-b-c.slice", "4f1c.scope"},
      {"-.slice:p:n", false, "-.slice", "p-n.scope"},
  };
  for (const auto& [path, user, slice, unit] : cases) {
    SCOPED_TRACE(path);
    const auto place = parse_unit_place(path, "c1", user);
    ASSERT_OK(place);
    EXPECT_EQ(place->slice, slice);
    EXPECT_EQ(place->unit, unit);
  }
}

TEST(SystemdPlace, WhatNamesNoScopeIsRefused) {
  for (const char* path : {"/gantry/c1", "machine.slice:c1", "a:b:c:d", "machine.slice:p:"}) {
    EXPECT_ERROR(parse_unit_place(path, "c1", false), ErrorKind::invalid, HasSubstr("slice:prefix:name"));
  }
  for (const char* path : {"machine:p:n", "a--b.slice:p:n", "-a.slice:p:n", "a/b.slice:p:n", ".slice:p:n"}) {
    EXPECT_ERROR(parse_unit_place(path, "c1", false), ErrorKind::invalid, HasSubstr("invalid slice name"));
  }
  EXPECT_ERROR(parse_unit_place("a.slice:p:n.slice", "c1", false), ErrorKind::unsupported,
               HasSubstr("slice"));
  EXPECT_ERROR(parse_unit_place("a.slice:p:n/m", "c1", false), ErrorKind::invalid, HasSubstr("unit name"));
}

TEST(SystemdAnnotations, ValuesAreTypedByTheirText) {
  const std::pair<const char*, UnitProperty::Value> cases[] = {
      {"true", true},
      {"false", false},
      {"'inactive-or-failed'", std::string("inactive-or-failed")},
      {R"("it's")", std::string("it's")},
      {R"('a\'b\\')", std::string(R"(a'b\)")},
      {"5", int32_t{5}},
      {"-5", int32_t{-5}},
      {"uint64 18446744073709551615", UINT64_MAX},
      {"int64 -7", int64_t{-7}},
      {"uint32 7", uint32_t{7}},
      {"@t 9", uint64_t{9}},
      {"2.5", 2.5},
      {"['a.service', 'b.service']", std::vector<std::string>{"a.service", "b.service"}},
      {"@as []", std::vector<std::string>()},
  };
  for (const auto& [text, value] : cases) {
    SCOPED_TRACE(text);
    const auto made = annotation_properties({{"org.systemd.property.After", text}, {"other", "x"}});
    ASSERT_OK(made);
    ASSERT_EQ(made->size(), 1u);
    EXPECT_EQ(made->front().name, "After");
    EXPECT_TRUE(made->front().value == value);
  }
}

TEST(SystemdAnnotations, SecondsBecomeMicroseconds) {
  for (const auto& [text, value] :
       {std::pair("uint64 3", uint64_t{3'000'000}), {"1.5", 1'500'000}, {"2", 2'000'000}}) {
    const auto made = annotation_properties({{"org.systemd.property.TimeoutStopSec", text}});
    ASSERT_OK(made);
    EXPECT_EQ(made->front().name, "TimeoutStopUSec");
    EXPECT_TRUE(made->front().value == UnitProperty::Value(value)) << text;
  }
  EXPECT_ERROR(annotation_properties({{"org.systemd.property.TimeoutStopSec", "'long'"}}), ErrorKind::invalid,
               HasSubstr("TimeoutStopSec"));
}

TEST(SystemdAnnotations, BrokenOnesAreNamed) {
  for (const std::string text :
       {"", "yes", "'open", "['a',]", "['a'", "[1]", "uint32 -1", "uint64 x", "1e999", "'a' 'b'"}) {
    EXPECT_ERROR(annotation_properties({{"org.systemd.property.After", text}}), ErrorKind::invalid,
                 HasSubstr("org.systemd.property.After"));
  }
  EXPECT_ERROR(annotation_properties({{"org.systemd.property.A1", "true"}}), ErrorKind::invalid,
               HasSubstr("letters"));
}

TEST(SystemdVersion, IsTheLeadingNumber) {
  EXPECT_EQ(parse_systemd_version("252.39-1~deb12u2"), 252u);
  EXPECT_EQ(parse_systemd_version("v245.4-1.fc32"), 245u);
  EXPECT_EQ(parse_systemd_version("257"), 257u);
  EXPECT_EQ(parse_systemd_version("main"), 0u);
}

}  // namespace
}  // namespace gantry::cgroups
