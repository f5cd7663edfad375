#include "runtime/log_socket.h"

#include "base/files.h"
#include "tests/support/results.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>

namespace gantry::runtime {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A daemon that takes datagrams.
class LogSockets : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::make();
    ASSERT_OK(folder);
    folder_ = std::make_unique<TemporaryDirectory>(std::move(*folder));
    path_ = folder_->path() + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    daemon_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(::bind(daemon_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  LogPlaces places() const { return {path_.c_str(), path_.c_str()}; }
  std::string received() {
    char text[4096];
    const ssize_t size = ::recv(daemon_.get(), text, sizeof text, 0);
    return size < 0 ? "nothing" : std::string(text, static_cast<size_t>(size));
  }

 private:
  std::unique_ptr<TemporaryDirectory> folder_;
  std::string path_;
  UniqueFd daemon_;
};

TEST_F(LogSockets, JournalGetsPriorityMessageAndId) {
  const auto log = LogSocket::connect("journald:web", places());
  ASSERT_OK(log);
  ASSERT_TRUE(log->has_value());
  (*log)->send("error", "first\nsecond");
  EXPECT_EQ(received(), std::string("MESSAGE\n\x0c\0\0\0\0\0\0\0first\nsecond\n", 29) +
                            std::string("PRIORITY\n\x01\0\0\0\0\0\0\0", 17) + "3\n" +
                            std::string("SYSLOG_IDENTIFIER\n\x0a\0\0\0\0\0\0\0", 26) + "gantry-oci\n" +
                            std::string("ID\n\x03\0\0\0\0\0\0\0", 11) + "web\n");
  (*log)->send("warning", "x");
  EXPECT_THAT(received(), HasSubstr(std::string("PRIORITY\n\x01\0\0\0\0\0\0\0", 17) + "4\n"));
}

TEST_F(LogSockets, SyslogGetsOneLine) {
  const auto log = LogSocket::connect("syslog:", places());
  ASSERT_OK(log);
  ASSERT_TRUE(log->has_value());
  (*log)->send("error", "first\nsecond");
  const auto line = received();
  EXPECT_THAT(line, StartsWith("<11>")) << "facility user, severity error";
  EXPECT_THAT(line, EndsWith(" gantry-oci: first second"));
  (*log)->send("debug", "x");
  EXPECT_THAT(received(), StartsWith("<15>"));
}

TEST_F(LogSockets, OthersAreFilesAndNobodyListeningIsAnError) {
  for (const char* path : {"/run/x:y/log.json", "file:/x", "journal:x"}) {
    const auto log = LogSocket::connect(path, places());
    ASSERT_OK(log);
    EXPECT_FALSE(log->has_value()) << path;
  }
  EXPECT_ERROR(LogSocket::connect("journald:x", {"/nonexistent", "/nonexistent"}), ErrorKind::not_found,
               HasSubstr("--log journald:x: connect to /nonexistent"));
  EXPECT_FALSE(LogSocket::connect("syslog:a\nb", places()));
}

}  // namespace
}  // namespace gantry::runtime
