#include "base/files.h"
#include "cgroups/systemd_manager.h"
#include "tests/cgroups/child.h"
#include "tests/support/results.h"

#include <sys/socket.h>
#include <sys/un.h>

// What stands behind a bus address may be anything: it must not hang or break us.
namespace gantry::cgroups {
namespace {

using testing::HasSubstr;

// Answers one connection with `text` and closes it.
class Answering {
 public:
  explicit Answering(std::string text) {
    auto folder = TemporaryDirectory::make();
    EXPECT_OK(folder);
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    child_ = std::make_unique<test::Child>([&listener, text] {
      const int connection = ::accept(listener.get(), nullptr, nullptr);
      char request[4096];
      if (::read(connection, request, sizeof request) <= 0) return 1;
      if (::write(connection, text.data(), text.size()) < 0) return 1;
      ::shutdown(connection, SHUT_WR);
      while (::read(connection, request, sizeof request) > 0) {
      }
      return 0;
    });
  }
  std::string path() const { return folder_->path() + "/bus"; }

 private:
  std::unique_ptr<TemporaryDirectory> folder_;
  std::unique_ptr<test::Child> child_;
};

TEST(MessageBus, RefusedAuthenticationIsDenied) {
  const Answering peer("REJECTED EXTERNAL\r\n");
  EXPECT_ERROR(MessageBus::connect_to_peer(peer.path()), ErrorKind::denied, HasSubstr("REJECTED"));
}

TEST(MessageBus, APeerThatClosesIsDenied) {
  const Answering peer("");
  EXPECT_ERROR(MessageBus::connect_to_peer(peer.path()), ErrorKind::denied, HasSubstr("refused"));
}

TEST(MessageBus, NonsenseAfterTheGreetingIsCorrupt) {
  const Answering peer("DATA\r\nOK 0123\r\nHTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_ERROR(MessageBus::connect_to_bus("unix:path=" + peer.path()), ErrorKind::corrupt,
               HasSubstr("message"));
}

TEST(MessageBus, AnEndlessLineIsCorrupt) {
  const Answering peer(std::string(100'000, 'x'));
  EXPECT_ERROR(MessageBus::connect_to_peer(peer.path()), ErrorKind::corrupt, HasSubstr("D-Bus"));
}

TEST(MessageBus, ABusThatEndsIsUnavailable) {
  const Answering peer("DATA\r\nOK 0123\r\n");
  EXPECT_ERROR(MessageBus::connect_to_bus("unix:path=" + peer.path()), ErrorKind::unavailable,
               HasSubstr("closed"));
}

TEST(MessageBus, AddressesThatAreNoLocalSocketAreRefused) {
  EXPECT_ERROR(MessageBus::connect_to_bus("tcp:host=localhost,port=1"), ErrorKind::unsupported,
               HasSubstr("tcp:"));
  EXPECT_ERROR(MessageBus::connect_to_bus(""), ErrorKind::invalid, HasSubstr("empty"));
  EXPECT_ERROR(MessageBus::connect_to_bus("unix:path=/nonexistent/bus"), ErrorKind::not_found,
               HasSubstr("bus"));
}

TEST(SystemdManager, SaysWhatItTriedWhereNoManagerRuns) {
  const auto folder = TemporaryDirectory::make();
  ASSERT_OK(folder);
  ::unsetenv("DBUS_SESSION_BUS_ADDRESS");
  ::setenv("XDG_RUNTIME_DIR", folder->path().c_str(), 1);
  EXPECT_ERROR(SystemdManager::connect(ManagerKind::user), ErrorKind::unavailable,
               testing::AllOf(HasSubstr("user's systemd"), HasSubstr(folder->path() + "/bus"),
                              HasSubstr(folder->path() + "/systemd/private")));
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_ERROR(SystemdManager::connect(ManagerKind::user), ErrorKind::unavailable,
               HasSubstr("XDG_RUNTIME_DIR"));
}

}  // namespace
}  // namespace gantry::cgroups
