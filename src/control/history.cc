#include "control/history.h"

#include <utility>

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/load.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using store::Revision;

std::vector<store::RevisionFile> files_of(const config::Input& input) {
  std::vector<store::RevisionFile> files;
  for (const config::SourceFile& file : input.files) files.push_back({.name = file.name, .text = file.text});
  return files;
}

Revision row_of(const Change& change, const std::string& hash, std::uint32_t live, WallTime now) {
  return {.hash = hash, .directory = change.input.directory, .way = change.way, .before = live, .at = now, .author = change.author,
          .reason = change.reason, .forced = change.forced, .protect = change.protect, .person = change.person};
}

void write_revision(JsonWriter& json, const Revision& revision) {
  json.field("revision", fmt::format("r{}", revision.number)).field("hash", revision.hash).field("state", store::to_string(revision.state));
  json.field("way", store::to_string(revision.way)).field("at", time_text(revision.at)).field("author", revision.author);
  json.field("reason", revision.reason).field("before", revision.before == 0 ? "" : fmt::format("r{}", revision.before));
  json.field("ended_at", revision.ended_at == WallTime() ? "" : time_text(revision.ended_at));
  json.field("ended_by", revision.ended_by).field("ended_reason", revision.ended_reason);
  json.field("forced", revision.forced).field("protect", revision.protect).field("person", revision.person);
  json.field("settled_at", revision.settled_at == WallTime() ? "" : time_text(revision.settled_at)).field("presented", revision.presented);
  json.field("presented_at", revision.presented_at == WallTime() ? "" : time_text(revision.presented_at));
}

}  // namespace

// A damaged file may be put right, or away, while the gateway runs: after a failure the next try opens it anew. What was opened
// while nothing could be written stays so, and may be written by now: it has its other try at once.
template <class F>
std::invoke_result_t<F&, store::Revisions&> History::with(F use) {
  const bool was_open = revisions_.has_value();
  auto result = attempt(use);
  return was_open && !revisions_ ? attempt(use) : std::move(result);
}

template <class F>
std::invoke_result_t<F&, store::Revisions&> History::attempt(F& use) {
  if (!revisions_) {
    auto opened = store::Revisions::open(path_, store::Revisions::Mode::write);
    if (!opened) {
      error_ = to_string(opened.error());
      // What may only be read is read all the same, this once: the next try opens it anew.
      auto readable = store::Revisions::open(path_, store::Revisions::Mode::read);
      return readable ? use(*readable) : std::invoke_result_t<F&, store::Revisions&>(std::unexpected(opened.error()));
    }
    revisions_.emplace(std::move(*opened));
  }
  auto result = use(*revisions_);
  const bool failed = !result && result.error().origin == Origin::system;
  error_ = failed ? to_string(result.error()) : "";
  if (failed) revisions_.reset();
  return result;
}

std::uint32_t History::boot(const Change& change, const std::string& hash, WallTime now) {
  const auto newest = list(0, 1);
  unwritten_ = Unwritten{.row = row_of(change, hash, 0, now), .files = files_of(change.input)};
  const std::uint32_t next = newest && !newest->empty() ? newest->front().number + 1 : 1;
  return catch_up().value_or(next);
}

Result<std::uint32_t> History::catch_up() {
  if (!unwritten_) return 0;
  auto number = with([&](store::Revisions& revisions) -> Result<std::uint32_t> {
    if (const auto left = revisions.interrupt(unwritten_->row.at); !left) return std::unexpected(left.error());
    const auto live = revisions.live();
    if (!live) return std::unexpected(live.error());
    if (*live && (*live)->hash == unwritten_->row.hash) return (*live)->number;
    unwritten_->row.before = *live ? (*live)->number : 0;
    return revisions.go_live(unwritten_->row, unwritten_->files);
  });
  if (number) unwritten_.reset();
  return number;
}

Result<std::optional<Revision>> History::of_hash(const std::string& hash) {
  return with([&](store::Revisions& revisions) { return revisions.of_hash(hash); });
}

Result<std::optional<Revision>> History::marked(const std::string& hash) {
  return with([&](store::Revisions& revisions) { return revisions.marked(hash); });
}

Result<std::optional<Revision>> History::refuse_marked(const std::string& hash, WallTime now) {
  auto found = marked(hash);
  if (!found || !*found) return found;
  // A count that is lost is no reason to say less.
  (void)with([&](store::Revisions& revisions) { return revisions.presented((*found)->number, now); });
  return found;
}

Result<std::uint32_t> History::go_live(const Change& change, const std::string& hash, std::uint32_t before, WallTime now) {
  if (auto ready = catch_up(); !ready) return ready;
  return with([&](store::Revisions& revisions) { return revisions.go_live(row_of(change, hash, before, now), files_of(change.input)); });
}

Result<std::uint32_t> History::propose(const Change& change, const std::string& hash, std::uint32_t before, WallTime now) {
  if (auto ready = catch_up(); !ready) return ready;
  return with([&](store::Revisions& revisions) { return revisions.propose(row_of(change, hash, before, now), files_of(change.input)); });
}

Result<> History::add_step(std::uint32_t number, const store::Step& step) {
  return with([&](store::Revisions& revisions) { return revisions.add_step(number, step); });
}

Result<> History::make_live(std::uint32_t number, const store::Step& step) {
  return with([&](store::Revisions& revisions) { return revisions.make_live(number, step); });
}

Result<> History::settle(std::uint32_t number, const store::Step& step) {
  return with([&](store::Revisions& revisions) { return revisions.settle(number, step); });
}

Result<> History::stop(std::uint32_t number, store::Revisions::Mark mark, const store::Step& step, const std::string& by, const std::string& why) {
  return with([&](store::Revisions& revisions) { return revisions.stop(number, mark, step, by, why); });
}

Result<> History::take_back(std::uint32_t to, WallTime now, const std::string& by, const std::string& why, const std::optional<store::Step>& step) {
  if (auto ready = catch_up(); !ready) return std::unexpected(ready.error());
  return with([&](store::Revisions& revisions) { return revisions.take_back(to, now, by, why, step); });
}

Result<std::vector<store::Step>> History::steps(std::uint32_t number) {
  return with([&](store::Revisions& revisions) { return revisions.steps(number); });
}

Result<std::optional<Revision>> History::taken_back() {
  return with([](store::Revisions& revisions) { return revisions.taken_back(); });
}

Result<Revision> History::target(std::uint32_t to, std::uint32_t live) {
  if (auto ready = catch_up(); !ready) return std::unexpected(ready.error());
  if (to == live) return fail(ErrorKind::invalid, fmt::format("r{} is live already", live), Origin::client);
  auto found = find(to, live);
  if (!found) return std::unexpected(found.error());
  using State = Revision::State;
  const auto never_live = [](State state) { return state == State::candidate || state == State::refused || state == State::stopped; };
  if (*found && !never_live((*found)->state)) return std::move(**found);
  if (*found) {
    return fail(ErrorKind::invalid, fmt::format("r{} never was live: weir apply FILE --retry --reason WHY tries its text again", (*found)->number), Origin::client);
  }
  return fail(ErrorKind::not_found,
              to != 0 ? fmt::format("there is no r{}; weir history lists what there is", to)
                      : fmt::format("nothing else was live before r{}; weir history lists what there is", live),
              Origin::client);
}

Result<std::optional<Revision>> History::find(std::uint32_t number, std::uint32_t before) {
  return with([&](store::Revisions& revisions) { return number != 0 ? revisions.find(number) : revisions.before(before); });
}

Result<config::Input> History::input_of(const Revision& revision) {
  return with([&](store::Revisions& revisions) -> Result<config::Input> {
    auto files = revisions.files(revision.number);
    if (!files) return std::unexpected(files.error());
    config::Input input{.directory = revision.directory};
    for (store::RevisionFile& file : *files) input.files.push_back({.name = std::move(file.name), .text = std::move(file.text)});
    if (config::hash_of(input) == revision.hash) return input;
    return fail(ErrorKind::invalid, fmt::format("the history {}: the text of r{} is damaged", path_, revision.number), Origin::system);
  });
}

Result<std::vector<Revision>> History::list(std::uint32_t below, std::size_t most) {
  return with([&](store::Revisions& revisions) { return revisions.list(below, most); });
}

std::string drift_of(History& history, const std::string& path, const std::string& live_hash) {
  const auto input = read_configuration(path);
  if (!input) return fmt::format("cannot be read: {}", to_string(input.error()));
  const std::string hash = config::hash_of(*input);
  if (hash == live_hash) return "";
  const auto marked = history.marked(hash);
  if (marked && *marked) return "is " + taken_back_text(**marked);
  const auto known = history.of_hash(hash);
  if (!known || !*known) return "is not applied yet";
  return fmt::format("is r{}, {}", (*known)->number, store::to_string((*known)->state));
}

std::string taken_back_text(const Revision& revision) {
  const std::string_view what = revision.state == Revision::State::refused ? "refused" : "taken back";
  std::string text = fmt::format("r{}, {} {}", revision.number, what, time_text(revision.ended_at));
  if (!revision.ended_by.empty()) text += " by " + config::printable(revision.ended_by);
  if (!revision.ended_reason.empty()) text += ": " + config::printable(revision.ended_reason);
  return text;
}

std::string history_json(const std::vector<Revision>& revisions, std::uint32_t live) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("live", fmt::format("r{}", live)).key("revisions").begin_array();
  for (const Revision& revision : revisions) {
    json.begin_object();
    write_revision(json, revision);
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

std::string revision_json(const Revision& revision, const config::Input& input, const std::vector<store::Step>& steps) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  write_revision(json, revision);
  json.key("steps").begin_array();
  for (const store::Step& step : steps) {
    json.begin_object().field("at", time_text(step.at)).field("stage", step.stage).field("verdict", step.verdict).field("text", step.text).end_object();
    if (step.json.empty()) continue;
    out.pop_back();   // its facts are JSON already
    out += fmt::format(",\"facts\":{}}}", step.json);
  }
  json.end_array();
  json.field("directory", input.directory).key("files").begin_array();
  for (const config::SourceFile& file : input.files) json.begin_object().field("name", file.name).field("text", file.text).end_object();
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
