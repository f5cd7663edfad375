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
        BadOptions{{"--nonsense"}, ErrorKind::invalid, "unknown flag \"--nonsense\""},
        BadOptions{{"extra"}, ErrorKind::invalid, "unknown flag \"extra\""},
        BadOptions{{"--data"}, ErrorKind::invalid, "flag --data needs a value"},
        BadOptions{{"--credentials=c", "--token-lifetime=13h"}, ErrorKind::invalid, "1s to 12h"},
        BadOptions{{"--credentials=c", "--host=http://a"}, ErrorKind::invalid, "--host must be names"},
        BadOptions{{"--credentials=c", "--host=a,,b"}, ErrorKind::invalid, "--host must be names"},
        BadOptions{{"--credentials=c", "--account=1"}, ErrorKind::invalid, "12 digits"},
        BadOptions{{"--credentials=c", "--listen=0.0.0.0:1"}, ErrorKind::denied, "plain HTTP"},
        BadOptions{{"--credentials=c", "--events-endpoint=http://h"}, ErrorKind::denied, "use https"},
        BadOptions{{"--credentials=c", "--tls-key=k"}, ErrorKind::invalid, "both"}}) {
    EXPECT_ERROR(parse_options(bad.arguments), bad.kind, HasSubstr(bad.text));
  }
}

}  // namespace
}  // namespace gantry::registry::test
