#pragma once

#include "base/result.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::controlplane {

// One record put (with a value) or deleted (without).
struct StoredChange {
  std::string table;
  std::string key;
  std::optional<std::string> value;
};

// Where records outlive the process. Narrow on purpose: SQLite today, etcd for several control planes later.
class Store {
 public:
  using Visit =
      std::function<Result<void>(std::string_view table, std::string_view key, std::string_view value)>;

  virtual ~Store() = default;
  // Visits every record once; stops at the first error.
  virtual Result<void> load(const Visit& visit) = 0;
  // All of the changes or none, in order; on return they survive a power cut.
  virtual Result<void> append(const std::vector<StoredChange>& changes) = 0;
};

// A database file in `directory` (made 0700 if missing), WAL mode, synchronous=FULL, and a lock file beside
// it. Errors: conflict when another process has this directory open; corrupt when the file isn't our
// database.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& directory);

// Keeps records as long as the process lives; `fail_next` makes the next append fail, for tests.
class MemoryStore final : public Store {
 public:
  Result<void> load(const Visit& visit) override;
  Result<void> append(const std::vector<StoredChange>& changes) override;
  bool fail_next = false;

 private:
  std::map<std::pair<std::string, std::string>, std::string> records_;
};

}  // namespace gantry::controlplane
