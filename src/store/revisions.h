// The history of what ran or was tried: data_dir/revisions.db (SQLite), one row per revision: its texts, who made it, why and when, and
// what became of it, stage by stage. Written by the process that owns the data folder, a transaction for each step and on the disk before it is
// believed (synchronous = FULL), so that a process killed at any moment finds either the step done or not begun.
//
//   candidate     on its way: in a stage before live; one at most
//   live          requests go by it; one at most. Settled once its watch ended well
//   replaced      was live until another revision came
//   taken_back    was live, and somebody or the judge returned to an earlier one: its text is marked, and is not taken again unless
//                 asked twice
//   refused       was stopped before live, by the judge or somebody: its text is marked likewise
//   stopped       was given up before live for want of data, for another change, or because weir ended: its text is as good as new
//
// A mark is of the newest row of its text that is neither candidate nor stopped. A row counts how often its text was presented and
// refused since, so that a cron leaves a number and not a thousand rows.
//
// Bounds: kMost revisions; the oldest that are neither live nor taken back go first, kMostSteps steps of each, its last. Texts are
// kept once for each hash. A file of version 1 (without stages) becomes one of version 2 in one transaction when it is opened to be
// written; what was live in it counts as settled.
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
  enum class State : std::uint8_t { live, replaced, taken_back, candidate, refused, stopped };   // as on the disk
  enum class Way : std::uint8_t { start, apply, hup };   // how it came

  std::uint32_t number = 0;
  std::string hash;
  std::string directory;             // for relative names in its texts
  State state = State::live;
  Way way = Way::apply;
  std::uint32_t before = 0;          // what was live when it came; 0: nothing
  WallTime at;                       // when it came
  std::string author, reason;
  bool forced = false, protect = false, person = false;   // --now; only a person takes it back; a person asked for it
  WallTime settled_at;               // the epoch: it is not
  std::uint64_t presented = 0;       // refused again because of its mark
  WallTime presented_at;             // the last time
  // Of the end of its being live.
  WallTime ended_at;
  std::string ended_by, ended_reason;
};
// One step of a rollout, and what came of it. `json` is its facts, for show and the review.
struct Step {
  WallTime at;
  std::string stage, verdict, text, json;
};

std::string_view to_string(Revision::State state);
std::string_view to_string(Revision::Way way);

class Revisions {
 public:
  static constexpr std::size_t kMost = 10'000;
  static constexpr std::size_t kMaxText = std::size_t{64} << 20;   // of all files of one

  static constexpr std::size_t kMostSteps = 100;
  static constexpr std::size_t kMaxStep = std::size_t{1} << 20;    // text and json of one

  enum class Mode : std::uint8_t { read, write };
  // Made when missing (write). Fails where its bytes are not what SQLite wrote, or another version's.
  static Result<Revisions> open(const std::string& path, Mode mode, std::size_t most = kMost);

  // A new row, live; what was becomes replaced. Its number is one above the last, and above `before`.
  Result<std::uint32_t> go_live(const Revision& revision, const std::vector<RevisionFile>& files);
  // A new row, a candidate; one that was becomes stopped. Its number is one above the last.
  Result<std::uint32_t> propose(const Revision& revision, const std::vector<RevisionFile>& files);
  Result<> add_step(std::uint32_t number, const Step& step);
  // The candidate is live, and what was becomes replaced. Fails where it is no candidate.
  Result<> make_live(std::uint32_t number, const Step& step);
  Result<> settle(std::uint32_t number, const Step& step);
  // The candidate will not be live: refused marks its text, stopped does not.
  enum class Mark : std::uint8_t { no, yes };
  Result<> stop(std::uint32_t number, Mark mark, const Step& step, std::string_view by, std::string_view why);
  // What is live is taken back, and `to` is live again. The step is of what was live.
  Result<> take_back(std::uint32_t to, WallTime at, std::string_view by, std::string_view why, const std::optional<Step>& step = {});
  // Its text came again and was refused.
  Result<> presented(std::uint32_t number, WallTime at);
  // A candidate that a killed process left becomes stopped, and says so. Its number, or none.
  Result<std::optional<std::uint32_t>> interrupt(WallTime at);

  Result<std::optional<Revision>> live();
  Result<std::optional<Revision>> find(std::uint32_t number);
  // The newest with this text.
  Result<std::optional<Revision>> of_hash(std::string_view hash);
  // The row whose mark this text bears.
  Result<std::optional<Revision>> marked(std::string_view hash);
  // That was taken back last.
  Result<std::optional<Revision>> taken_back();
  // Where a rollback of `number` leads: of those with another text that were live and not taken back the one that was last, a settled
  // one before any other.
  Result<std::optional<Revision>> before(std::uint32_t number);
  // Newest first, below `below` (0: from the newest).
  Result<std::vector<Revision>> list(std::uint32_t below, std::size_t most);
  Result<std::vector<RevisionFile>> files(std::uint32_t number);
  Result<std::vector<Step>> steps(std::uint32_t number);   // in the order in which they came

 private:
  Revisions(std::string path, Database database, std::size_t most) : path_(std::move(path)), database_(std::move(database)), most_(most) {}
  Result<> prepare(Mode mode);
  Result<> migrate();
  Result<std::uint32_t> insert(const Revision& revision, Revision::State state, const std::vector<RevisionFile>& files);
  Result<> write_step(std::uint32_t number, const Step& step);
  Result<> transaction(auto&& steps);
  Result<std::optional<Revision>> one(std::string_view where, std::int64_t number, std::string_view text);
  Result<> drop_oldest();

  std::string path_;
  Database database_;
  std::size_t most_;
};

}  // namespace weir::store
