#include "registry/options.h"

#include "tests/support/results.h"

namespace gantry::registry::test {
namespace {

using testing::HasSubstr;

TEST(Options, AreRead) {
  const auto options =
      parse_options({"--credentials", "c", "--listen=127.0.0.1:5001", "--data", "/d", "--token-lifetime",
                     "90s", "--create-on-push", "--host", "registry.local, 10.0.0.1:5000",
                     "--events-endpoint=http://localhost:1"});
  ASSERT_OK(options);
  EXPECT_EQ(options->server.port, 5001);
  EXPECT_EQ(options->registry.token_lifetime, std::chrono::seconds(90));
  EXPECT_TRUE(options->registry.create_on_push);
  EXPECT_THAT(options->registry.hosts, testing::ElementsAre("registry.local", "10.0.0.1:5000"));
  EXPECT_TRUE(parse_options({"--help"}).value_or({}).help);
}

struct BadOptions {
  std::vector<std::string> arguments;
  ErrorKind kind;
  const char* text;
};

TEST(Options, AreRefusedByName) {
  for (const auto& bad :
       {BadOptions{{}, ErrorKind::invalid, "--credentials FILE must be given"},
        BadOptions{
            {"--nonsense"}, ErrorKind::invalid, "unknown option \"--nonsense\" (see gantry-registry --help)"},
        BadOptions{{"extra"}, ErrorKind::invalid, "unknown argument \"extra\""},
        BadOptions{{"--data"}, ErrorKind::invalid, "option --data needs a value"},
        BadOptions{{"--credentials=c", "--token-lifetime=13h"}, ErrorKind::invalid, "1s to 12h"},
        BadOptions{{"--credentials=c", "--create-on-push=yes"}, ErrorKind::invalid, "takes no value"},
        BadOptions{
            {"--credentials=c", "--log-level=loud"}, ErrorKind::invalid, "--log-level must be trace, debug"},
        BadOptions{{"--credentials="}, ErrorKind::invalid, "--credentials FILE must be given"},
        BadOptions{{"--credentials=c", "--data="}, ErrorKind::invalid, "must not be empty"},
        BadOptions{{"--credentials=c", "--host=http://a"}, ErrorKind::invalid, "--host must be names"},
        BadOptions{{"--credentials=c", "--host=a,,b"}, ErrorKind::invalid, "--host must be names"},
        BadOptions{{"--credentials=c", "--account=1"}, ErrorKind::invalid, "12 digits"},
        BadOptions{{"--credentials=c", "--listen=0.0.0.0:1"}, ErrorKind::denied, "plain HTTP"},
        BadOptions{{"--credentials=c", "--events-endpoint=http://h"}, ErrorKind::denied, "use https"},
        BadOptions{{"check", "--credentials=c"}, ErrorKind::invalid, "check takes no option --credentials"},
        BadOptions{{"check", "now"}, ErrorKind::invalid, "unknown argument \"now\""},
        BadOptions{{"--credentials=c", "--tls-key=k"}, ErrorKind::invalid, "both"}}) {
    EXPECT_ERROR(parse_options(bad.arguments), bad.kind, HasSubstr(bad.text));
  }
}

TEST(Options, HelpNamesAllWithTheirDefaults) {
  const auto help = help_text();
  EXPECT_THAT(help, testing::StartsWith("Usage: gantry-registry --credentials FILE [OPTIONS]\n"));
  for (const auto* text :
       {"--listen ADDRESS:PORT ", "(default 127.0.0.1:5000)", "(default /var/lib/gantry-registry)",
        "(default 12h)", "(default us-east-1)", "(default 123456789012)", "(default info)",
        "--create-on-push ", "-v, --version ", "-h, --help ", "2 wrong options"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
}

}  // namespace
}  // namespace gantry::registry::test
