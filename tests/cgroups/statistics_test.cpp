#include "cgroups/statistics.h"

#include "tests/support/results.h"

namespace gantry::cgroups {
namespace {

TEST(Statistics, ParsesIoStat) {
  const auto devices = parse_io_stat("254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0 \n");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].major, 254u);
  EXPECT_EQ(devices[0].read_bytes, 4096u);
  EXPECT_EQ(devices[0].written_bytes, 8192u);
  EXPECT_EQ(devices[0].reads, 1u);
  EXPECT_EQ(devices[0].writes, 2u);
  EXPECT_EQ(devices[1].read_bytes, 0u);
}

TEST(Statistics, ParsesPressure) {
  const auto pressure = parse_pressure(
      "some avg10=1.50 avg60=0.00 avg300=0.00 total=12345\nfull avg10=0.25 avg60=0.00 avg300=0.00 "
      "total=678\n");
  EXPECT_DOUBLE_EQ(pressure.some.average_10, 1.5);
  EXPECT_EQ(pressure.some.total_us, 12345u);
  EXPECT_DOUBLE_EQ(pressure.full.average_10, 0.25);
  EXPECT_EQ(pressure.full.total_us, 678u);
}

TEST(Statistics, ParsesRdma) {
  const auto devices =
      parse_rdma("mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=max\n");
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].device, "mlx4_0");
  EXPECT_EQ(devices[0].hca_handles, 2u);
  EXPECT_EQ(devices[0].hca_objects, 2000u);
  EXPECT_EQ(devices[1].hca_handles, 3u);
  EXPECT_EQ(devices[1].hca_objects, std::nullopt);
}

TEST(Statistics, ParsesFlatKeyedFiles) {
  const auto values = parse_flat_keyed("low 0\noom_kill 3\nodd\n");
  EXPECT_EQ(values.at("oom_kill"), 3u);
  EXPECT_EQ(values.count("odd"), 0u);
}

}  // namespace
}  // namespace gantry::cgroups
