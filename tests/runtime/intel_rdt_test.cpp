#include "runtime/intel_rdt.h"

#include "base/files.h"
#include "runtime/event_records.h"
#include "tests/support/results.h"

#include <sys/stat.h>

// No machine of ours has resctrl, so a folder with its files stands in: what is read and written is checked,
// not what the kernel makes of it.

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

constexpr Place rdt_place{"config.json", "$.linux.intelRdt"};

class IntelRdt : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    for (const char* name : {"info/L3", "info/MB", "mon_groups"}) {
      ASSERT_OK(make_directories(root() + "/" + name, 0755));
    }
    make_files("");
  }
  // As the kernel makes them with a group.
  void make_files(const std::string& group) {
    ASSERT_OK(
        write_file(root() + "/" + group + "/schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n", 0644));
    ASSERT_OK(write_file(root() + "/" + group + "/tasks", "", 0644));
  }
  void make_group(const std::string& name) {
    ASSERT_OK(make_directories(root() + "/" + name + "/mon_groups", 0755));
    make_files(name);
  }
  std::string read(const std::string& name) { return read_file(root() + "/" + name).value_or("?"); }
  std::string root() const { return folder_->path(); }

 private:
  std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(IntelRdt, WithoutAClassTheContainerHasAGroupOfItsName) {
  oci::IntelRdt config;
  config.l3_cache_schema = "L3:0=7f0;1=1f";
  config.mem_bw_schema = "MB:0=20;1=70";
  config.schemata = {"L2:0=f"};
  config.enable_monitoring = true;
  const auto plan = plan_rdt(config, "c1", root(), rdt_place);
  ASSERT_OK(plan);
  EXPECT_TRUE(plan->makes_group && plan->own_group);
  EXPECT_ERROR(make_rdt_groups(*plan), ErrorKind::not_found, HasSubstr("c1/mon_groups/c1"));  // the kernel's
  make_group("c1");
  ASSERT_OK(make_rdt_groups(*plan));
  ASSERT_OK(write_file(root() + "/c1/mon_groups/c1/tasks", "", 0644));
  ASSERT_OK(join_rdt_groups(*plan, 42));
  EXPECT_EQ(read("c1/schemata").substr(0, 34), "L3:0=7f0;1=1f\nMB:0=20;1=70\nL2:0=f\n");
  EXPECT_EQ(read("c1/tasks"), "42");
  EXPECT_EQ(read("c1/mon_groups/c1/tasks"), "42");
}

TEST_F(IntelRdt, AClassThatIsThereMustHaveWhatIsAskedForAndStays) {
  make_group("gold");
  oci::IntelRdt config;
  config.clos_id = "gold";
  config.l3_cache_schema = "L3:0=07FF";
  auto plan = plan_rdt(config, "c1", root(), rdt_place);
  ASSERT_OK(plan);
  EXPECT_FALSE(plan->makes_group || plan->own_group);
  EXPECT_EQ(plan->schemata, "");
  config.l3_cache_schema = "L3:0=f";
  EXPECT_ERROR(plan_rdt(config, "c1", root(), rdt_place), ErrorKind::invalid,
               HasSubstr("$.linux.intelRdt.l3CacheSchema: does not match the existing closID"));
  config.clos_id = "/";
  config.l3_cache_schema.clear();
  plan = plan_rdt(config, "c1", root(), rdt_place);
  ASSERT_OK(plan);
  EXPECT_EQ(plan->group, root()) << "the default class is the root";
}

TEST_F(IntelRdt, UpdateWritesTheSchemataOfTheContainersClass) {
  make_group("gold");
  oci::IntelRdt config;
  config.clos_id = "gold";
  const auto groups = existing_rdt_groups(config, "c1", root());
  ASSERT_OK(update_rdt(groups, "L3:0=f", "MB:0=10"));
  EXPECT_EQ(read("gold/schemata").substr(0, 15), "L3:0=f\nMB:0=10\n");
  EXPECT_ERROR(update_rdt(groups, "MB:0=10", ""), ErrorKind::invalid,
               HasSubstr("update: --l3-cache-schema: must begin with \"L3:\""));
  ASSERT_OK(remove_tree(root() + "/info/L3"));
  EXPECT_ERROR(update_rdt(groups, "L3:0=f", ""), ErrorKind::unsupported,
               HasSubstr("Intel RDT/CAT: l3 cache schema is not enabled"));
}

TEST_F(IntelRdt, StatisticsAreThoseOfTheContainersGroups) {
  make_group("c1");
  oci::IntelRdt config;
  config.enable_monitoring = true;
  const auto groups = existing_rdt_groups(config, "c1", root());
  const std::pair<const char*, const char*> files[] = {
      {"info/L3/cbm_mask", "7ff\n"},
      {"info/L3/min_cbm_bits", "2\n"},
      {"info/L3/num_closids", "16\n"},
      {"info/MB/bandwidth_gran", "10\n"},
      {"info/MB/delay_linear", "1\n"},
      {"info/MB/min_bandwidth", "10\n"},
      {"info/MB/num_closids", "8\n"},
      {"mon_data/mon_L3_00/mbm_total_bytes", "100\n"},
      {"mon_data/mon_L3_00/mbm_local_bytes", "Unavailable\n"},
      {"mon_data/mon_L3_00/llc_occupancy", "4096\n"},
  };
  for (const auto& [name, text] : files) {
    const bool data = std::string_view(name).rfind("mon_data", 0) == 0;
    const std::string path = root() + (data ? "/c1/mon_groups/c1/" : "/") + name;
    ASSERT_OK(make_directories(path.substr(0, path.rfind('/')), 0755));
    ASSERT_OK(write_file(path, text, 0644));
  }
  ContainerStatistics now;
  const auto read = read_rdt_statistics(groups);
  ASSERT_OK(read);
  now.rdt = *read;
  EXPECT_THAT(
      stats_record("c1", now),
      HasSubstr(R"("intel_rdt":{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":2,"num_closids":16},)"
                R"("l3_cache_schema_root":"L3:0=7ff;1=7ff","l3_cache_schema":"L3:0=7ff;1=7ff",)"
                R"("mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,)"
                R"("num_closids":8},"mem_bw_schema_root":"MB:0=100;1=100",)"
                R"("mem_bw_schema":"MB:0=100;1=100","schemata":["L3:0=7ff;1=7ff","MB:0=100;1=100"],)"
                R"("mbm_stats":[{"mbm_total_bytes":100,"mbm_local_bytes":0}],)"
                R"("cmt_stats":[{"llc_occupancy":4096}]})"));
}

TEST_F(IntelRdt, BadConfigurationsAreNamed) {
  const std::pair<std::function<void(oci::IntelRdt&)>, const char*> cases[] = {
      {[](auto& c) { c.clos_id = ".."; }, ".closID: invalid intelRdt.ClosID \"..\""},
      {[](auto& c) { c.clos_id = "a/b"; }, ".closID: invalid intelRdt.ClosID \"a/b\""},
      {[](auto& c) { c.clos_id = "nosuch"; }, ".closID: clos dir not accessible (must be pre-created"},
      {[](auto& c) { c.l3_cache_schema = "L2:0=1"; }, ".l3CacheSchema: must begin with \"L3:\""},
      {[](auto& c) { c.mem_bw_schema = "0=1"; }, ".memBwSchema: must begin with \"MB:\""},
      {[](auto& c) { c.schemata = {"L3:0=1\nMB:0=1"}; }, ".schemata: must not contain a newline"},
  };
  for (const auto& [change, error] : cases) {
    oci::IntelRdt config;
    change(config);
    EXPECT_ERROR(plan_rdt(config, "c1", root(), rdt_place), ErrorKind::invalid,
                 HasSubstr(std::string("config.json: $.linux.intelRdt") + error));
  }
  ASSERT_OK(remove_tree(root() + "/info/MB"));
  oci::IntelRdt config;
  config.mem_bw_schema = "MB:0=1";
  EXPECT_ERROR(plan_rdt(config, "c1", root(), rdt_place), ErrorKind::unsupported,
               HasSubstr("Intel RDT/MBA is not enabled"));
}

TEST_F(IntelRdt, ErrorsCarryTheKernelsReasonAndGroupsGoWithTheContainer) {
  make_group("c1");
  ASSERT_OK(remove_file(root() + "/c1/tasks"));
  ASSERT_OK(write_file(root() + "/info/last_cmd_status", "mask f out of range\n", 0644));
  const RdtPlan plan{root(), root() + "/c1", "", "", false, true};
  EXPECT_ERROR(join_rdt_groups(plan, 42), ErrorKind::not_found,
               HasSubstr("last_cmd_status: mask f out of range"));
  ASSERT_OK(make_directories(root() + "/c2/mon_groups", 0755));
  ASSERT_OK(remove_tree(root() + "/c2/mon_groups"));
  ASSERT_OK(remove_rdt_groups(root() + "/c2", root() + "/c2/mon_groups/c2"));
  EXPECT_FALSE(path_exists(root() + "/c2"));
}

}  // namespace
}  // namespace gantry::runtime
