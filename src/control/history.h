// History: revisions.db as the gateway uses it, on the study. Whether a change may come, its number, and what became of it. Where
// it cannot be read or written traffic goes on and changes are refused with the reason; each is another try.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/compile.h"
#include "store/revisions.h"

namespace weir::control {

// A change as it is asked for.
struct Change {
  config::Input input;
  store::Revision::Way way = store::Revision::Way::apply;
  std::string author, reason;
  std::uint32_t base = 0;        // refused where another revision is live by now; 0: any
  bool retry = false;            // also a text that is marked
  bool forced = false, protect = false, person = false;   // store/revisions.h
  bool fast = false;             // short stages
  std::optional<Nanos> confirm_within = {};   // else it is taken back by itself
};

class History {
 public:
  explicit History(std::string path) : path_(std::move(path)) {}

  // The number under which a booting gateway runs this; where it cannot be written (error()) the one that it has when it can be. What
  // was on its way when the last process ended is interrupted.
  std::uint32_t boot(const Change& change, const std::string& hash, WallTime now);
  // The row whose mark this text bears: it was taken back, or refused before it was live.
  Result<std::optional<store::Revision>> marked(const std::string& hash);
  // Of a text that somebody presents: as marked(), and its row counts that it came again.
  Result<std::optional<store::Revision>> refuse_marked(const std::string& hash, WallTime now);
  Result<std::optional<store::Revision>> of_hash(const std::string& hash);   // the newest
  // A new revision is live; its number.
  Result<std::uint32_t> go_live(const Change& change, const std::string& hash, std::uint32_t before, WallTime now);
  // The way in stages; each is one transaction, and what it says is not believed before it is done.
  Result<std::uint32_t> propose(const Change& change, const std::string& hash, std::uint32_t before, WallTime now);
  Result<> add_step(std::uint32_t number, const store::Step& step);
  Result<> make_live(std::uint32_t number, const store::Step& step);
  Result<> settle(std::uint32_t number, const store::Step& step);
  Result<> stop(std::uint32_t number, store::Revisions::Mark mark, const store::Step& step, const std::string& by, const std::string& why);
  Result<> take_back(std::uint32_t to, WallTime now, const std::string& by, const std::string& why, const std::optional<store::Step>& step = {});
  Result<std::vector<store::Step>> steps(std::uint32_t number);
  Result<std::optional<store::Revision>> taken_back();   // the last one
  // Where a rollback leads: to `to`, or where that is 0, to what was live before.
  Result<store::Revision> target(std::uint32_t to, std::uint32_t live);
  // `number`, or where that is 0, what was live before `before`.
  Result<std::optional<store::Revision>> find(std::uint32_t number, std::uint32_t before = 0);
  Result<config::Input> input_of(const store::Revision& revision);
  Result<std::vector<store::Revision>> list(std::uint32_t below, std::size_t most);

  const std::string& error() const { return error_; }   // of the last try; "": all is well

 private:
  template <class F>
  std::invoke_result_t<F&, store::Revisions&> with(F use);
  template <class F>
  std::invoke_result_t<F&, store::Revisions&> attempt(F& use);   // revisions_ is none after a failure of the file

  // What booted is written before anything that follows it; its number.
  Result<std::uint32_t> catch_up();

  struct Unwritten {
    store::Revision row;
    std::vector<store::RevisionFile> files;
  };
  std::string path_;
  std::optional<store::Revisions> revisions_;
  std::optional<Unwritten> unwritten_;
  std::string error_;
};

// How the file at `path` stands to what is live: "" where it is that, else "is r43, taken back …", "is not applied yet".
std::string drift_of(History& history, const std::string& path, const std::string& live_hash);

// "r43, taken back 2026-11-27T14:30:00Z by ops: why"; "refused" where it never was live.
std::string taken_back_text(const store::Revision& revision);
std::string history_json(const std::vector<store::Revision>& revisions, std::uint32_t live);
std::string revision_json(const store::Revision& revision, const config::Input& input, const std::vector<store::Step>& steps = {});

}  // namespace weir::control
