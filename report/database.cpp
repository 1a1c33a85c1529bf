#include "report/database.hpp"

#include <sqlite3.h>

#include <cerrno>

namespace assay::report {
namespace {

constexpr int kBusyTimeout_ms = 5000;

ErrorCode code_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::denied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::busy;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::exhausted;
    case SQLITE_NOTADB:
      return ErrorCode::invalid;
    default:
      return ErrorCode::io;
  }
}

std::string_view advice_for(int code) {
  switch (code & 0xFF) {
    case SQLITE_NOTADB:
      return "give another file with --store, or ASSAY_STORE";
    case SQLITE_CORRUPT:
      return "move the file away; a new one is made";
    case SQLITE_READONLY:
      return "give a writable file with --store, or ASSAY_STORE";
    case SQLITE_BUSY:
      return "try again";
    case SQLITE_FULL:
      return "free some space there";
    default:
      return "";
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Failure Database::failure(std::string_view operation, int code) const {
  const int system_errno = sqlite3_system_errno(handle_.get());
  // SQLite reports only "unable to open database file"; the errno says why.
  if ((code & 0xFF) == SQLITE_CANTOPEN && system_errno != 0) {
    return fail_errno(system_errno, operation, path_, "give another file with --store");
  }
  if ((code & 0xFF) == SQLITE_IOERR &&
      (system_errno == ENOSPC || system_errno == EFBIG || system_errno == EDQUOT)) {
    return fail_errno(system_errno, operation, path_, "free some space there");
  }
  return fail(code_of(code), operation, path_, sqlite3_errmsg(handle_.get()), advice_for(code));
}

Expected<Database> Database::open(const std::string& path) {
  Database database;
  database.path_ = path;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, nullptr);
  database.handle_.reset(handle);
  if (handle == nullptr) return fail(ErrorCode::exhausted, "open store", path, "out of memory");
  if (code != SQLITE_OK) return database.failure("open store", code);
  sqlite3_busy_timeout(handle, kBusyTimeout_ms);
  // A store that somebody else wrote must not make us run code of theirs.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Expected<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return failure("query store", code);
  return Statement(*this, statement);
}

Expected<void> Database::run(const char* sql) const {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure("change store", code);
  return {};
}

Expected<std::int64_t> Database::pragma(std::string_view name) const {
  auto statement = prepare("PRAGMA " + std::string(name));
  if (!statement) return std::unexpected(statement.error());
  auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->number(0) : 0;
}

Statement& Statement::bind(int index, std::string_view text) {
  const int code = sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  const int code = sqlite3_bind_int64(statement_.get(), index, number);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Expected<bool> Statement::step() {
  if (bound_ != SQLITE_OK) return database_->failure("bind a value", bound_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->failure("use store", code);
}

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr) return {};
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

}  // namespace assay::report
