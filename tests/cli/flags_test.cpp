#include "cli/flags.h"

#include "cli/table.h"
#include "cli/template.h"
#include "cli/values.h"
#include "tests/support/results.h"

namespace gantry::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Flags, AllNotations) {
  bool interactive = false;
  bool tty = false;
  std::string name;
  std::vector<std::string> ports;
  FlagSet set({"gantry x", "X", {}}, "[OPTIONS] A [B...]", FlagSet::Order::flags_first);
  set.toggle("interactive", 'i', interactive, "")
      .toggle("tty", 't', tty, "")
      .value("name", 'n', name, "N", "");
  set.values("publish", 'p', ports, "P", "").arguments(1);
  const auto parsed =
      set.parse({"-it", "--name=web", "-p80", "-p", "81", "--publish", "82", "a", "-i", "--name"});
  ASSERT_FALSE(parsed.exit);
  EXPECT_TRUE(interactive && tty);
  EXPECT_EQ(name, "web");
  EXPECT_THAT(ports, ElementsAre("80", "81", "82"));
  EXPECT_THAT(parsed.arguments, ElementsAre("a", "-i", "--name"));
}

TEST(Flags, WrongUsageHasDockersCodes) {
  bool yes = false;
  std::string name;
  FlagSet set({"gantry x", "X", {}}, "[OPTIONS]");
  set.toggle("yes", 'y', yes, "").value("name", 'n', name, "N", "").arguments(0, 0);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--nosuch"}, {"-z"}, {"--name"}, {"-n"}, {"--yes=maybe"}, {"--help=maybe"}}) {
    EXPECT_EQ(set.parse(words).exit, 125);
  }
  EXPECT_EQ(set.parse({"argument"}).exit, 1);
  EXPECT_EQ(set.parse({"--yes=false"}).exit, std::nullopt);
  EXPECT_FALSE(yes);
}

TEST(Flags, AnEmptyArgumentNamesNothing) {
  FlagSet mixed({"gantry rm", "X", {}}, "CONTAINER...");
  mixed.arguments(1);
  EXPECT_EQ(mixed.parse({"a", ""}).exit, 1);
  FlagSet program({"gantry run", "X", {}}, "IMAGE [ARG...]", FlagSet::Order::flags_first);
  program.arguments(1);
  EXPECT_EQ(program.parse({"", "a"}).exit, 1);
  EXPECT_EQ(program.parse({"image", ""}).exit, std::nullopt) << "a program's own arguments may be empty";
}

TEST(Flags, HelpListsThemByNameWithDefaults) {
  bool yes = true;
  std::string name = "web";
  std::string other;
  FlagSet set({"gantry image x", "Do x", {"gantry x", "gantry image x"}}, "[OPTIONS] A");
  set.toggle("yes", 'y', yes, "say yes").value("name", 0, name, "NAME", "its name").epilogue("The end.\n");
  set.value("a-very-long-name-of-a-flag", 0, other, "PLACEHOLDER", "wide");
  name = "changed";
  EXPECT_EQ(set.help(),
            "Usage:  gantry image x [OPTIONS] A\n\nDo x\n\nAliases:\n  gantry x, gantry image x\n\nOptions:\n"
            "      --a-very-long-name-of-a-flag PLACEHOLDER\n"
            "                    wide\n"
            "  -h, --help        show this help\n"
            "      --name NAME   its name (default web)\n"
            "  -y, --yes         say yes (default true)\n\nThe end.\n");
}

TEST(Flags, AShortHelpGivesWayToAnotherMeaning) {
  std::string host;
  FlagSet set({"gantry x", "X", {}}, "[OPTIONS]");
  EXPECT_EQ(set.parse({"-h"}).exit, 0);
  set.value("hostname", 'h', host, "NAME", "");
  EXPECT_EQ(set.parse({"-h", "web"}).exit, std::nullopt);
  EXPECT_EQ(host, "web");
}

TEST(Tables, ATemplateWithTableHasAHeaderAndColumns) {
  Table table({{"NAMES", "Names"}, {"CREATED AT", "CreatedAt", true}});
  table.add({{"Names", "web"}, {"CreatedAt", "yesterday"}});
  table.add({{"Names", "a-long-name"}, {"CreatedAt", "now"}});
  testing::internal::CaptureStdout();
  ASSERT_OK(table.print("table {{.Names}}\\t{{.CreatedAt}}"));
  ASSERT_OK(table.print("{{.Names}}:{{.CreatedAt}}"));
  ASSERT_OK(table.print(""));
  fflush(stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "NAMES         CREATED AT\nweb           yesterday\na-long-name   now\n"
            "web:yesterday\na-long-name:now\n"
            "NAMES\nweb\na-long-name\n");
}

TEST(Tables, AnUnknownKeyIsRefusedWithoutRowsToo) {
  const Table table({{"NAMES", "Names"}, {"ID", "ID"}});
  EXPECT_ERROR(table.print("{{.Nope}}"), ErrorKind::invalid, HasSubstr("no \"Nope\""));
}

TEST(Values, Publish) {
  const auto ports = parse_publish("127.0.0.1:8000-8001:80-81/udp");
  ASSERT_OK(ports);
  ASSERT_EQ(ports->size(), 2u);
  EXPECT_EQ((*ports)[1].host_ip, "127.0.0.1");
  EXPECT_EQ((*ports)[1].host_port, 8001);
  EXPECT_EQ((*ports)[1].container_port, 81);
  EXPECT_EQ((*ports)[1].protocol, engine::Protocol::udp);
  EXPECT_EQ(parse_publish("80").value()[0].host_port, 0);
  EXPECT_EQ(parse_publish("127.0.0.1::80").value()[0].host_ip, "127.0.0.1");
  for (const auto* text : {"", "x", "0:x", "70000:80", "80:0", "8000-8002:80-81", "81-80", "80/sctp"}) {
    EXPECT_FALSE(bool(parse_publish(text))) << text;
  }
}

TEST(Values, Mounts) {
  EXPECT_EQ(parse_volume("/a:/b:ro").value().type, engine::MountType::bind);
  EXPECT_TRUE(parse_volume("/a:/b:ro").value().read_only);
  EXPECT_EQ(parse_volume("name:/b").value().source, "name");
  EXPECT_EQ(parse_volume("/b").value().source, "");
  EXPECT_ERROR(parse_volume("/a:/b:nosuch"), ErrorKind::invalid, HasSubstr("nosuch"));
  const auto mount = parse_mount("type=tmpfs,target=/t,tmpfs-size=1m");
  ASSERT_OK(mount);
  EXPECT_THAT(mount->options, ElementsAre("size=1048576"));
  EXPECT_ERROR(parse_mount("type=bind,source=/a"), ErrorKind::invalid, HasSubstr("target"));
  EXPECT_ERROR(parse_mount("type=nfs,target=/a"), ErrorKind::unsupported, HasSubstr("nfs"));
}

TEST(Values, NumbersAndTimes) {
  EXPECT_EQ(parse_cpus("1.5").value(), 1'500'000'000);
  EXPECT_FALSE(bool(parse_cpus("0")));
  EXPECT_FALSE(bool(parse_cpus("nan")));
  EXPECT_EQ(parse_restart("on-failure:3").value().maximum_retries, 3u);
  EXPECT_FALSE(bool(parse_restart("sometimes")));
  EXPECT_EQ(parse_ulimit("nofile=1:2").value().hard, 2u);
  EXPECT_EQ(parse_ulimit("core=-1").value().soft, UINT64_MAX);
}

TEST(Template, PathsJsonAndIndex) {
  const std::string json = R"({"State":{"Pid":7,"Status":"up"},"Labels":{"a.b":"c"},"List":["x"]})";
  EXPECT_EQ(render_template("{{.State.Pid}}-{{ .State.Status }}", json).value(), "7-up");
  EXPECT_EQ(render_template("{{json .State}}", json).value(), R"({"Pid":7,"Status":"up"})");
  EXPECT_EQ(render_template("{{index .Labels \"a.b\"}}", json).value(), "c");
  EXPECT_ERROR(render_template("{{.Nope}}", json), ErrorKind::invalid, HasSubstr("Nope"));
  EXPECT_ERROR(render_template("{{range .List}}", json), ErrorKind::unsupported, HasSubstr("range"));
}

}  // namespace
}  // namespace gantry::cli
