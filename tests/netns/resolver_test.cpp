#include "netns/resolver.h"

#include "base/files.h"
#include "tests/support/results.h"

namespace gantry::netns {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ResolverText, LeavesOutServersThatOnlyTheHostReaches) {
  const std::string host =
      "# c\nsearch a.test b.test\nnameserver 127.0.0.53\nnameserver 192.0.2.1\noptions ndots:2\n";
  EXPECT_EQ(resolver_text(host, {}), "nameserver 192.0.2.1\nsearch a.test b.test\noptions ndots:2\n");
  ResolverOptions shared;
  shared.share_loopback = true;
  EXPECT_THAT(resolver_text(host, shared), HasSubstr("127.0.0.53"));
  EXPECT_THAT(resolver_text("nameserver ::1\n", {}), HasSubstr("--dns"));
}

TEST(ResolverText, TakesOptionsInPlaceOfTheHosts) {
  EXPECT_EQ(resolver_text("nameserver 192.0.2.1\nsearch x\n", {{"192.0.2.7"}, {"."}, {"rotate"}, false}),
            "nameserver 192.0.2.7\noptions rotate\n");
}

TEST(ResolverText, FindsTheRealServersBehindSystemdsStub) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  ASSERT_OK(write_file(join_path(folder->path(), "resolv.conf"), "nameserver 127.0.0.53\n"));
  ASSERT_OK(make_directories(join_path(folder->path(), "systemd/resolve")));
  ASSERT_OK(write_file(join_path(folder->path(), "systemd/resolve/resolv.conf"), "nameserver 192.0.2.1\n"));
  EXPECT_EQ(host_resolver_text(folder->path(), folder->path()), "nameserver 192.0.2.1\n");
}

TEST(HostsText, NamesTheContainerAndExtraHosts) {
  const auto extra = HostEntry::parse("db:host-gateway", *Ipv4::parse("10.88.0.1"));
  ASSERT_OK(extra);
  const auto text = hosts_text("10.88.0.2", "web", "shop.test", {*extra});
  EXPECT_THAT(text, HasSubstr("127.0.0.1\tlocalhost\n"));
  EXPECT_THAT(text, HasSubstr("10.88.0.1\tdb\n"));
  EXPECT_THAT(text, HasSubstr("10.88.0.2\tweb.shop.test web\n"));
  EXPECT_EQ(HostEntry::parse("v6:[::1]", {})->address, "::1");
  EXPECT_ERROR(HostEntry::parse("db", {}), ErrorKind::invalid, HasSubstr("NAME:ADDRESS"));
  EXPECT_ERROR(HostEntry::parse("db:here", {}), ErrorKind::invalid, HasSubstr("\"here\""));
}

}  // namespace
}  // namespace gantry::netns
