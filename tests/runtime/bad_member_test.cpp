#include "base/files.h"
#include "oci/runtime_config.h"
#include "tests/runtime/bad_config.h"
#include "tests/support/results.h"

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

// A value of the wrong type at each member of config.json that is read, by the tables that read them.

namespace gantry::runtime {
namespace {

using Json = nlohmann::ordered_json;
using testing::StartsWith;

// A configuration with every member.
constexpr const char* full = GANTRY_SOURCE_DIR "/tests/fuzz/corpus/config/full.json";
constexpr const char* tables[] = {GANTRY_SOURCE_DIR "/oci/runtime_config_json.cpp",
                                  GANTRY_SOURCE_DIR "/oci/linux_resources_members.h",
                                  GANTRY_SOURCE_DIR "/oci/seccomp_profile_members.h"};

Json full_config() {
  const auto text = read_file(full);
  return text ? Json::parse(*text) : Json();
}

// Every value in it, with its JSON path.
void collect(const Json& value, const std::string& path,
             std::vector<std::pair<std::string, Json::json_pointer>>& into,
             const Json::json_pointer& pointer = Json::json_pointer()) {
  into.emplace_back(path, pointer);
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      const bool plain = name.find_first_of("./") == std::string::npos;
      collect(member, plain ? path + "." + name : format("{}[\"{}\"]", path, name), into, pointer / name);
    }
  }
  for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
    collect(value[i], format("{}[{}]", path, i), into, pointer / i);
  }
}

// Members whose content isn't read: those of other systems, refused later.
bool is_read(const std::string& path) {
  static const std::set<std::string> others = {"$.vm", "$.windows", "$.solaris", "$.zos", "$.freebsd"};
  return others.count(path) == 0;
}

bool fits(const Json& there, const Json& spoilt) {
  if (there.is_number()) return spoilt.is_number_integer();
  return there.type() == spoilt.type();
}

std::vector<std::pair<std::string, Json::json_pointer>> places_in(const Json& config) {
  std::vector<std::pair<std::string, Json::json_pointer>> places;
  collect(config, "$", places);
  places.erase(
      std::remove_if(places.begin(), places.end(), [](const auto& place) { return !is_read(place.first); }),
      places.end());
  return places;
}

TEST(BadMembers, EachMemberOfTheWrongTypeIsToldWithItsPath) {
  const Json config = full_config();
  int count = 0;
  for (const auto& [path, pointer] : places_in(config)) {
    for (const char* text : {"true", "\"x\"", "7", "1.5", "1e3", "{}", "[]"}) {
      const auto spoilt = Json::parse(text);
      if (fits(config[pointer], spoilt)) continue;
      Json changed = config;
      changed[pointer] = spoilt;
      const auto read = oci::parse_runtime_config(changed.dump(), "config.json");
      ++count;
      EXPECT_ERROR(read, ErrorKind::invalid, StartsWith(format("config.json: {}: must be ", path)));
    }
  }
  EXPECT_GT(count, 1500);
}

TEST(BadMembers, EachNumberOutOfItsRangeIsToldWithItsPath) {
  const Json config = full_config();
  int count = 0;
  for (const auto& [path, pointer] : places_in(config)) {
    if (!config[pointer].is_number()) continue;
    for (const char* number : {"18446744073709551616", "-9223372036854775809"}) {
      Json changed = config;
      changed[pointer] = "NUMBER";
      auto text = changed.dump();
      text.replace(text.find("\"NUMBER\""), 8, number);
      ++count;
      EXPECT_ERROR(oci::parse_runtime_config(text, "config.json"), ErrorKind::invalid,
                   StartsWith(format("config.json: {}: must be ", path)));
    }
  }
  EXPECT_GT(count, 100);
}

// So that neither of the above leaves out a member that is added to a table.
TEST(BadMembers, TheFullConfigurationHasEveryMember) {
  const Json config = full_config();
  std::vector<std::pair<std::string, Json::json_pointer>> places;
  collect(config, "$", places);
  int structs = 0;
  for (const char* file : tables) {
    const auto text = read_file(file);
    ASSERT_OK(text);
    const std::regex table("void members\\(Visitor& visit, (\\w+)&[\\s\\S]*?\\n\\}"),
        member("visit(?:\\.required)?\\(\"(\\w+)\"");
    for (std::sregex_iterator found(text->begin(), text->end(), table), end; found != end; ++found) {
      const std::string body = found->str();
      const auto has_all = [&](const auto& place) {
        const Json& object = config[place.second];
        for (std::sregex_iterator name(body.begin(), body.end(), member), last; name != last; ++name) {
          if (!object.is_object() || !object.contains(name->str(1))) return false;
        }
        return true;
      };
      EXPECT_TRUE(std::any_of(places.begin(), places.end(), has_all))
          << full << " lacks a member of " << found->str(1);
      ++structs;
    }
  }
  EXPECT_GT(structs, 30);
}

}  // namespace

std::vector<SpoiltConfig> spoilt_configs() {
  const Json config = full_config();
  std::vector<SpoiltConfig> spoilt;
  for (const auto& [path, pointer] : places_in(config)) {
    Json changed = config;
    changed[pointer] = config[pointer].is_array() ? Json::object() : Json::array();
    spoilt.push_back({path, changed.dump()});
  }
  return spoilt;
}

}  // namespace gantry::runtime
