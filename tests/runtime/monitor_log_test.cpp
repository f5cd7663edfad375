#include "runtime/monitor_log.h"

#include "base/files.h"
#include "base/text.h"
#include "runtime/monitor_journal.h"
#include "tests/support/results.h"

#include <cstring>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::runtime {
namespace {

using testing::HasSubstr;

std::vector<LogEntry> entries(const std::string& path, LogDriver driver = LogDriver::json_file) {
  std::vector<LogEntry> entries;
  const auto parse = driver == LogDriver::cri ? parse_cri_log_entry : parse_log_entry;
  for (const auto& line : split(read_file(path).value_or(""), '\n')) {
    if (line.empty()) continue;
    auto entry = parse(line, path);
    EXPECT_OK(entry);
    if (entry) entries.push_back(std::move(entry).value());
  }
  return entries;
}

class Log : public testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryDirectory::make();
    ASSERT_OK(made);
    folder_.emplace(std::move(made).value());
    path_ = folder_->path() + "/json.log";
  }
  LogWriter open(uint64_t maximum_size = 0, uint32_t maximum_files = 1,
                 LogDriver driver = LogDriver::json_file) {
    LogWriter log({driver, path_, maximum_size, maximum_files, {}});
    EXPECT_OK(log.open());
    return log;
  }
  std::optional<TemporaryDirectory> folder_;
  std::string path_;
  TimePoint now_ = parse_rfc3339("2026-11-24T11:01:05.123456789Z").value_or({});
};

TEST_F(Log, LinesOfBothStreamsAreEntries) {
  auto log = open();
  log.write(Stream::output, "one\ntw", now_);
  log.write(Stream::errors, "oops\n", now_);
  log.write(Stream::output, "o\nthree", now_);
  log.flush(now_);
  EXPECT_EQ(split(read_file(path_).value_or(""), '\n')[0],
            R"({"log":"one\n","stream":"stdout","time":"2026-11-24T11:01:05.123456789Z"})");
  const auto all = entries(path_);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].log, "oops\n");
  EXPECT_EQ(all[1].stream, "stderr");
  EXPECT_EQ(all[2].log, "two\n");
  EXPECT_EQ(all[3].log, "three");
}

TEST_F(Log, AnyBytesGiveValidJson) {
  using namespace std::string_literals;
  auto log = open();
  log.write(Stream::output, "\"\\\t\x01\0\x7f\xc3\xa9|\xff|\xed\xa0\x80\n"s, now_);
  const auto all = entries(path_);
  ASSERT_EQ(all.size(), 1u);
  const auto lost = "\xef\xbf\xbd"s;
  EXPECT_EQ(all[0].log, "\"\\\t\x01\0\x7f\xc3\xa9|"s + lost + "|" + lost + lost + lost + "\n");
}

TEST(LogEntries, ForeignEscapesAreRead) {
  const auto entry =
      parse_log_entry(R"({"log":"\u0041\ud83d\ude00\/\b","stream":"stdout","time":"t","attrs":"x"})", "log");
  ASSERT_OK(entry);
  EXPECT_EQ(entry->log, "A\xf0\x9f\x98\x80/\b");
  for (const auto* broken : {"", "{", R"({"log":"a)", R"({"log":"\x","stream":"s","time":"t"})",
                             R"({"log":"a"})", R"({"log":"\ud83d","stream":"s","time":"t"})"}) {
    EXPECT_ERROR(parse_log_entry(broken, "json.log"), ErrorKind::corrupt, HasSubstr("json.log"));
  }
}

TEST_F(Log, LongLinesComeInPartsThatKeepCharactersWhole) {
  auto log = open();
  std::string line = "x";
  for (int i = 0; i < 20000; ++i) line += "\xc3\xa9";
  log.write(Stream::output, line + "\n", now_);
  std::string joined;
  for (const auto& entry : entries(path_)) {
    EXPECT_LE(entry.log.size(), 16384u);
    joined += entry.log;
  }
  EXPECT_EQ(joined, line + "\n");
}

TEST_F(Log, RotatesBySizeAndKeepsSoMany) {
  auto log = open(200, 3);
  for (int i = 0; i < 20; ++i) log.write(Stream::output, format("line {}\n", i), now_);
  EXPECT_EQ(entries(path_).back().log, "line 19\n");
  EXPECT_TRUE(path_exists(path_ + ".1"));
  EXPECT_TRUE(path_exists(path_ + ".2"));
  EXPECT_FALSE(path_exists(path_ + ".3"));
  EXPECT_EQ(entries(path_ + ".1").back().log, format("line {}\n", 19 - entries(path_).size()));
  for (const auto& name : {path_, path_ + ".1", path_ + ".2"}) {
    EXPECT_LE(read_file(name).value_or("").size(), 200u) << name;
  }
}

TEST_F(Log, FullDiskCostsCountedLinesOnly) {
  LogWriter log({LogDriver::json_file, "/dev/full", 0, 1, {}});
  ASSERT_OK(log.open());
  log.write(Stream::output, "a\nb\n", now_);
  EXPECT_EQ(log.lost_lines(), 2u);
}

TEST_F(Log, CriLinesSayWhetherTheyAreWhole) {
  auto log = open(0, 1, LogDriver::cri);
  log.write(Stream::output, "one\n", now_);
  log.write(Stream::errors, std::string(16384, 'x') + "y\n\xff", now_);
  log.flush(now_);
  const auto lines = split(read_file(path_).value_or(""), '\n');
  ASSERT_EQ(lines.size(), 5u);
  const std::string time = "2026-11-24T11:01:05.123456789Z";
  EXPECT_EQ(lines[0], time + " stdout F one");
  EXPECT_EQ(lines[1], time + " stderr P " + std::string(16384, 'x'));
  EXPECT_EQ(lines[2], time + " stderr F y");
  EXPECT_EQ(lines[3], time + " stderr P \xff") << "no newline came, and bytes stay as they are";
}

TEST(LogEntries, CriLinesAreRead) {
  const auto whole = parse_cri_log_entry("2016-10-06T00:17:09.669794202+02:00 stderr F:more a  b ", "log");
  ASSERT_OK(whole);
  EXPECT_EQ(whole->log, "a  b \n");
  EXPECT_EQ(whole->stream, "stderr");
  EXPECT_EQ(whole->time, "2016-10-06T00:17:09.669794202+02:00");
  const auto part = parse_cri_log_entry("t stdout P ", "log");
  ASSERT_OK(part);
  EXPECT_EQ(part->log, "");
  for (const auto* broken : {"", "t", "t stdout F", "t stdout X a", "t out F a", " stdout F a"}) {
    EXPECT_ERROR(parse_cri_log_entry(broken, "cri.log"), ErrorKind::corrupt, HasSubstr("cri.log"));
  }
}

// Lines of many lengths, written in pieces that end anywhere, into files of 2 KB.
// Each rotation looks only at the files that are there.
TEST_F(Log, ALimitOfBillionsOfFilesCostsNothing) {
  auto log = open(100, UINT32_MAX);
  for (int i = 0; i < 5; ++i) log.write(Stream::output, std::string(80, 'x') + "\n", now_);
  log.flush(now_);
  EXPECT_TRUE(path_exists(path_ + ".4"));
  EXPECT_FALSE(path_exists(path_ + ".5"));
}

TEST_F(Log, RotationNeitherLosesNorSplitsARecord) {
  for (const auto driver : {LogDriver::json_file, LogDriver::cri}) {
    path_ = folder_->path() + (driver == LogDriver::cri ? "/cri" : "/json");
    auto log = open(2000, 1000, driver);
    std::string all;
    for (size_t i = 0; i < 500; ++i) all += format("{} {}\n", i, std::string(i * 37 % 300, 'x'));
    for (size_t at = 0, size = 1; at < all.size(); at += size, size = size * 7 % 1009) {
      log.write(Stream::output, std::string_view(all).substr(at, size), now_);
    }
    std::string joined;
    size_t files = 0;
    while (path_exists(format("{}.{}", path_, files + 1))) ++files;
    EXPECT_GT(files, 20u);
    for (size_t i = files + 1; i-- > 0;) {
      const auto name = i == 0 ? path_ : format("{}.{}", path_, i);
      EXPECT_LE(read_file(name).value_or("").size(), 2000u) << name;
      for (const auto& entry : entries(name, driver)) joined += entry.log;
    }
    EXPECT_EQ(joined, all);
    EXPECT_EQ(log.lost_lines(), 0u);
  }
}

TEST_F(Log, OneFileIsReplacedSoThatAFollowerSeesIt) {
  auto log = open(100, 1);
  log.write(Stream::output, "first\n", now_);
  const UniqueFd follower = open_file(path_, O_RDONLY).value_or({});
  log.write(Stream::output, "second\n", now_);
  struct stat before {
  }, after{};
  ASSERT_EQ(fstat(follower.get(), &before), 0);
  ASSERT_EQ(stat(path_.c_str(), &after), 0);
  EXPECT_NE(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_size > 0, true) << "what the follower hasn't read yet is still there";
  ASSERT_EQ(entries(path_).size(), 1u);
  EXPECT_EQ(entries(path_)[0].log, "second\n");
  EXPECT_FALSE(path_exists(path_ + ".1"));
}

TEST_F(Log, TornEndOfAKilledMonitorIsCutOff) {
  ASSERT_OK(write_file(path_, "2026-11-24T11:01:05Z stdout F whole\n2026-11-24T11:01:05Z stdout F to"));
  auto log = open(0, 1, LogDriver::cri);
  log.write(Stream::output, "next\n", now_);
  const auto all = entries(path_, LogDriver::cri);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].log, "whole\n");
  EXPECT_EQ(all[1].log, "next\n");
  EXPECT_EQ(log.lost_lines(), 1u);
}

TEST_F(Log, FloodWithoutNewlinesTakesNoMemory) {
  auto log = open(size_t{64} << 10, 2);
  const std::string chunk(size_t{1} << 20, 'y');
  for (int i = 0; i < 4; ++i) log.write(Stream::output, chunk, now_);
  EXPECT_LE(log.progress().begun[0].size(), 16384u);
  EXPECT_EQ(log.lost_lines(), 0u);
}

// A tmpfs of 64 KiB that a test fills up.
class SmallDisk : public Log {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    Log::SetUp();
    disk_ = folder_->path() + "/disk";
    ASSERT_OK(make_directories(disk_));
    ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=64k"), 0);
    path_ = disk_ + "/log";
  }
  void TearDown() override {
    if (!disk_.empty()) ::umount2(disk_.c_str(), MNT_DETACH);
  }
  std::string disk_;
};

TEST_F(SmallDisk, CostsWholeCountedRecordsAndNothingElse) {
  auto log = open();
  uint64_t written = 0;
  for (; log.lost_lines() == 0 && written < 10'000; ++written) {
    log.write(Stream::output, format("line {} {}\n", written, std::string(100, 'x')), now_);
  }
  ASSERT_GT(log.lost_lines(), 0u) << "the disk is full";
  const auto kept = entries(path_).size();  // and each of them can be read
  EXPECT_EQ(kept + log.lost_lines(), written);
  ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", MS_REMOUNT, "size=1m"), 0);
  const auto lost = log.lost_lines();
  log.write(Stream::output, "room again\n", now_);
  EXPECT_EQ(entries(path_).back().log, "room again\n");
  EXPECT_EQ(log.lost_lines(), lost);
}

TEST_F(SmallDisk, RotationMovesNothingWhenThereIsNoRoomForANewFile) {
  auto log = open(1000, 3);
  for (int i = 0; i < 30; ++i) log.write(Stream::output, format("line {}\n", i), now_);
  const auto oldest = entries(path_ + ".2").at(0).log;
  ASSERT_EQ(::mount("tmpfs", disk_.c_str(), "tmpfs", MS_REMOUNT, "size=64k,nr_inodes=4"), 0);
  for (int i = 0; i < 100; ++i) log.write(Stream::output, format("more {}\n", i), now_);
  EXPECT_EQ(entries(path_ + ".2").at(0).log, oldest);
  EXPECT_FALSE(path_exists(path_ + ".new"));
}

// What journald would see, at a socket of the test's own.
class Journal : public Log {
 protected:
  void SetUp() override {
    Log::SetUp();
    path_ = folder_->path() + "/socket";
    listen();
  }
  void listen() {
    (void)remove_file(path_);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path_.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  LogWriter writer() {
    LogWriter log({LogDriver::journald,
                   path_,
                   0,
                   1,
                   {{"CONTAINER_ID", "0123456789ab"},
                    {"CONTAINER_ID_FULL", std::string(64, 'a')},
                    {"CONTAINER_NAME", "web"},
                    {"CONTAINER_TAG", "tag"}}});
    EXPECT_OK(log.open());
    return log;
  }
  // The next record; of a memfd, when one came.
  std::map<std::string, std::string> receive() {
    std::string buffer(1 << 18, 0);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t length = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (length < 0) return {};
    const auto* header = CMSG_FIRSTHDR(&message);
    came_as_file_ = header != nullptr;
    if (header == nullptr) return parse(std::string_view(buffer).substr(0, static_cast<size_t>(length)));
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    const UniqueFd file(fd);
    EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
    return parse(read_all(file).value_or(""));
  }
  static std::map<std::string, std::string> parse(std::string_view text) {
    std::map<std::string, std::string> fields;
    while (!text.empty()) {
      const auto name = text.substr(0, text.find('\n'));
      uint64_t size = 0;
      std::memcpy(&size, text.data() + name.size() + 1, sizeof size);
      fields[std::string(name)] = text.substr(name.size() + 9, size);
      text.remove_prefix(name.size() + 9 + size + 1);
    }
    return fields;
  }
  UniqueFd socket_;
  bool came_as_file_ = false;
};

TEST_F(Journal, RecordsCarryTheContainersFields) {
  auto log = writer();
  log.write(Stream::output, "hello\n", now_);
  log.write(Stream::errors, "oo\xffps\n", now_);
  auto record = receive();
  EXPECT_EQ(record["MESSAGE"], "hello");
  EXPECT_EQ(record["PRIORITY"], "6");
  EXPECT_EQ(record["CONTAINER_ID"], "0123456789ab");
  EXPECT_EQ(record["CONTAINER_ID_FULL"], std::string(64, 'a'));
  EXPECT_EQ(record["CONTAINER_NAME"], "web");
  EXPECT_EQ(record["CONTAINER_TAG"], "tag");
  EXPECT_FALSE(record.contains("CONTAINER_PARTIAL_MESSAGE"));
  record = receive();
  EXPECT_EQ(record["MESSAGE"], "oo\xffps");
  EXPECT_EQ(record["PRIORITY"], "3");
}

TEST_F(Journal, PartsOfALineSaySo) {
  auto log = writer();
  log.write(Stream::output, std::string(16384, 'x') + "rest\n", now_);
  auto part = receive();
  EXPECT_EQ(part["MESSAGE"], std::string(16384, 'x'));
  EXPECT_EQ(part["CONTAINER_PARTIAL_MESSAGE"], "true");
  auto rest = receive();
  EXPECT_EQ(rest["MESSAGE"], "rest");
  EXPECT_FALSE(rest.contains("CONTAINER_PARTIAL_MESSAGE"));
}

TEST_F(Journal, LargeRecordsComeAsSealedFiles) {
  auto journal = JournalSocket::connect(path_);
  ASSERT_OK(journal);
  std::string record;
  append_journal_field(record, "MESSAGE", std::string(size_t{4} << 20, 'm'));
  ASSERT_OK(journal->send(record, std::chrono::milliseconds(0)));
  EXPECT_EQ(receive()["MESSAGE"].size(), size_t{4} << 20);
  EXPECT_TRUE(came_as_file_);
}

TEST_F(Journal, OneThatReadsNothingCostsCountedRecordsAndLittleTime) {
  auto log = writer();
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "line\n";
  const auto begin = std::chrono::steady_clock::now();
  log.write(Stream::output, lines, now_);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  uint64_t kept = 0;
  while (!receive().empty()) ++kept;
  EXPECT_EQ(kept + log.lost_lines(), 5000u);
  EXPECT_GT(log.lost_lines(), 0u);
  log.write(Stream::output, "again\n", now_);
  EXPECT_EQ(receive()["MESSAGE"], "again");
}

TEST_F(Journal, RestartIsFollowed) {
  auto log = writer();
  listen();
  log.write(Stream::output, "to the new one\n", now_);
  EXPECT_EQ(receive()["MESSAGE"], "to the new one");
  socket_.reset();
  log.write(Stream::output, "to nobody\n", now_);
  EXPECT_EQ(log.lost_lines(), 1u);
}

TEST_F(Journal, MissingJournalIsAnErrorAtTheStart) {
  LogWriter log({LogDriver::journald, folder_->path() + "/nosuch", 0, 1, {}});
  EXPECT_ERROR(log.open(), ErrorKind::not_found, HasSubstr("journald"));
}

}  // namespace
}  // namespace gantry::runtime
