#include "store/deploys.h"

#include <string_view>
#include <utility>

#include "fmt/core.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

constexpr std::string_view kSchema =
    "CREATE TABLE IF NOT EXISTS deploys(id INTEGER PRIMARY KEY, subject BLOB NOT NULL, version BLOB "
    "NOT NULL, author BLOB NOT NULL, reason BLOB NOT NULL, watch_s INTEGER NOT NULL, at INTEGER NOT "
    "NULL, split BLOB NOT NULL, under_way INTEGER NOT NULL, json BLOB NOT NULL, state BLOB NOT NULL, "
    "saved INTEGER NOT NULL)";
constexpr std::string_view kColumns =
    "SELECT id, subject, version, author, reason, watch_s, at, split, under_way, json, state, saved "
    "FROM deploys ";
// One announced at the same time by another process keeps its number.
constexpr std::string_view kPut =
    "INSERT INTO deploys VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET "
    "under_way = excluded.under_way, json = excluded.json, state = excluded.state, saved = "
    "excluded.saved WHERE under_way >= excluded.under_way AND at = excluded.at AND subject = "
    "excluded.subject";

std::int64_t nanos_of(WallTime time) { return time.time_since_epoch().count(); }

std::unexpected<Error> about(const std::string& path, Error error) {
  return wrap(std::move(error), fmt::format("deploys in {}", path));
}

Result<> write(Database& database, const DeployRow& row) {
  if (row.json.size() + row.state.size() > Deploys::kMaxRow)
    return fail(ErrorKind::too_large, "what is known of a deploy is more than 64 KiB",
                Origin::system);
  return finish(database.prepare(kPut), row.id, std::string_view(row.subject),
                std::string_view(row.version), std::string_view(row.author),
                std::string_view(row.reason), row.watch_s, nanos_of(row.at),
                std::string_view(row.split), row.under_way, std::string_view(row.json),
                std::string_view(row.state), nanos_of(row.saved));
}

DeployRow read_row(const Statement& row) {
  return {.id = static_cast<std::uint64_t>(row.number(0)),
          .subject = std::string(row.text(1)),
          .version = std::string(row.text(2)),
          .author = std::string(row.text(3)),
          .reason = std::string(row.text(4)),
          .watch_s = row.number(5),
          .at = wall_from_nanos(row.number(6)),
          .split = std::string(row.text(7)),
          .under_way = row.number(8) != 0,
          .json = std::string(row.text(9)),
          .state = std::string(row.text(10)),
          .saved = wall_from_nanos(row.number(11))};
}

Result<std::vector<DeployRow>> rows(const std::string& path, std::string_view where,
                                    std::uint64_t first, std::size_t second) {
  auto database = open_beside_history(path, "");   // who looks makes nothing
  if (!database) return about(path, database.error());
  const auto table =
      database->number("SELECT count(*) FROM sqlite_master WHERE name = 'deploys'");
  if (!table) return about(path, table.error());
  if (*table == 0) return std::vector<DeployRow>();
  auto select = database->prepare(fmt::format("{}{}", kColumns, where));
  if (!select) return about(path, select.error());
  select->bind(1, static_cast<std::int64_t>(first));
  select->bind(2, static_cast<std::int64_t>(second));
  std::vector<DeployRow> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return about(path, row.error());
    if (!*row) return all;
    all.push_back(read_row(*select));
  }
}

}  // namespace

Result<> Deploys::put(const std::vector<DeployRow>& rows) const {
  auto database = open_beside_history(path_, kSchema);
  if (!database) return about(path_, database.error());
  if (auto begun = database->run("BEGIN IMMEDIATE"); !begun) return about(path_, begun.error());
  Result<> done;
  for (const DeployRow& row : rows) {
    if (done) done = write(*database, row);
  }
  if (done)
    done = finish(database->prepare("DELETE FROM deploys WHERE id <= (SELECT max(id) FROM deploys) - ?"), kMost);
  if (done) done = database->run("COMMIT");
  if (done) return {};
  (void)database->run("ROLLBACK");
  return about(path_, done.error());
}

Result<std::vector<DeployRow>> Deploys::list(std::uint64_t below, std::size_t most) const {
  return rows(path_, "WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2", below, most);
}

Result<std::vector<DeployRow>> Deploys::find(std::uint64_t id) const {
  return rows(path_, "WHERE id = ?1 LIMIT ?2", id, 1);
}

}  // namespace weir::store
