#include "store/overrides.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

constexpr std::string_view kSchema =
    "CREATE TABLE IF NOT EXISTS overrides(number INTEGER PRIMARY KEY AUTOINCREMENT, what BLOB NOT "
    "NULL, author BLOB NOT NULL, "
    "reason BLOB NOT NULL, revision INTEGER NOT NULL, person INTEGER NOT NULL, hurt INTEGER NOT "
    "NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, lasts INTEGER NOT NULL, "
    "boot BLOB NOT NULL, until_steady INTEGER NOT NULL, ended_at INTEGER NOT NULL DEFAULT 0, "
    "ended_by BLOB NOT NULL DEFAULT '', "
    "ended_reason BLOB NOT NULL DEFAULT '')";
constexpr std::string_view kColumns =
    "SELECT number, what, author, reason, revision, at, until, lasts, boot, until_steady, "
    "ended_at, ended_by, ended_reason, person, hurt "
    "FROM overrides ";

std::int64_t nanos_of(WallTime time) { return time.time_since_epoch().count(); }

std::unexpected<Error> about(const std::string& path, Error error) {
  return wrap(std::move(error), fmt::format("overrides in {}", path));
}

Result<Database> opened(const std::string& path) {
  auto database = open_beside_history(path, kSchema);
  if (!database) return about(path, database.error());
  return database;
}

OverrideRow read_row(const Statement& row) {
  return {.number = static_cast<std::uint32_t>(row.number(0)),
          .what = std::string(row.text(1)),
          .author = std::string(row.text(2)),
          .reason = std::string(row.text(3)),
          .revision = static_cast<std::uint32_t>(row.number(4)),
          .person = row.number(13) != 0,
          .hurt = static_cast<std::uint64_t>(row.number(14)),
          .at = wall_from_nanos(row.number(5)),
          .until = wall_from_nanos(row.number(6)),
          .lasts = Nanos(row.number(7)),
          .boot = std::string(row.text(8)),
          .until_steady = stamp_from_nanos(row.number(9)),
          .ended_at = wall_from_nanos(row.number(10)),
          .ended_by = std::string(row.text(11)),
          .ended_reason = std::string(row.text(12))};
}

Result<std::vector<OverrideRow>> rows(const std::string& path, std::string_view where,
                                      std::size_t most) {
  auto database = opened(path);
  if (!database) return std::unexpected(database.error());
  auto select = database->prepare(fmt::format("{}{} LIMIT ?1", kColumns, where));
  if (!select) return about(path, select.error());
  select->bind(1, static_cast<std::int64_t>(most));
  std::vector<OverrideRow> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return about(path, row.error());
    if (!*row) return all;
    all.push_back(read_row(*select));
  }
}

}  // namespace

Nanos time_left(const OverrideRow& row, const Clocks& now) {
  const bool same_boot = !row.boot.empty() && row.boot == now.boot;
  const Nanos left = same_boot ? row.until_steady - now.steady : row.until - now.wall;
  return std::clamp(left, Nanos(0), row.lasts);
}

Result<std::vector<OverrideRow>> Overrides::in_force() const {
  return rows(path_, "WHERE ended_at = 0 ORDER BY number", kMost);
}

Result<std::vector<OverrideRow>> Overrides::list(std::size_t most) const {
  return rows(path_, "ORDER BY number DESC", most);
}

Result<std::uint32_t> Overrides::add(const OverrideRow& row) const {
  auto database = opened(path_);
  if (!database) return std::unexpected(database.error());
  if (auto begun = database->run("BEGIN IMMEDIATE"); !begun) return about(path_, begun.error());
  auto done = finish(database->prepare("INSERT INTO overrides(what, author, reason, revision, "
                                       "person, hurt, at, until, lasts, boot, until_steady) "
                                       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
                     std::string_view(row.what), std::string_view(row.author),
                     std::string_view(row.reason), row.revision, row.person, row.hurt,
                     nanos_of(row.at), nanos_of(row.until), row.lasts.count(),
                     std::string_view(row.boot), row.until_steady.time_since_epoch().count());
  const auto number = database->number("SELECT max(number) FROM overrides");
  if (done && !number) done = std::unexpected(number.error());
  if (done)
    done = finish(database->prepare("DELETE FROM overrides WHERE ended_at != 0 AND number <= ?"),
                  *number - static_cast<std::int64_t>(kMost));
  if (done) done = database->run("COMMIT");
  if (!done) {
    (void)database->run("ROLLBACK");
    return about(path_, done.error());
  }
  return static_cast<std::uint32_t>(*number);
}

Result<> Overrides::end(std::uint32_t number, WallTime at, std::string_view by,
                        std::string_view why) const {
  auto database = opened(path_);
  if (!database) return std::unexpected(database.error());
  auto done = finish(database->prepare("UPDATE overrides SET ended_at = ?, ended_by = ?, "
                                       "ended_reason = ? WHERE number = ? AND ended_at = 0"),
                     std::max<std::int64_t>(1, nanos_of(at)), by, why, number);
  if (!done) return about(path_, done.error());
  return {};
}

}  // namespace weir::store
