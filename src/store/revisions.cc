#include "store/revisions.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fmt/core.h"

namespace weir::store {
namespace {

constexpr int kVersion = 2, kPatienceMs = 5000;
constexpr std::int64_t kApplication = 0x77656973;
constexpr std::string_view kSchema =
    "CREATE TABLE texts(hash BLOB NOT NULL, place INTEGER NOT NULL, name BLOB NOT NULL, text BLOB NOT NULL, "
    "PRIMARY KEY(hash, place)) WITHOUT ROWID;"
    "CREATE TABLE revisions(number INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, directory BLOB NOT NULL, "
    "state INTEGER NOT NULL, way INTEGER NOT NULL, before INTEGER NOT NULL, at INTEGER NOT NULL, author BLOB NOT NULL, "
    "reason BLOB NOT NULL, live_at INTEGER NOT NULL DEFAULT 0, ended_at INTEGER NOT NULL DEFAULT 0, ended_by BLOB NOT NULL DEFAULT '', "
    "ended_reason BLOB NOT NULL DEFAULT '');"
    "CREATE INDEX by_hash ON revisions(hash);";
// What version 2 has besides.
constexpr std::string_view kStages =
    "ALTER TABLE revisions ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE revisions ADD COLUMN settled_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE revisions ADD COLUMN presented INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE revisions ADD COLUMN presented_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE steps(place INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL, at INTEGER NOT NULL, stage BLOB NOT NULL, "
    "verdict BLOB NOT NULL, text BLOB NOT NULL, json BLOB NOT NULL);"
    "CREATE INDEX by_number ON steps(number, place);"
    "UPDATE revisions SET settled_at = live_at WHERE state IN (0, 1);";
constexpr std::string_view kColumns =
    "SELECT number, hash, directory, state, way, before, at, author, reason, ended_at, ended_by, ended_reason, flags, settled_at, presented, "
    "presented_at FROM revisions ";
constexpr std::int64_t kForced = 1, kProtect = 2, kPerson = 4;
constexpr std::array<std::string_view, 6> kStates = {"live", "replaced", "taken_back", "candidate", "refused", "stopped"};
constexpr std::array<std::string_view, 3> kWays = {"start", "apply", "hup"};

// Orders what was live, also where the clock was set back.
std::string live_at(std::string_view now) {
  return fmt::format("(SELECT max({}, ifnull(max(live_at), 0) + 1) FROM revisions)", now);
}

std::int64_t nanos_of(WallTime time) { return time.time_since_epoch().count(); }
std::int64_t code(Revision::State state) { return static_cast<std::int64_t>(state); }

std::int64_t flags_of(const Revision& revision) {
  return (revision.forced ? kForced : 0) | (revision.protect ? kProtect : 0) | (revision.person ? kPerson : 0);
}

// Bytes that were changed within a page are not seen by SQLite.
Result<Revision> read_row(const Statement& row) {
  if (static_cast<std::uint64_t>(row.number(3)) >= kStates.size() || static_cast<std::uint64_t>(row.number(4)) >= kWays.size())
    return fail(ErrorKind::invalid, fmt::format("the row of r{} is damaged", row.number(0)), Origin::system);
  const std::int64_t flags = row.number(12);
  return Revision{.number = static_cast<std::uint32_t>(row.number(0)), .hash = std::string(row.text(1)), .directory = std::string(row.text(2)),
          .state = static_cast<Revision::State>(row.number(3)), .way = static_cast<Revision::Way>(row.number(4)),
          .before = static_cast<std::uint32_t>(row.number(5)), .at = wall_from_nanos(row.number(6)), .author = std::string(row.text(7)),
          .reason = std::string(row.text(8)), .forced = (flags & kForced) != 0, .protect = (flags & kProtect) != 0, .person = (flags & kPerson) != 0,
          .settled_at = wall_from_nanos(row.number(13)), .presented = static_cast<std::uint64_t>(row.number(14)),
          .presented_at = wall_from_nanos(row.number(15)), .ended_at = wall_from_nanos(row.number(9)), .ended_by = std::string(row.text(10)),
          .ended_reason = std::string(row.text(11))};
}

std::unexpected<Error> about(const std::string& path, Error error) { return wrap(std::move(error), fmt::format("the history {}", path)); }

Result<> check_size(const std::vector<RevisionFile>& files) {
  std::size_t size = 0;
  for (const RevisionFile& file : files) size += file.text.size();
  if (size > Revisions::kMaxText) return fail(ErrorKind::too_large, "a configuration of more than 64 MiB is not kept", Origin::config);
  return {};
}

Result<> replace_live(Database& database, WallTime at) {
  return finish(database.prepare("UPDATE revisions SET state = ?, ended_at = ? WHERE state = ?"), code(Revision::State::replaced), nanos_of(at),
                code(Revision::State::live));
}

std::unexpected<Error> no_such(std::uint32_t number, std::string_view what) {
  return fail(ErrorKind::not_found, fmt::format("r{} is not {}", number, what));
}

}  // namespace

std::string_view to_string(Revision::State state) { return kStates[static_cast<std::size_t>(state)]; }
std::string_view to_string(Revision::Way way) { return kWays[static_cast<std::size_t>(way)]; }

Result<Revisions> Revisions::open(const std::string& path, Mode mode, std::size_t most) {
  if (mode == Mode::write) {   // nobody else may read what the texts say
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0 && errno != EEXIST) return fail(ErrorKind::io, fmt::format("the history {}: {}", path, std::strerror(errno)), Origin::system);
    if (file >= 0) ::close(file);
  }
  auto database = Database::open(path, mode == Mode::read ? Database::Mode::read : Database::Mode::write, kPatienceMs);
  if (!database) return about(path, database.error());
  Revisions revisions(path, std::move(*database), most);
  if (auto ready = revisions.prepare(mode); !ready) return about(path, ready.error());
  return revisions;
}

Result<> Revisions::prepare(Mode mode) {
  const auto tables = database_.number("SELECT count(*) FROM sqlite_master");
  if (!tables) return std::unexpected(tables.error());
  if (*tables == 0 && mode == Mode::write) {
    const auto made = transaction([&]() -> Result<> {
      return database_.run(fmt::format("{}{}PRAGMA application_id = {}; PRAGMA user_version = {};", kSchema, kStages, kApplication, kVersion));
    });
    if (!made) return made;
  }
  if (mode == Mode::write)
    if (auto migrated = migrate(); !migrated) return migrated;
  const auto version = database_.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version != kVersion) {
    return fail(ErrorKind::permission, fmt::format("it is of version {}, this weir writes {}; it is left as it is", *version, kVersion),
                      Origin::system);
  }
  if (mode == Mode::read) return {};
  if (auto set = database_.run("PRAGMA synchronous = FULL"); !set) return set;
  auto check = database_.prepare("PRAGMA quick_check(1)");
  if (!check) return std::unexpected(check.error());
  const auto row = check->step();
  if (!row) return std::unexpected(row.error());
  if (*row && check->text(0) == "ok") return {};
  return fail(ErrorKind::invalid, std::string(check->text(0)), Origin::system);
}

// Looked at within the transaction: another process may do it at the same time.
Result<> Revisions::migrate() {
  const auto before = database_.number("PRAGMA user_version");
  if (!before) return std::unexpected(before.error());
  if (*before != 1) return {};
  return transaction([&]() -> Result<> {
    const auto version = database_.number("PRAGMA user_version");
    if (!version) return std::unexpected(version.error());
    return *version == 1 ? database_.run(fmt::format("{}PRAGMA user_version = {};", kStages, kVersion)) : Result<>();
  });
}

Result<> Revisions::transaction(auto&& steps) {
  if (auto begun = database_.run("BEGIN IMMEDIATE"); !begun) return about(path_, begun.error());
  Result<> done = steps();
  if (done) done = database_.run("COMMIT");
  if (done) return {};
  (void)database_.run("ROLLBACK");
  return about(path_, done.error());
}

// Within a transaction.
Result<std::uint32_t> Revisions::insert(const Revision& revision, Revision::State state, const std::vector<RevisionFile>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto kept = finish(database_.prepare("INSERT OR IGNORE INTO texts VALUES(?, ?, ?, ?)"), std::string_view(revision.hash), i,
                       std::string_view(files[i].name), std::string_view(files[i].text));
    if (!kept) return std::unexpected(kept.error());
  }
  auto row = finish(database_.prepare(fmt::format("INSERT INTO revisions(hash, directory, state, way, before, at, author, reason, flags, live_at, number) "
                                                  "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {}, "
                                                  "(SELECT max(ifnull(max(number), 0), ?5) + 1 FROM revisions))",
                                                  state == Revision::State::live ? live_at("?6") : "0")),
                    std::string_view(revision.hash), std::string_view(revision.directory), code(state), static_cast<std::int64_t>(revision.way),
                    revision.before, nanos_of(revision.at), std::string_view(revision.author), std::string_view(revision.reason), flags_of(revision));
  if (!row) return std::unexpected(row.error());
  const auto last = database_.number("SELECT max(number) FROM revisions");
  if (!last) return std::unexpected(last.error());
  if (auto dropped = drop_oldest(); !dropped) return std::unexpected(dropped.error());
  return static_cast<std::uint32_t>(*last);
}

Result<std::uint32_t> Revisions::go_live(const Revision& revision, const std::vector<RevisionFile>& files) {
  if (auto fits = check_size(files); !fits) return std::unexpected(fits.error());
  Result<std::uint32_t> number;
  const auto done = transaction([&]() -> Result<> {
    if (auto others = replace_live(database_, revision.at); !others) return others;
    number = insert(revision, Revision::State::live, files);
    return number ? Result<>() : std::unexpected(number.error());
  });
  if (!done) return std::unexpected(done.error());
  return number;
}

Result<std::uint32_t> Revisions::propose(const Revision& revision, const std::vector<RevisionFile>& files) {
  if (auto fits = check_size(files); !fits) return std::unexpected(fits.error());
  Result<std::uint32_t> number;
  const auto done = transaction([&]() -> Result<> {
    auto others = finish(database_.prepare("UPDATE revisions SET state = ?, ended_at = ?, ended_reason = ? WHERE state = ?"), code(Revision::State::stopped),
                         nanos_of(revision.at), std::string_view("another change took its place"), code(Revision::State::candidate));
    if (!others) return others;
    number = insert(revision, Revision::State::candidate, files);
    return number ? Result<>() : std::unexpected(number.error());
  });
  if (!done) return std::unexpected(done.error());
  return number;
}

Result<> Revisions::write_step(std::uint32_t number, const Step& step) {
  if (step.text.size() + step.json.size() > kMaxStep) return fail(ErrorKind::too_large, "a step of more than 1 MiB is not kept", Origin::gateway);
  auto row = finish(database_.prepare("INSERT INTO steps(number, at, stage, verdict, text, json) VALUES(?, ?, ?, ?, ?, ?)"), number, nanos_of(step.at),
                    std::string_view(step.stage), std::string_view(step.verdict), std::string_view(step.text), std::string_view(step.json));
  if (!row) return row;
  return finish(database_.prepare("DELETE FROM steps WHERE number = ?1 AND place <= (SELECT place FROM steps WHERE number = ?1 ORDER BY place DESC "
                                  "LIMIT 1 OFFSET ?2)"), number, kMostSteps);
}

Result<> Revisions::add_step(std::uint32_t number, const Step& step) {
  return transaction([&] { return write_step(number, step); });
}

Result<> Revisions::make_live(std::uint32_t number, const Step& step) {
  return transaction([&]() -> Result<> {
    if (auto others = replace_live(database_, step.at); !others) return others;
    auto row = finish(database_.prepare(fmt::format("UPDATE revisions SET state = ?1, live_at = {} WHERE number = ?3 AND state = ?4", live_at("?2"))),
                      code(Revision::State::live), nanos_of(step.at), number, code(Revision::State::candidate));
    if (!row) return row;
    if (database_.changes() == 0) return no_such(number, "candidate");
    return write_step(number, step);
  });
}

Result<> Revisions::settle(std::uint32_t number, const Step& step) {
  return transaction([&]() -> Result<> {
    auto row = finish(database_.prepare("UPDATE revisions SET settled_at = ? WHERE number = ? AND state = ?"), nanos_of(step.at), number,
                      code(Revision::State::live));
    if (!row) return row;
    if (database_.changes() == 0) return no_such(number, "live");
    return write_step(number, step);
  });
}

Result<> Revisions::stop(std::uint32_t number, Mark mark, const Step& step, std::string_view by, std::string_view why) {
  return transaction([&]() -> Result<> {
    auto row = finish(database_.prepare("UPDATE revisions SET state = ?, ended_at = ?, ended_by = ?, ended_reason = ? WHERE number = ? AND state = ?"),
                      code(mark == Mark::yes ? Revision::State::refused : Revision::State::stopped), nanos_of(step.at), by, why, number,
                      code(Revision::State::candidate));
    if (!row) return row;
    if (database_.changes() == 0) return no_such(number, "candidate");
    return write_step(number, step);
  });
}

Result<> Revisions::presented(std::uint32_t number, WallTime at) {
  return transaction([&] {
    return finish(database_.prepare("UPDATE revisions SET presented = presented + 1, presented_at = ? WHERE number = ?"), nanos_of(at), number);
  });
}

Result<std::optional<std::uint32_t>> Revisions::interrupt(WallTime at) {
  const auto candidate = one("WHERE state = ?1", code(Revision::State::candidate), {});
  if (!candidate) return std::unexpected(candidate.error());
  if (!*candidate) return std::nullopt;
  const std::uint32_t number = (*candidate)->number;
  const auto before = steps(number);
  if (!before) return std::unexpected(before.error());
  const std::string why = fmt::format("interrupted: weir ended {}", before->empty() ? "before its first stage" : "after " + before->back().stage);
  auto done = stop(number, Mark::no, {.at = at, .stage = "interrupted", .verdict = "ended", .text = why, .json = ""}, "weir", why);
  if (!done) return std::unexpected(done.error());
  return number;
}

Result<> Revisions::drop_oldest() {
  auto rows = finish(database_.prepare("DELETE FROM revisions WHERE number <= (SELECT max(number) FROM revisions) - ? AND state NOT IN (?, ?)"),
                     most_, code(Revision::State::live), code(Revision::State::taken_back));
  if (!rows || database_.changes() == 0) return rows;
  return database_.run("DELETE FROM texts WHERE hash NOT IN (SELECT hash FROM revisions);"
                       "DELETE FROM steps WHERE number NOT IN (SELECT number FROM revisions);");
}

Result<> Revisions::take_back(std::uint32_t to, WallTime at, std::string_view by, std::string_view why, const std::optional<Step>& step) {
  return transaction([&]() -> Result<> {
    const auto live = database_.number(fmt::format("SELECT number FROM revisions WHERE state = {}", code(Revision::State::live)));
    if (!live) return std::unexpected(live.error());
    if (step)
      if (auto written = write_step(static_cast<std::uint32_t>(*live), *step); !written) return written;
    auto from = finish(database_.prepare("UPDATE revisions SET state = ?, ended_at = ?, ended_by = ?, ended_reason = ? WHERE state = ? AND number != ?"),
                       code(Revision::State::taken_back), nanos_of(at), by, why, code(Revision::State::live), to);
    if (!from) return from;
    return finish(database_.prepare(fmt::format("UPDATE revisions SET state = ?1, live_at = {}, ended_at = 0, ended_by = '', ended_reason = '' "
                                                "WHERE number = ?3", live_at("?2"))),
                  code(Revision::State::live), nanos_of(at), to);
  });
}

Result<std::optional<Revision>> Revisions::one(std::string_view where, std::int64_t number, std::string_view text) {
  auto select = database_.prepare(fmt::format("{}{}", kColumns, where));
  if (!select) return about(path_, select.error());
  select->bind(1, number).bind_text(2, text);
  const auto row = select->step();
  if (!row) return about(path_, row.error());
  if (!*row) return std::nullopt;
  auto revision = read_row(*select);
  if (!revision) return about(path_, revision.error());
  return std::move(*revision);
}

Result<std::optional<Revision>> Revisions::live() { return one("WHERE state = ?1", code(Revision::State::live), {}); }
Result<std::optional<Revision>> Revisions::find(std::uint32_t number) { return one("WHERE number = ?1", number, {}); }
Result<std::optional<Revision>> Revisions::of_hash(std::string_view hash) { return one("WHERE hash = ?2 ORDER BY number DESC LIMIT 1", 0, hash); }
Result<std::optional<Revision>> Revisions::marked(std::string_view hash) {
  auto newest = one(fmt::format("WHERE hash = ?2 AND state NOT IN ({}, {}) ORDER BY number DESC LIMIT 1", code(Revision::State::candidate),
                                code(Revision::State::stopped)), 0, hash);
  if (newest && *newest && (*newest)->state != Revision::State::taken_back && (*newest)->state != Revision::State::refused) newest->reset();
  return newest;
}
Result<std::optional<Revision>> Revisions::taken_back() {
  return one("WHERE state = ?1 ORDER BY ended_at DESC, number DESC LIMIT 1", code(Revision::State::taken_back), {});
}
Result<std::optional<Revision>> Revisions::before(std::uint32_t number) {
  return one(fmt::format("WHERE number != ?1 AND state = {} AND live_at > 0 AND hash != (SELECT hash FROM revisions WHERE number = ?1) "
                         "ORDER BY settled_at > 0 DESC, live_at DESC, number DESC LIMIT 1", code(Revision::State::replaced)),
             number, {});
}

Result<std::vector<Revision>> Revisions::list(std::uint32_t below, std::size_t most) {
  auto select = database_.prepare(fmt::format("{}WHERE ?1 = 0 OR number < ?1 ORDER BY number DESC LIMIT ?2", kColumns));
  if (!select) return about(path_, select.error());
  select->bind(1, below).bind(2, static_cast<std::int64_t>(most));
  std::vector<Revision> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return about(path_, row.error());
    if (!*row) return all;
    auto revision = read_row(*select);
    if (!revision) return about(path_, revision.error());
    all.push_back(std::move(*revision));
  }
}

Result<std::vector<RevisionFile>> Revisions::files(std::uint32_t number) {
  auto select = database_.prepare("SELECT texts.name, texts.text FROM texts JOIN revisions USING(hash) WHERE number = ? ORDER BY place");
  if (!select) return about(path_, select.error());
  select->bind(1, number);
  std::vector<RevisionFile> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return about(path_, row.error());
    if (!*row) return all;
    all.push_back({.name = std::string(select->text(0)), .text = std::string(select->text(1))});
  }
}

Result<std::vector<Step>> Revisions::steps(std::uint32_t number) {
  auto select = database_.prepare("SELECT at, stage, verdict, text, json FROM steps WHERE number = ? ORDER BY place");
  if (!select) return about(path_, select.error());
  select->bind(1, number);
  std::vector<Step> all;
  for (;;) {
    const auto row = select->step();
    if (!row) return about(path_, row.error());
    if (!*row) return all;
    all.push_back({.at = wall_from_nanos(select->number(0)), .stage = std::string(select->text(1)), .verdict = std::string(select->text(2)),
                   .text = std::string(select->text(3)), .json = std::string(select->text(4))});
  }
}

}  // namespace weir::store
