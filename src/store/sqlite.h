// SQLite as the store uses it: a database, statements, and errors as Result. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::store {

class Statement {
 public:
  Statement& bind(int place, std::int64_t value);
  Statement& bind_text(int place, std::string_view value);  // bytes of any kind, as a blob
  // True: there is a row. Resets and clears what was bound at the end.
  Result<bool> step();
  void reset();
  std::int64_t number(int column) const;
  std::string_view text(int column) const;  // until the next step

 private:
  friend class Database;
  struct Finish {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finish> statement_;
};

class Database {
 public:
  enum class Mode : std::uint8_t { read, write };

  // ":memory:" for one that nobody else sees. Waits `patience_ms` where another process writes.
  static Result<Database> open(const std::string& path, Mode mode, int patience_ms);

  Result<Statement> prepare(std::string_view sql);
  Result<> run(std::string_view sql);                 // without answers
  Result<std::int64_t> number(std::string_view sql);  // the first column of the first row; 0: none
  int changes() const;                                // rows of the last statement

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

// Runs to its end a statement that answers nothing; whole numbers and bytes in the order of its
// places.
Result<> finish(Result<Statement> statement, const auto&... values) {
  if (!statement) return std::unexpected(statement.error());
  int place = 0;
  const auto bind = [&]<class T>(const T& value) {
    if constexpr (std::is_integral_v<T>)
      statement->bind(++place, static_cast<std::int64_t>(value));
    else
      statement->bind_text(++place, value);
  };
  (bind(values), ...);
  const auto stepped = statement->step();
  if (!stepped) return std::unexpected(stepped.error());
  return {};
}

// The history's file, for a table of others beside its own: `schema` makes that where it is missing.
// Fails where there is no history yet: it makes the file first, and in an empty one it would take
// the table for another program's.
Result<Database> open_beside_history(const std::string& path, std::string_view schema);

// The file's bytes are not what SQLite wrote.
bool is_damage(const Error& error);

}  // namespace weir::store
