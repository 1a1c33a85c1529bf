// Owners of an SQLite connection and statement. Internal to report/.
//
// One thread at a time. Errors: denied (read-only), busy (another writer for over 5 s), exhausted
// (disk full), invalid (no database), io (damaged, or what a device answered).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace assay::report {

class Database;

// One prepared statement; valid while its Database lives.
class Statement {
 public:
  Statement& bind(int index, std::string_view text);  // 1-based; the text must outlive step()
  Statement& bind(int index, std::int64_t number);
  // True: there is a row. False: done.
  Expected<bool> step();
  std::string text(int column) const;  // 0-based; null gives ""
  std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(const Database& database, sqlite3_stmt* statement)
      : database_(&database), statement_(statement) {}
  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;  // SQLite's answer to the first bind() that failed
};

class Database {
 public:
  // Creates the file when missing. The file is not looked into before the first statement.
  static Expected<Database> open(const std::string& path);

  Expected<Statement> prepare(std::string_view sql) const;
  // Runs statements that give no rows.
  Expected<void> run(const char* sql) const;
  // The answer of a pragma that is one number.
  Expected<std::int64_t> pragma(std::string_view name) const;

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  Failure failure(std::string_view operation, int code) const;
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

}  // namespace assay::report
