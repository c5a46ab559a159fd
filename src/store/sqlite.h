// SQLite as the store uses it: a database, statements, and errors as Result. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

// The file's bytes are not what SQLite wrote.
bool is_damage(const Error& error);

}  // namespace weir::store
