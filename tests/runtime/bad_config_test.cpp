#include "tests/runtime/bad_config.h"

#include "tests/runtime/container_fixture.h"
#include "tests/runtime/own_mounts.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/wait.h>

// Broken and hostile configurations, given to the program: each is a clear error with its JSON path, and
// leaves nothing: no process, cgroup, mount or file. BadConfig rows are in bad_config_rows.cpp; that no
// member is without one is seen to in bad_member_test.cpp.

namespace gantry::runtime {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::IsEmpty;

// A good one with something at the places that are spoilt.
constexpr const char* base = R"({"ociVersion":"1.2.0","root":{"path":"rootfs"},
  "process":{"args":["true"],"cwd":"/","env":["PATH=/bin"],"user":{"uid":0,"gid":0}},
  "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
  "linux":{"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"network"}]}})";

// "$.linux.seccomp.syscalls[0].names" as nlohmann's "/linux/seccomp/syscalls/0/names".
std::string pointer_of(std::string_view path) {
  std::string pointer;
  for (const char c : path.substr(1)) {
    if (c == '.' || c == '[')
      pointer += '/';
    else if (c != ']')
      pointer += c;
  }
  return pointer;
}

class BadConfigs : public Containers {
 protected:
  void SetUp() override {
    Containers::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(take_own_mounts());
    mounts_ = read_file("/proc/self/mountinfo").value_or("");
    files_ = files_of_bundle();
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // a process that is left behind becomes our child
  }

  void TearDown() override {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    Containers::TearDown();
  }

  std::string patched(const BadConfig& row) {
    auto config = Json::parse(base);
    const Json::json_pointer place(pointer_of(row.place));
    if (row.value == nullptr) {
      config[place.parent_pointer()].erase(place.back());
    } else {
      config[place] = Json::parse(row.value);
    }
    return config.dump();
  }

  void expect_error(const std::string& text, const std::string& error) {
    ASSERT_OK(write_file(bundle() + "/config.json", text, 0644));
    const auto result = runtime({"create", "--bundle", bundle(), test_id});
    last_error_ = result.errors;
    EXPECT_EQ(result.status, 1) << text;
    EXPECT_EQ(result.output, "") << text;
    EXPECT_THAT(result.errors, HasSubstr(error)) << text;
    ASSERT_THAT(state_folders(), IsEmpty()) << text;
    ASSERT_FALSE(path_exists(cgroup_directory(test_id))) << text;
    ASSERT_EQ(read_file("/proc/self/mountinfo").value_or(""), mounts_) << text;
    ASSERT_EQ(files_of_bundle(), files_) << text;
    ASSERT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process was left: " << text;
  }

  const std::string& last_error() const { return last_error_; }

 private:
  std::vector<std::string> files_of_bundle() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bundle()))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  std::string mounts_;
  std::vector<std::string> files_;
  std::string last_error_;
};

TEST_F(BadConfigs, BaseIsAGoodOne) {
  ASSERT_OK(write_file(bundle() + "/config.json", base, 0644));
  const auto result = runtime({"run", "--bundle", bundle(), test_id});
  EXPECT_EQ(result.status, 0) << result.errors;
}

TEST_F(BadConfigs, RulesThatAreBrokenAreToldWithTheirPlace) {
  int count = 0;
  for (const auto& row : bad_config_rows()) {
    expect_error(patched(row), row.words);
    const auto* place = row.error_place == nullptr ? row.place : row.error_place;
    EXPECT_THAT(last_error(), HasSubstr(format(" {}: ", place))) << patched(row);
    if (HasFatalFailure()) return;
    ++count;
  }
  EXPECT_GT(count, 100);
}

TEST_F(BadConfigs, AMemberOfTheWrongTypeIsToldWithItsPlace) {
  int count = 0;
  for (const auto& [place, text] : spoilt_configs()) {
    expect_error(text, format("config.json: {}: must be ", place));
    if (HasFatalFailure()) return;
    ++count;
  }
  EXPECT_GT(count, 250);
}

TEST_F(BadConfigs, TextThatIsNoDocumentIsAnError) {
  const std::string nul = std::string(R"({"ociVersion":"1.2.0)") + '\0' + "\"}";
  const std::pair<std::string, const char*> texts[] = {
      {"", "config.json: $: "},
      {" \n", "config.json: $: "},
      {"{", "config.json: $: "},
      {"nul", "config.json: $: "},
      {"{}{}", "config.json: $: "},
      {"{\"ociVersion\":\"1.2.0\",}", "config.json: $: "},
      {"{'ociVersion':'1.2.0'}", "config.json: $: "},
      {"{\"ociVersion\":\"1.2.0\"} // comment", "config.json: $: "},
      {"\xEF\xBB\xBF{\"ociVersion\":\"1.2.0\"}", "byte order mark"},
      {"\xFF\xFE{\0}", "config.json: $: "},
      {nul, "config.json: $: "},
      {"{\"ociVersion\":\"1.2.0\\u0000\"}", "NUL"},
      {"{\"a\\u0000b\":1}", "NUL"},
      {"{\"ociVersion\":\"1.2.0\",\"ociVersion\":\"1.2.0\"}", "stands twice"},
      {"{\"unknown\":{\"b\":1,\"b\":2}}", "stands twice"},
      {"{\"ociVersion\":\"\xC3\"}", "config.json: $: "},
      {"{\"ociVersion\":\"\\ud800\"}", "config.json: $: "},
      {"{\"ociVersion\":\"\t\"}", "config.json: $: "},
      {"{\"ociVersion\":01}", "config.json: $: "},
      {"{\"ociVersion\":+1}", "config.json: $: "},
      {"{\"ociVersion\":0x1}", "config.json: $: "},
      {"{\"ociVersion\":NaN}", "config.json: $: "},
      {"{\"ociVersion\":1e9999}", "config.json: $"},
      {"[]", "config.json: $: must be an object"},
      {"null", "config.json: $: must be an object"},
      {"\"text\"", "config.json: $: must be an object"},
      {std::string(200, '['), "nested deeper than 128"},
      {std::string(1 << 20, '['), "nested deeper than 128"},
      {std::string(1 << 20, '{'), "config.json: $: "},
      {"{\"ociVersion\":\"" + std::string(1 << 20, 'x') + "\"}", "config.json: $"},
  };
  for (const auto& [text, error] : texts) {
    expect_error(text, error);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace gantry::runtime
