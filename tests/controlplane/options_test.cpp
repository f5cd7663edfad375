#include "controlplane/control_options.h"
#include "tests/support/results.h"

namespace gantry::controlplane {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

TEST(ControlOptions, AreRead) {
  const auto options =
      parse_control_options({"--credentials", "c", "--listen=127.0.0.1:1", "--host-lost-after", "0",
                             "--log-level=debug", "--account", "210987654321"});
  ASSERT_OK(options);
  EXPECT_EQ(options->listen, "127.0.0.1:1");
  EXPECT_EQ(options->host_lost_after, 0);
  EXPECT_EQ(options->log_level, "debug");
  EXPECT_EQ(options->identity.account, "210987654321");
  for (const auto* flag : {"--help", "-h"})
    EXPECT_TRUE(parse_control_options({flag}).value_or({}).help) << flag;
  for (const auto* flag : {"--version", "-v"})
    EXPECT_TRUE(parse_control_options({flag}).value_or({}).version) << flag;
}

struct BadOptions {
  std::vector<std::string> arguments;
  ErrorKind kind;
  const char* text;
};

TEST(ControlOptions, AreRefusedByName) {
  for (const auto& bad :
       {BadOptions{{}, ErrorKind::invalid, "--credentials FILE must be given (see gantry-control --help)"},
        BadOptions{
            {"--nonsense"}, ErrorKind::invalid, "unknown option \"--nonsense\" (see gantry-control --help)"},
        BadOptions{{"extra"}, ErrorKind::invalid, "unknown argument \"extra\""},
        BadOptions{{"--state"}, ErrorKind::invalid, "option --state needs a value"},
        BadOptions{{"--state="}, ErrorKind::invalid, "option --state: must not be empty"},
        BadOptions{{"--account=1"}, ErrorKind::invalid, "12 digits"},
        BadOptions{{"--log-level=loud"}, ErrorKind::invalid, "option --log-level: must be trace, debug"},
        BadOptions{{"--region="}, ErrorKind::invalid, "option --region: must be like us-east-1, found \"\""},
        BadOptions{{"--credentials=c", "--listen=0.0.0.0:1"}, ErrorKind::denied, "plain HTTP"},
        BadOptions{{"--credentials=c", "--tls-key=k"}, ErrorKind::invalid, "both"}}) {
    EXPECT_ERROR(parse_control_options(bad.arguments), bad.kind, HasSubstr(bad.text));
  }
}

TEST(ControlOptions, RegistriesHaveTheirApiWhereTheyAre) {
  const auto options = parse_control_options(
      {"--credentials=c", "--registry", "127.0.0.1:5000", "--registry=LOCALHOST:1", "--registry=[::1]:5000",
       "--registry=r.example:5000", "--registry=s.example=https://ecr.example:444/",
       "--registry=t.example=http://127.0.0.1:9"});
  ASSERT_OK(options);
  EXPECT_THAT(
      options->registries.urls(),
      ElementsAre(Pair("127.0.0.1:5000", "http://127.0.0.1:5000"), Pair("[::1]:5000", "http://[::1]:5000"),
                  Pair("localhost:1", "http://localhost:1"), Pair("r.example:5000", "https://r.example:5000"),
                  Pair("s.example", "https://ecr.example:444"), Pair("t.example", "http://127.0.0.1:9")));
}

TEST(ControlOptions, RegistriesAreRefusedByName) {
  const auto refused = [](std::vector<std::string> values, ErrorKind kind, const char* text) {
    std::vector<std::string> arguments = {"--credentials=c"};
    for (const auto& value : values) arguments.push_back("--registry=" + value);
    EXPECT_ERROR(parse_control_options(arguments), kind,
                 AllOf(HasSubstr("option --registry: "), HasSubstr(text)));
  };
  for (const auto* host : {"", "registry", "http://r.example", "r.example/ns", "r.example:x",
                           "r.example:99999", "r.example@b", "a b.c", "=https://r.example"}) {
    refused({host}, ErrorKind::invalid, "the host must be as images name it");
  }
  refused({"r.example="}, ErrorKind::invalid, "http:// or https://");
  refused({"r.example=ecr.example"}, ErrorKind::invalid, "http:// or https://");
  refused({"r.example=ws://ecr.example"}, ErrorKind::invalid, "the URL must begin with http:// or https://");
  refused({"r.example=https://ecr.example/api"}, ErrorKind::invalid, "must be like https://HOST:PORT");
  refused({"r.example=http://10.0.0.1:5000"}, ErrorKind::denied, "plain HTTP is for loopback addresses only");
  refused({"r.example", "R.example=https://b.example"}, ErrorKind::conflict, "r.example is given twice");
}

TEST(ControlOptions, HelpNamesAllWithTheirDefaults) {
  const auto help = control_help();
  EXPECT_THAT(help, StartsWith("Usage: gantry-control --credentials FILE [OPTIONS]\n"));
  const ControlOptions defaults;
  for (const auto& value : {defaults.listen, defaults.state_directory, defaults.identity.region,
                            defaults.identity.account, defaults.log_level}) {
    EXPECT_THAT(help, HasSubstr("(default " + value + ")"));
  }
  EXPECT_THAT(help, HasSubstr("-v, --version "));
  EXPECT_THAT(help, HasSubstr("2 wrong options"));
}

}  // namespace
}  // namespace gantry::controlplane
