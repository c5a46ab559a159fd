// The history of what ran: data_dir/revisions.db (SQLite), one row per revision: its texts, who made it, why and when, and what
// became of it. Written by the process that owns the data folder, a transaction for each step and on the disk before it is
// believed (synchronous = FULL), so that a process killed at any moment finds either the step done or not begun.
//
//   live          requests go by it; one at most
//   replaced      was live until another revision came
//   taken_back    was live, and somebody returned to an earlier one: its text is marked, and is not taken again unless asked twice
//
// Bounds: kMost revisions; the oldest that are neither live nor taken back go first. Texts are kept once for each hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/sqlite.h"

namespace weir::store {

struct RevisionFile {
  std::string name, text;
};

struct Revision {
  enum class State : std::uint8_t { live, replaced, taken_back };
  enum class Way : std::uint8_t { start, apply, hup };   // how it came

  std::uint32_t number = 0;
  std::string hash;
  std::string directory;             // for relative names in its texts
  State state = State::live;
  Way way = Way::apply;
  std::uint32_t before = 0;          // what was live when it came; 0: nothing
  WallTime at;                       // when it came
  std::string author, reason;
  // Of the end of its being live.
  WallTime ended_at;
  std::string ended_by, ended_reason;
};
std::string_view to_string(Revision::State state);
std::string_view to_string(Revision::Way way);

class Revisions {
 public:
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMaxText = std::size_t{64} << 20;   // of all files of one

  enum class Mode : std::uint8_t { read, write };
  // Made when missing (write). Fails where its bytes are not what SQLite wrote, or another version's.
  static Result<Revisions> open(const std::string& path, Mode mode, std::size_t most = kMost);

  // A new row, live; what was becomes replaced. Its number is one above the last, and above `before`.
  Result<std::uint32_t> go_live(const Revision& revision, const std::vector<RevisionFile>& files);
  // What is live is taken back, and `to` is live again.
  Result<> take_back(std::uint32_t to, WallTime at, std::string_view by, std::string_view why);

  Result<std::optional<Revision>> live();
  Result<std::optional<Revision>> find(std::uint32_t number);
  // The newest with this text.
  Result<std::optional<Revision>> of_hash(std::string_view hash);
  // The one that was live last before `number` and has not been taken back.
  Result<std::optional<Revision>> before(std::uint32_t number);
  // Newest first, below `below` (0: from the newest).
  Result<std::vector<Revision>> list(std::uint32_t below, std::size_t most);
  Result<std::vector<RevisionFile>> files(std::uint32_t number);

 private:
  Revisions(std::string path, Database database, std::size_t most) : path_(std::move(path)), database_(std::move(database)), most_(most) {}
  Result<> prepare(Mode mode);
  Result<> transaction(auto&& steps);
  Result<std::optional<Revision>> one(std::string_view where, std::int64_t number, std::string_view text);
  Result<> drop_oldest();

  std::string path_;
  Database database_;
  std::size_t most_;
};

}  // namespace weir::store
