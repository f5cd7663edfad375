#include "controlplane/store.h"

#include "base/files.h"
#include "tests/support/results.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gantry::controlplane {
namespace {

using testing::HasSubstr;
using Records = std::map<std::string, std::string>;

Records read(Store& store) {
  Records records;
  const auto loaded = store.load([&](std::string_view table, std::string_view key, std::string_view value) {
    records[std::string(table) + "/" + std::string(key)] = value;
    return Result<void>();
  });
  EXPECT_OK(loaded);
  return records;
}

class SqliteStore : public testing::Test {
 protected:
  std::unique_ptr<Store> open() {
    auto store = open_sqlite_store(directory_);
    EXPECT_OK(store);
    return store ? std::move(*store) : nullptr;
  }

  TemporaryDirectory temporary_ = *TemporaryDirectory::make();
  std::string directory_ = join_path(temporary_.path(), "state");
};

TEST_F(SqliteStore, KeepsWhatWasAppended) {
  {
    const auto store = open();
    ASSERT_OK(store->append({{"task", "a", "1"}, {"task", "b", "2"}, {"cluster", "a", "3"}}));
    ASSERT_OK(store->append({{"task", "b", std::nullopt}, {"task", "a", "4"}}));
  }
  const auto store = open();
  EXPECT_EQ(read(*store), (Records{{"task/a", "4"}, {"cluster/a", "3"}}));
}

TEST_F(SqliteStore, KeepsWhatAKilledProcessHadAppended) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = open_sqlite_store(directory_);
    if (!store || !(*store)->append({{"task", "a", "1"}})) _exit(1);
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child could not append";
  EXPECT_EQ(read(*open()), (Records{{"task/a", "1"}}));
}

TEST_F(SqliteStore, IsOpenOnce) {
  const auto store = open();
  EXPECT_ERROR(open_sqlite_store(directory_), ErrorKind::conflict, HasSubstr(directory_));
}

TEST_F(SqliteStore, IsReadableByItsOwnerOnly) {
  const auto store = open();
  ASSERT_OK(store->append({{"task", "a", "1"}}));
  for (const auto* name : {"control.db", "control.db-wal"}) {
    struct stat file {};
    ASSERT_EQ(stat(join_path(directory_, name).c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 0777, 0600) << name;
  }
}

TEST_F(SqliteStore, RefusesAFileThatIsNotItsOwn) {
  ASSERT_OK(make_directories(directory_));
  ASSERT_OK(write_file(join_path(directory_, "control.db"), std::string(4096, 'x')));
  EXPECT_ERROR(open_sqlite_store(directory_), ErrorKind::corrupt, HasSubstr("control.db"));
}

}  // namespace
}  // namespace gantry::controlplane
