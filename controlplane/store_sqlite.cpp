#include "base/files.h"
#include "base/lock.h"
#include "controlplane/store.h"

#include <fcntl.h>
#include <sqlite3.h>

// One table of records, because the model in memory has the indexes and answers the questions. WAL with
// synchronous=FULL syncs the log once a transaction, before it is acknowledged. https://sqlite.org/wal.html

namespace gantry::controlplane {
namespace {

constexpr int our_application_id = 0x676e7472;  // "gntr"
constexpr int format_version = 1;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Error failure(sqlite3* database, std::string_view what, const std::string& path) {
  const int code = sqlite3_errcode(database);
  const bool corrupt = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return Error::make(corrupt ? ErrorKind::corrupt : ErrorKind::system, "{}: {}: {}", path, what,
                     sqlite3_errmsg(database));
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::string path, FileLock lock, Database database)
      : path_(std::move(path)), lock_(std::move(lock)), database_(std::move(database)) {}

  Result<void> load(const Visit& visit) override;
  Result<void> append(const std::vector<StoredChange>& changes) override;
  Result<void> prepare();

 private:
  Result<void> execute(const char* sql);
  Result<int> number(const char* sql);
  Result<Statement> compile(const char* sql);
  Result<void> write(const StoredChange& change);

  std::string path_;
  FileLock lock_;
  Database database_;
  Statement put_;
  Statement remove_;
};

Result<void> SqliteStore::execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure(database_.get(), sql, path_);
}

Result<Statement> SqliteStore::compile(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) {
    return failure(database_.get(), sql, path_);
  }
  return Statement(statement);
}

Result<int> SqliteStore::number(const char* sql) {
  const auto statement = TRY(compile(sql));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return failure(database_.get(), sql, path_);
  return sqlite3_column_int(statement.get(), 0);
}

Result<void> SqliteStore::prepare() {
  const int application = TRY(number("PRAGMA application_id"));
  const int version = TRY(number("PRAGMA user_version"));
  const bool is_new = TRY(number("SELECT count(*) FROM sqlite_master")) == 0;
  if (!is_new && application != our_application_id) {
    return Error::make(ErrorKind::corrupt, "{}: not a database of this program", path_);
  }
  if (!is_new && version != format_version) {
    return Error::make(ErrorKind::unsupported, "{}: has format {}, this version reads {}", path_, version,
                       format_version);
  }
  TRY(execute("PRAGMA journal_mode=WAL"));
  TRY(execute("PRAGMA synchronous=FULL"));
  TRY(execute(
      format("BEGIN IMMEDIATE;"
             "CREATE TABLE IF NOT EXISTS record (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
             " PRIMARY KEY (kind, key)) WITHOUT ROWID;"
             "PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
             our_application_id, format_version)
          .c_str()));
  put_ = TRY(compile("INSERT OR REPLACE INTO record (kind, key, value) VALUES (?1, ?2, ?3)"));
  remove_ = TRY(compile("DELETE FROM record WHERE kind = ?1 AND key = ?2"));
  return {};
}

std::string_view text_column(sqlite3_stmt* statement, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement, column))};
}

Result<void> SqliteStore::load(const Visit& visit) {
  const auto statement = TRY(compile("SELECT kind, key, value FROM record"));
  int step = 0;
  while ((step = sqlite3_step(statement.get())) == SQLITE_ROW) {
    TRY(visit(text_column(statement.get(), 0), text_column(statement.get(), 1),
              text_column(statement.get(), 2))
            .context("{}", path_));
  }
  if (step != SQLITE_DONE) return failure(database_.get(), "read records", path_);
  return {};
}

void bind(sqlite3_stmt* statement, int index, const std::string& text) {
  sqlite3_bind_text64(statement, index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

Result<void> SqliteStore::write(const StoredChange& change) {
  auto* statement = change.value ? put_.get() : remove_.get();
  bind(statement, 1, change.table);
  bind(statement, 2, change.key);
  if (change.value) bind(statement, 3, *change.value);
  const int step = sqlite3_step(statement);
  // The message is the connection's; read it before the reset.
  auto error =
      step == SQLITE_DONE ? std::nullopt : std::optional(failure(database_.get(), "write record", path_));
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (error) return std::move(*error);
  return {};
}

Result<void> SqliteStore::append(const std::vector<StoredChange>& changes) {
  if (changes.empty()) return {};
  TRY(execute("BEGIN IMMEDIATE"));
  Result<void> done;
  for (const auto& change : changes) {
    done = write(change);
    if (!done) break;
  }
  if (done) done = execute("COMMIT");
  // A failed COMMIT may have ended the transaction by itself; ROLLBACK then only says that there is none.
  if (!done && sqlite3_get_autocommit(database_.get()) == 0) (void)execute("ROLLBACK");
  return done;
}

// SQLite would make the files 0644; the WAL and the index take the mode of the database.
Result<void> make_private_file(const std::string& path) {
  TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory) {
  TRY(make_directories(directory));
  auto lock = TRY(FileLock::try_acquire(join_path(directory, "control.lock")));
  if (!lock) return Error::make(ErrorKind::conflict, "{}: another control plane has it open", directory);
  const auto path = join_path(directory, "control.db");
  TRY(make_private_file(path));
  sqlite3* raw = nullptr;
  const int opened =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database(raw);
  if (opened != SQLITE_OK) return failure(raw, "open", path);
  auto store = std::make_unique<SqliteStore>(path, std::move(*lock), std::move(database));
  TRY(store->prepare());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace gantry::controlplane
