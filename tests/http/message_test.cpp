#include "http/message.h"

#include "http/listen.h"
#include "tests/support/results.h"

namespace gantry::http::test {
namespace {

using testing::HasSubstr;

TEST(Headers, CompareNamesWithoutRegardToCase) {
  Headers headers{{"X-One", "1"}, {"x-one", "2"}};
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_EQ(headers.all("x-One").size(), 2u);
  headers.set("x-ONE", "3");
  EXPECT_EQ(headers.all("X-One"), std::vector<std::string>{"3"});
}

struct UrlCase {
  const char* text;
  const char* host;
  int port;
  const char* target;
  const char* authority;
};

TEST(Url, IsTakenApart) {
  for (const auto& one :
       {UrlCase{"http://h/a?b#c", "h", 80, "/a?b", "h"}, UrlCase{"HTTPS://h:444", "h", 444, "/", "h:444"},
        UrlCase{"ws://[::1]:8080?q", "::1", 8080, "/?q", "[::1]:8080"}}) {
    const auto url = Url::parse(one.text);
    ASSERT_OK(url);
    EXPECT_EQ(url->host, one.host);
    EXPECT_EQ(url->port, one.port);
    EXPECT_EQ(url->target, one.target);
    EXPECT_EQ(url->authority(), one.authority);
  }
}

TEST(Url, RefusesWhatIsNone) {
  for (const auto* text :
       {"", "h:80", "ftp://h", "http://", "http://h:0", "http://h:99999", "http://a b/", "http://u:p@h/"}) {
    EXPECT_ERROR(Url::parse(text), ErrorKind::invalid, testing::_);
  }
}

TEST(PercentCoding, GoesBothWays) {
  EXPECT_EQ(percent_encode("a b/~\xff", true), "a%20b/~%FF");
  EXPECT_EQ(percent_encode("a/b"), "a%2Fb");
  EXPECT_EQ(percent_decode("a%20b+c").value_or(""), "a b+c");
  EXPECT_EQ(percent_decode("a+c%3d", true).value_or(""), "a c=");
  for (const auto* bad : {"%", "%1", "%1g"})
    EXPECT_ERROR(percent_decode(bad), ErrorKind::invalid, HasSubstr(bad));
}

TEST(ListenAddress, AllowsPlainHttpOnLoopbackOnly) {
  ServerOptions options;
  EXPECT_OK(set_listen_address("127.0.0.1:5000", "", "", options));
  EXPECT_EQ(options.port, 5000);
  EXPECT_OK(set_listen_address("[::1]:5000", "", "", options));
  EXPECT_ERROR(set_listen_address("0.0.0.0:5000", "", "", options), ErrorKind::denied,
               HasSubstr("plain HTTP"));
  EXPECT_OK(set_listen_address(":5000", "cert.pem", "key.pem", options));
  EXPECT_EQ(options.address, "0.0.0.0");
  EXPECT_ERROR(set_listen_address(":5000", "cert.pem", "", options), ErrorKind::invalid, HasSubstr("both"));
  for (const auto* bad : {"5000", "host:5000", "127.0.0.1:x", "::1:5000", "127.0.0.1:70000"}) {
    EXPECT_ERROR(set_listen_address(bad, "", "", options), ErrorKind::invalid, HasSubstr("listen address"));
  }
}

}  // namespace
}  // namespace gantry::http::test
