#include "images/changes.h"

#include "tests/support/results.h"

namespace gantry::images {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

TEST(Changes, BothFormsOfEachInstruction) {
  oci::ContainerConfig config;
  ASSERT_OK(apply_changes(
      config, {
                  "CMD [\"nginx\", \"-g\", \"daemon off;\"]",
                  "entrypoint exec /bin/tool --flag",
                  "ENV A=1 B=\"two words\" C=a\\ b",
                  "ENV OLD the whole rest",
                  "ENV A=2",
                  "EXPOSE 80 53/udp 8000-8002",
                  "WORKDIR /srv",
                  "WORKDIR www",
                  "USER www-data:www-data",
                  "LABEL version=\"1.0\" note='it is'",
                  "VOLUME [\"/data\"]",
                  "VOLUME /a /b",
                  "STOPSIGNAL SIGQUIT",
                  "HEALTHCHECK --interval=1m30s --timeout=500ms --retries=3 CMD curl -f http://localhost/",
              }));
  EXPECT_EQ(config.cmd, (Words{"nginx", "-g", "daemon off;"}));
  EXPECT_EQ(config.entrypoint, (Words{"/bin/sh", "-c", "exec /bin/tool --flag"}));
  EXPECT_THAT(config.env, ElementsAre("A=2", "B=two words", "C=a b", "OLD=the whole rest"));
  EXPECT_EQ(config.exposed_ports.size(), 5U);
  EXPECT_EQ(config.exposed_ports.count("53/udp"), 1U);
  EXPECT_EQ(config.exposed_ports.count("8001/tcp"), 1U);
  EXPECT_EQ(config.working_dir, "/srv/www");
  EXPECT_EQ(config.user, "www-data:www-data");
  EXPECT_EQ(config.labels.at("version"), "1.0");
  EXPECT_EQ(config.labels.at("note"), "it is");
  EXPECT_EQ(config.volumes.size(), 3U);
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_EQ(config.health_check->test, (Words{"CMD-SHELL", "curl -f http://localhost/"}));
  EXPECT_EQ(config.health_check->interval, std::chrono::seconds(90));
  EXPECT_EQ(config.health_check->timeout, std::chrono::milliseconds(500));
  EXPECT_EQ(config.health_check->retries, 3);
}

TEST(Changes, BadOnesAreQuotedWithTheRule) {
  struct {
    const char* change;
    ErrorKind kind;
    const char* says;
  } const cases[] = {
      {"RUN make", ErrorKind::unsupported, "instruction RUN"},
      {"ENV", ErrorKind::invalid, "needs a value"},
      {"ENV A", ErrorKind::invalid, "has no value"},
      {"ENV A=1 B", ErrorKind::invalid, "NAME=VALUE"},
      {"ENV A=\"open", ErrorKind::invalid, "isn't closed"},
      {"EXPOSE 70000", ErrorKind::invalid, "70000"},
      {"EXPOSE 80/icmp", ErrorKind::invalid, "icmp"},
      {"EXPOSE 90-80", ErrorKind::invalid, "range"},
      {"HEALTHCHECK --interval=fast CMD x", ErrorKind::invalid, "fast"},
      {"HEALTHCHECK --every=1s CMD x", ErrorKind::invalid, "--every"},
      {"HEALTHCHECK RUN x", ErrorKind::invalid, "CMD or NONE"},
      {"SHELL sh", ErrorKind::invalid, "JSON"},
  };
  for (const auto& c : cases) {
    oci::ContainerConfig config;
    EXPECT_ERROR(apply_change(config, c.change), c.kind, HasSubstr(c.says));
    EXPECT_ERROR(apply_change(config, c.change), c.kind, HasSubstr(c.change));
  }
}

}  // namespace
}  // namespace gantry::images
