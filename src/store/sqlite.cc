#include "store/sqlite.h"

#include <sqlite3.h>

#include <filesystem>
#include <system_error>

namespace weir::store {
namespace {

std::unexpected<Error> failure(sqlite3* database, int code) {
  const ErrorKind kind = [&] {
    switch (code & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return ErrorKind::busy;
      case SQLITE_FULL:
        return ErrorKind::full;
      case SQLITE_READONLY:
      case SQLITE_PERM:
      case SQLITE_AUTH:
        return ErrorKind::permission;
      case SQLITE_CORRUPT:
      case SQLITE_NOTADB:
        return ErrorKind::invalid;
      case SQLITE_CANTOPEN:
        return ErrorKind::not_found;
      default:
        return ErrorKind::io;
    }
  }();
  return fail(kind, database == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(database),
              Origin::system, kind == ErrorKind::busy);
}

}  // namespace

void Statement::Finish::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int place, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), place, value);
  return *this;
}

Statement& Statement::bind_text(int place, std::string_view value) {
  sqlite3_bind_blob(statement_.get(), place, value.empty() ? "" : value.data(),
                    static_cast<int>(value.size()), SQLITE_TRANSIENT);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3* const database = sqlite3_db_handle(statement_.get());
  if (code != SQLITE_DONE) {
    auto failed = failure(database, code);
    reset();
    return failed;
  }
  reset();
  return false;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr
             ? std::string_view()
             : std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<Database> Database::open(const std::string& path, Mode mode, int patience_ms) {
  const int flags = mode == Mode::read ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                                       : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database;
  database.database_.reset(raw);
  if (code != SQLITE_OK) return failure(raw, code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, patience_ms);
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return failure(database_.get(), code);
  Statement statement;
  statement.statement_.reset(raw);
  return statement;
}

Result<> Database::run(std::string_view sql) {
  const int code =
      sqlite3_exec(database_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(database_.get(), code);
  return {};
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->number(0) : 0;
}

int Database::changes() const { return sqlite3_changes(database_.get()); }

Result<Database> open_beside_history(const std::string& path, std::string_view schema) {
  constexpr int kPatienceMs = 5000;
  const auto no_history = [] {
    return fail(ErrorKind::not_found, "there is no history yet", Origin::system);
  };
  if (std::error_code error; !std::filesystem::exists(path, error)) return no_history();
  auto database = Database::open(path, Database::Mode::write, kPatienceMs);
  if (!database) return database;
  const auto ready =
      database->number("SELECT count(*) FROM sqlite_master WHERE name = 'revisions'");
  if (!ready) return std::unexpected(ready.error());
  if (*ready == 0) return no_history();
  auto made = database->run("PRAGMA synchronous = FULL");
  if (made) made = database->run(schema);
  if (!made) return std::unexpected(made.error());
  return database;
}

bool is_damage(const Error& error) { return error.kind == ErrorKind::invalid; }

}  // namespace weir::store
