#include "store/caller_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "fmt/core.h"

namespace weir::store {
namespace {

constexpr int kVersion = 1, kPatienceMs = 2000;
constexpr std::int64_t kApplication = 0x77656972;  // "weir"
constexpr std::uint64_t kPage = 4096, kJournal = 8ull << 20;
constexpr int kMostSetAside = 99;

constexpr std::string_view kSchema =
    "CREATE TABLE callers(key BLOB PRIMARY KEY, rank INTEGER NOT NULL, last_seen INTEGER NOT NULL, "
    "requests INTEGER NOT NULL, refused INTEGER NOT NULL, last_refused INTEGER NOT NULL, "
    "entry BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE logs(id INTEGER PRIMARY KEY, length INTEGER NOT NULL, digest INTEGER NOT NULL, "
    "name BLOB NOT NULL, until INTEGER NOT NULL, entries INTEGER NOT NULL, "
    "lines INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE span(id INTEGER PRIMARY KEY CHECK(id = 1), first INTEGER NOT NULL, "
    "last INTEGER NOT NULL);";

// For an URI: what would end the path is escaped.
std::string uri_of(const std::string& path, std::string_view rest) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + std::string(rest);
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<> check_version(std::int64_t version) {
  if (version == kVersion) return {};
  return fail(ErrorKind::permission,
              fmt::format("it is of version {}, this weir writes {}; it is left as it is", version,
                          kVersion),
              Origin::system);
}

// The one change for which SQLite does not wait until another process is done with it; so wait
// with one for which it does.
Result<> use_journal(Database& database) {
  Result<> done = database.run("PRAGMA journal_mode = WAL");
  for (int tries = 0; !done && done.error().kind == ErrorKind::busy && tries < 20; ++tries) {
    if (database.run("BEGIN IMMEDIATE")) (void)database.run("COMMIT");
    done = database.run("PRAGMA journal_mode = WAL");
  }
  return done;
}

// Whether it was empty, and is made now. Another process may be at it too.
Result<bool> begin_file(Database& database) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  const auto tables = database.number("SELECT count(*) FROM sqlite_master");
  const auto version = database.number("PRAGMA user_version");
  Result<> done;
  const bool empty = tables && version && *tables == 0 && *version == 0;
  if (!tables)
    done = std::unexpected(tables.error());
  else if (empty)
    done = database.run(fmt::format("{} PRAGMA application_id = {}; PRAGMA user_version = {};",
                                    kSchema, kApplication, kVersion));
  const Result<> ended = database.run(done ? "COMMIT" : "ROLLBACK");
  if (!done) return std::unexpected(done.error());
  if (!ended) return std::unexpected(ended.error());
  return empty;
}

// Files of before have no such column. Another process may be at it too.
Result<> add_lines(Database& database) {
  const auto has = [&] {
    return database.number("SELECT count(*) FROM pragma_table_info('logs') WHERE name = 'lines'");
  };
  if (const auto there = has(); !there || *there != 0)
    return there ? Result<>() : std::unexpected(there.error());
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return begun;
  const auto there = has();
  Result<> done;
  if (!there)
    done = std::unexpected(there.error());
  else if (*there == 0)
    done = database.run("ALTER TABLE logs ADD COLUMN lines INTEGER NOT NULL DEFAULT 0");
  const Result<> ended = database.run(done ? "COMMIT" : "ROLLBACK");
  return done ? ended : done;
}

Result<> prepare_file(Database& database, std::uint64_t most_bytes) {
  if (auto journal = use_journal(database); !journal) return journal;
  for (const std::string& setting :
       {std::string("PRAGMA synchronous = NORMAL"),
        fmt::format("PRAGMA journal_size_limit = {}", kJournal),
        std::string("PRAGMA cache_size = -4096"), std::string("PRAGMA temp_store = MEMORY"),
        fmt::format("PRAGMA max_page_count = {}", (most_bytes - kJournal) / kPage)}) {
    if (auto set = database.run(setting); !set) return set;
  }
  const auto made = begin_file(database);
  if (!made) return std::unexpected(made.error());
  if (*made) return {};
  const auto version = database.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (auto fits = check_version(*version); !fits) return fits;
  auto check = database.prepare("PRAGMA quick_check(1)");
  if (!check) return std::unexpected(check.error());
  const auto row = check->step();
  if (!row) return std::unexpected(row.error());
  if (*row && check->text(0) == "ok") {
    check->reset();
    return add_lines(database);
  }
  return fail(ErrorKind::invalid, std::string(check->text(0)), Origin::system);
}

}  // namespace

Result<Database> open_caller_file(const std::string& path, std::uint64_t most_bytes) {
  if (path != ":memory:") {
    // Only where there is none: closing a file that SQLite has open would drop its locks.
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno != EEXIST)
      return fail(
          errno == EACCES || errno == EROFS ? ErrorKind::permission : ErrorKind::io,
          fmt::format("could not open the caller directory {}: {}", path, std::strerror(errno)),
          Origin::system);
    if (file >= 0) ::close(file);
  }
  auto database = Database::open(path, Database::Mode::write, kPatienceMs);
  if (!database) return about_callers(path, database.error());
  if (auto ready = prepare_file(*database, most_bytes); !ready)
    return about_callers(path, ready.error());
  return database;
}

Result<Database> read_caller_file(const std::string& path) {
  const auto none = [&path] {
    return fail(ErrorKind::not_found, fmt::format("there is no caller directory {}", path),
                Origin::system);
  };
  if (!exists(path)) return none();
  auto database = Database::open(uri_of(path, "?mode=ro"), Database::Mode::read, kPatienceMs);
  // Where nobody may write, SQLite cannot make its journal's index either: then nobody changes
  // it.
  if (!database || !database->number("SELECT count(*) FROM sqlite_master"))
    database = Database::open(uri_of(path, "?immutable=1"), Database::Mode::read, kPatienceMs);
  if (!database) return about_callers(path, database.error());
  const auto version = database->number("PRAGMA user_version");
  if (!version) return about_callers(path, version.error());
  if (*version == 0 && database->number("SELECT count(*) FROM sqlite_master").value_or(1) == 0)
    return none();  // being made
  if (auto fits = check_version(*version); !fits) return about_callers(path, fits.error());
  return database;
}

// The file and its journal, out of the way. "": it could not be.
std::string put_callers_aside(const std::string& path) {
  for (int number = 1; number <= kMostSetAside; ++number) {
    const std::string aside = fmt::format("{}.damaged-{}", path, number);
    if (exists(aside)) continue;
    if (::rename(path.c_str(), aside.c_str()) != 0) return "";
    ::rename((path + "-wal").c_str(), (aside + "-wal").c_str());
    ::unlink((path + "-shm").c_str());  // an index of the journal, nothing of its own
    return aside;
  }
  return "";
}

std::unexpected<Error> about_callers(const std::string& path, Error error) {
  return wrap(std::move(error), fmt::format("the caller directory {}", path));
}

}  // namespace weir::store
