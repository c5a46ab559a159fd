#include "store/caller_directory.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fmt/core.h"
#include "store/caller_file.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

using record::CallerEntry;
using record::CallerKind;
using record::CallerName;

enum Rank : std::int64_t { kUnknown = 0, kEstablished = 1, kKnown = 2 };

constexpr std::string_view kSize = "length(key) + length(entry) + 48";

std::int64_t nanos_of(WallTime time) { return time.time_since_epoch().count(); }

Rank rank_of(const CallerEntry& entry) {
  if (entry.standing.is_known()) return kKnown;
  return entry.standing.is_established() ? kEstablished : kUnknown;
}

std::int64_t signed_of(std::uint64_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

class CallerDirectory::State {
 public:
  State(std::string path, Options options) : path_(std::move(path)), options_(options) {}

  Result<> open() {
    if (options_.mode == Mode::read) {
      auto database = read_caller_file(path_);
      if (!database) return std::unexpected(database.error());
      database_ = std::move(*database);
      return {};
    }
    Result<> opened = open_to_write();
    if (opened || !is_damage(opened.error())) return opened;
    return begin_anew(opened.error());
  }

  const std::string& set_aside() const { return set_aside_; }
  const record::KnownCallers& known() const { return known_; }

  // `next` answers false at the end.
  Result<> merge(const std::function<Result<bool>(CallerEntry&)>& next,
                 std::span<const ImportedLog> logs) {
    if (!database_) {  // damage was found, and nothing could be begun anew: by now it may
      if (auto opened = open(); !opened) return opened;
    }
    Result<> merged = try_merge(next, logs);
    if (merged) return {};
    (void)database_->run("ROLLBACK");
    for (Statement* each : {&select_, &replace_}) each->reset();
    if (is_damage(merged.error()) && path_ != ":memory:") {
      if (auto begun = begin_anew(merged.error()); !begun) return begun;
    }
    return about_callers(path_, merged.error());
  }

  Result<> query(std::string_view sql, std::span<const std::int64_t> numbers,
                 const std::function<void(const CallerEntry&)>& visit) {
    auto statement = ask(sql);
    if (!statement) return std::unexpected(statement.error());
    for (std::size_t i = 0; i < numbers.size(); ++i)
      statement->bind(static_cast<int>(i) + 1, numbers[i]);
    return each_entry(*statement, visit);
  }

  Result<> find(const CallerName& name, const std::function<void(const CallerEntry&)>& visit) {
    auto statement = ask("SELECT entry FROM callers WHERE key = ?");
    if (!statement) return std::unexpected(statement.error());
    statement->bind_text(1, name.key());
    return each_entry(*statement, visit);
  }

  Result<Totals> totals(WallTime since) {
    auto statement =
        ask("SELECT count(*), coalesce(sum(rank = 2), 0), coalesce(sum(rank = 1), 0), "
            "coalesce(sum(last_refused >= ?), 0) FROM callers");
    if (!statement) return std::unexpected(statement.error());
    statement->bind(1, std::max<std::int64_t>(nanos_of(since), 1));
    if (auto row = statement->step(); !row) return about_callers(path_, row.error());
    const auto count = [&](int column) {
      return static_cast<std::uint64_t>(statement->number(column));
    };
    Totals totals{.callers = count(0),
                  .known = count(1),
                  .established = count(2),
                  .refused_lately = count(3),
                  .first = {},
                  .last = {}};
    auto span = database_->prepare("SELECT first, last FROM span");
    if (!span) return about_callers(path_, span.error());
    const auto row = span->step();
    if (!row) return about_callers(path_, row.error());
    if (*row) {
      totals.first = wall_from_nanos(span->number(0));
      totals.last = wall_from_nanos(span->number(1));
    }
    return totals;
  }

  Result<std::vector<std::uint64_t>> known_or_established(std::size_t most) {
    auto statement =
        ask("SELECT key FROM callers WHERE rank >= ? ORDER BY last_seen DESC LIMIT ?");
    if (!statement) return std::unexpected(statement.error());
    const auto span = database_->number("SELECT coalesce(max(last - first), 0) FROM span");
    if (!span) return about_callers(path_, span.error());
    statement->bind(1, *span < CallerDirectory::kYoung.count() ? kEstablished : kKnown)
        .bind(2, static_cast<std::int64_t>(most));
    std::vector<std::uint64_t> hashes;
    auto read = each_row(*statement, [&] {
      hashes.push_back(keyed_hash(options_.key, statement->text(0)));
    });
    if (!read) return std::unexpected(read.error());
    return hashes;
  }

  Result<std::vector<ImportedLog>> logs() {
    auto statement = ask("SELECT length, digest, name, until, entries, lines FROM logs");
    if (!statement) return std::unexpected(statement.error());
    std::vector<ImportedLog> all;
    auto read = each_row(*statement, [&] {
      all.push_back({.length = static_cast<std::uint64_t>(statement->number(0)),
                     .digest = static_cast<std::uint64_t>(statement->number(1)),
                     .name = std::string(statement->text(2)),
                     .until = wall_from_nanos(statement->number(3)),
                     .entries = static_cast<std::uint64_t>(statement->number(4)),
                     .lines = static_cast<std::uint64_t>(statement->number(5))});
    });
    if (!read) return std::unexpected(read.error());
    return all;
  }

 private:
  Result<Statement> ask(std::string_view sql) {
    if (!database_)
      return fail(ErrorKind::io, fmt::format("the caller directory {} is not open", path_),
                  Origin::system);
    auto statement = database_->prepare(sql);
    if (!statement) return about_callers(path_, statement.error());
    return statement;
  }

  Result<> each_row(Statement& statement, const std::function<void()>& take) {
    for (;;) {
      const auto row = statement.step();
      if (!row) return about_callers(path_, row.error());
      if (!*row) return {};
      take();
    }
  }

  Result<> each_entry(Statement& statement, const std::function<void(const CallerEntry&)>& visit) {
    return each_row(statement, [&] {
      if (const auto entry = record::decode_caller_entry(statement.text(0))) visit(*entry);
    });
  }

  Result<> open_to_write() {
    auto database = open_caller_file(path_, kMostFile);
    if (!database) return std::unexpected(database.error());
    database_ = std::move(*database);
    Result<> loaded = load();
    if (!loaded) close();
    return loaded;
  }

  void close() {
    for (Statement* each : {&select_, &replace_}) *each = Statement();
    database_.reset();
  }

  Result<> begin_anew(const Error& why) {
    close();
    std::string aside = put_callers_aside(path_);
    if (aside.empty()) return wrap(why, fmt::format("{} could not be set aside", path_));
    set_aside_ = std::move(aside);
    return open_to_write();
  }

  // What stands in memory of the file: who is known, and how much there is.
  Result<> load() {
    auto select = database_->prepare("SELECT entry FROM callers WHERE key = ?");
    if (!select) return about_callers(path_, select.error());
    select_ = std::move(*select);
    auto replace = database_->prepare(
        "INSERT OR REPLACE INTO callers(key, rank, last_seen, requests, refused, last_refused, "
        "entry) VALUES(?, ?, ?, ?, ?, ?, ?)");
    if (!replace) return about_callers(path_, replace.error());
    replace_ = std::move(*replace);
    return look_again();
  }

  Result<> look_again() {
    const auto seen = database_->number("PRAGMA data_version");
    if (!seen) return about_callers(path_, seen.error());
    data_version_ = *seen;
    known_.clear();
    auto all = database_->prepare("SELECT key FROM callers WHERE rank = 2");
    if (!all) return about_callers(path_, all.error());
    const auto add = [&] { known_.insert(keyed_hash(options_.key, all->text(0))); };
    if (auto read = each_row(*all, add); !read) return read;
    const auto bytes = database_->number(fmt::format("SELECT sum({}) FROM callers", kSize));
    if (!bytes) return about_callers(path_, bytes.error());
    bytes_ = static_cast<std::uint64_t>(*bytes);
    return {};
  }

  Result<> try_merge(const std::function<Result<bool>(CallerEntry&)>& next,
                     std::span<const ImportedLog> logs) {
    if (auto begun = database_->run("BEGIN IMMEDIATE"); !begun) return begun;
    // Another process may have written; who has become known there is known here.
    const auto version = database_->number("PRAGMA data_version");
    if (!version) return std::unexpected(version.error());
    if (*version != data_version_) {
      if (auto looked = look_again(); !looked) return looked;
    }
    std::vector<std::uint64_t> now_known;
    std::optional<WallTime> first, last;
    std::uint64_t bytes = bytes_;
    for (CallerEntry entry;;) {
      const auto more = next(entry);
      if (!more) return std::unexpected(more.error());
      if (!*more) break;
      if (entry.standing.requests > 0) {
        first = first ? std::min(*first, entry.first_seen) : entry.first_seen;
        last = last ? std::max(*last, entry.last_seen) : entry.last_seen;
      }
      if (auto put = put_row(entry, bytes, now_known); !put) return put;
    }
    if (first) {
      if (auto noted = note_span(*first, *last); !noted) return noted;
    }
    for (const ImportedLog& log : logs) {
      if (auto noted = note_log(log); !noted) return noted;
    }
    const bool crowded = bytes > options_.most_bytes;
    if (crowded) {
      if (auto made = make_room(); !made) return made;
    }
    if (auto done = database_->run("COMMIT"); !done) return done;
    known_.insert(now_known.begin(), now_known.end());
    bytes_ = bytes;
    return crowded ? look_again() : Result<>();
  }

  Result<> put_row(CallerEntry& entry, std::uint64_t& bytes,
                   std::vector<std::uint64_t>& now_known) {
    const std::string key = entry.name.key();
    select_.bind_text(1, key);
    const auto row = select_.step();
    if (!row) return std::unexpected(row.error());
    if (*row) {
      bytes -= std::min<std::uint64_t>(bytes, key.size() + select_.text(0).size() + 48);
      if (auto old = record::decode_caller_entry(select_.text(0))) {
        old->merge(entry);
        entry = std::move(*old);
      }
      select_.reset();
    }
    if (entry.standing.requests == 0) return {};  // ends of one that has made room meanwhile
    entry.encode(encoded_);
    const Rank rank = rank_of(entry);
    const std::int64_t refused_at =
        entry.refusals.empty() ? 0 : nanos_of(entry.refusals.front().last);
    replace_.bind_text(1, key)
        .bind(2, rank)
        .bind(3, nanos_of(entry.last_seen))
        .bind(4, signed_of(entry.standing.requests))
        .bind(5, signed_of(entry.refused))
        .bind(6, refused_at)
        .bind_text(7, encoded_);
    const auto put = replace_.step();
    if (!put) return std::unexpected(put.error());
    bytes += key.size() + encoded_.size() + 48;
    if (rank == kKnown) now_known.push_back(keyed_hash(options_.key, key));
    return {};
  }

  Result<> note_span(WallTime first, WallTime last) {
    return database_->run(fmt::format(
        "INSERT INTO span(id, first, last) VALUES(1, {0}, {1}) ON CONFLICT(id) DO UPDATE "
        "SET first = min(first, {0}), last = max(last, {1})",
        nanos_of(first), nanos_of(last)));
  }

  Result<> note_log(const ImportedLog& log) {
    auto forget = database_->prepare("DELETE FROM logs WHERE length = ? AND digest = ?");
    if (!forget) return std::unexpected(forget.error());
    forget->bind(1, signed_of(log.length)).bind(2, signed_of(log.digest));
    if (auto gone = forget->step(); !gone) return std::unexpected(gone.error());
    auto insert = database_->prepare(
        "INSERT INTO logs(length, digest, name, until, entries, lines) VALUES(?, ?, ?, ?, ?, ?)");
    if (!insert) return std::unexpected(insert.error());
    insert->bind(1, signed_of(log.length))
        .bind(2, signed_of(log.digest))
        .bind_text(3, log.name)
        .bind(4, nanos_of(log.until))
        .bind(5, signed_of(log.entries))
        .bind(6, signed_of(log.lines));
    if (auto put = insert->step(); !put) return std::unexpected(put.error());
    return database_->run(
        fmt::format("DELETE FROM logs WHERE id <= (SELECT max(id) FROM logs) - {}", kMostLogs));
  }

  // An eighth of the unknown, until what is left fits.
  Result<> make_room() {
    const auto newest = database_->number("SELECT last FROM span");
    if (!newest) return std::unexpected(newest.error());
    const std::string unknown =
        fmt::format("(rank < 2 OR last_seen < {})", *newest - kForgotten.count());
    for (;;) {
      const auto bytes = database_->number(fmt::format("SELECT sum({}) FROM callers", kSize));
      if (!bytes) return std::unexpected(bytes.error());
      if (static_cast<std::uint64_t>(*bytes) <= options_.most_bytes) return {};
      const auto many = database_->number("SELECT count(*) FROM callers WHERE " + unknown);
      if (!many) return std::unexpected(many.error());
      if (*many == 0) return {};
      if (auto gone = database_->run(fmt::format(
              "DELETE FROM callers WHERE {0} AND last_seen <= (SELECT last_seen FROM callers WHERE "
              "{0} ORDER BY last_seen LIMIT 1 OFFSET {1})",
              unknown, *many / 8));
          !gone)
        return gone;
    }
  }

  std::string path_, set_aside_;
  Options options_;
  std::optional<Database> database_;
  Statement select_, replace_;
  std::string encoded_;
  record::KnownCallers known_;
  std::uint64_t bytes_ = 0;
  std::int64_t data_version_ = 0;
};

CallerDirectory::CallerDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}
CallerDirectory::CallerDirectory(CallerDirectory&&) noexcept = default;
CallerDirectory::~CallerDirectory() = default;

Result<CallerDirectory> CallerDirectory::open(const std::string& path, const Options& options) {
  auto state = std::make_unique<State>(path, options);
  if (auto opened = state->open(); !opened) return std::unexpected(opened.error());
  return CallerDirectory(std::move(state));
}

const std::string& CallerDirectory::set_aside() const { return state_->set_aside(); }
const record::KnownCallers& CallerDirectory::known() const { return state_->known(); }

Result<> CallerDirectory::merge(std::span<const CallerEntry> entries) {
  std::size_t at = 0;
  return state_->merge(
      [&](CallerEntry& entry) -> Result<bool> {
        if (at == entries.size()) return false;
        entry = entries[at++];
        return true;
      },
      {});
}

Result<> CallerDirectory::merge(CallerDirectory& from, std::span<const ImportedLog> logs) {
  std::vector<CallerEntry> all;  // bounded as the other is
  if (auto read = from.each([&](const CallerEntry& entry) { all.push_back(entry); }); !read)
    return read;
  std::size_t at = 0;
  return state_->merge(
      [&](CallerEntry& entry) -> Result<bool> {
        if (at == all.size()) return false;
        entry = std::move(all[at++]);
        return true;
      },
      logs);
}

Result<std::vector<std::uint64_t>> CallerDirectory::known_or_established(std::size_t most) {
  return state_->known_or_established(most);
}

Result<std::vector<CallerEntry>> CallerDirectory::find(std::string_view name) {
  std::vector<CallerEntry> found;
  for (const CallerKind kind : {CallerKind::credential, CallerKind::client}) {
    const auto took = [&](const CallerEntry& entry) { found.push_back(entry); };
    if (auto asked = state_->find(CallerName::of(kind, name), took); !asked)
      return std::unexpected(asked.error());
  }
  return found;
}

Result<std::vector<CallerEntry>> CallerDirectory::list(Order order, std::size_t most) {
  static constexpr std::array kBy = {"refused DESC, requests DESC, key", "requests DESC, key",
                                     "last_seen DESC, key"};
  std::vector<CallerEntry> all;
  const std::int64_t limit[] = {static_cast<std::int64_t>(most)};
  auto asked = state_->query(fmt::format("SELECT entry FROM callers ORDER BY {} LIMIT ?",
                                         kBy[static_cast<std::size_t>(order)]),
                             limit, [&](const CallerEntry& entry) { all.push_back(entry); });
  if (!asked) return std::unexpected(asked.error());
  return all;
}

Result<> CallerDirectory::each(const std::function<void(const CallerEntry&)>& visit) {
  return state_->query("SELECT entry FROM callers ORDER BY key", {}, visit);
}

Result<> CallerDirectory::credentials(std::size_t most, const std::function<void(const CallerEntry&)>& visit) {
  static_assert(static_cast<int>(CallerKind::credential) == 0);   // '0', the first byte of its key
  const std::int64_t limit[] = {static_cast<std::int64_t>(most)};
  return state_->query("SELECT entry FROM callers WHERE key >= x'30' AND key < x'31' ORDER BY requests DESC, key LIMIT ?", limit, visit);
}

Result<CallerDirectory::Totals> CallerDirectory::totals(WallTime since) {
  return state_->totals(since);
}
Result<std::vector<ImportedLog>> CallerDirectory::logs() { return state_->logs(); }

}  // namespace weir::store
