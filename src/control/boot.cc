#include "control/boot.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "config/report.h"
#include "control/history.h"
#include "control/places.h"
#include "fmt/core.h"
#include "store/revisions.h"

namespace weir::control {
namespace {

using store::Revision;

struct Past {
  std::optional<Revision> marked;    // whose mark the text of the file bears
  std::uint32_t on_its_way = 0;      // that had this text when the last process ended
  std::optional<Revision> live;
  config::Input input;               // of `live`
  std::string damaged;               // its texts, which nobody wrote so: none is live then
};

// A candidate, or said to have been one by a start since then.
bool was_on_its_way(const Revision& row) {
  return row.state == Revision::State::candidate || (row.state == Revision::State::stopped && row.ended_reason.starts_with("interrupted"));
}

// Whatever is wrong with the history is said by the gateway itself, once it has booted.
Past look_back(const std::string& history, const std::string& hash) {
  Past past;
  std::error_code error;
  if (!std::filesystem::exists(history, error)) return past;
  auto revisions = store::Revisions::open(history, store::Revisions::Mode::write);
  if (!revisions) return past;
  if (const auto live = revisions->live(); live) past.live = *live;
  if (const auto marked = revisions->marked(hash); marked) past.marked = *marked;
  if (const auto last = revisions->of_hash(hash); last && *last && was_on_its_way(**last)) past.on_its_way = (*last)->number;
  if (!past.live) return past;
  const auto files = revisions->files(past.live->number);
  if (!files || files->empty()) {
    past.live.reset();
    return past;
  }
  past.input.directory = past.live->directory;
  for (const store::RevisionFile& each : *files) past.input.files.push_back({.name = each.name, .text = each.text});
  if (config::hash_of(past.input) == past.live->hash) return past;
  past.damaged = fmt::format("r{}, which was live last, cannot run: its text in {} is damaged\n", past.live->number, history);
  past.live.reset();
  return past;
}

}  // namespace

Booting what_boots(Result<config::Input> file, const std::string& path, const std::string& state_directory, NameTable& names) {
  Booting booting;
  std::string hash, unreadable;
  config::Input input;
  if (file) {
    input = *file;
    hash = config::hash_of(input);
  } else {
    unreadable = to_string(file.error());
    std::error_code error;
    input = {.files = {{.name = path, .text = ""}}, .directory = std::filesystem::current_path(error).string()};
  }
  booting.data_dir = written_data_dir(input);
  if (booting.data_dir.empty()) booting.data_dir = default_data_dir(input, state_directory);
  Past past = look_back(booting.data_dir + "/revisions.db", hash);

  const bool taken_back = past.marked.has_value();
  const bool waits = taken_back || past.on_its_way != 0;   // what nobody has judged yet may be what ended the last process
  if (file && !(waits && past.live)) {
    file->data_dir = booting.data_dir;
    booting.loaded = load(std::move(*file), names);
    if (!booting.loaded.outcome.diagnostics.empty()) booting.report = config::render_text(booting.loaded.outcome, booting.loaded.input.files);
    if (booting.loaded.outcome.policy == nullptr) booting.report += past.damaged;
    if (booting.loaded.outcome.policy != nullptr || !past.live) return booting;
  }
  if (!past.live) {
    booting.report = unreadable + "\n" + past.damaged;
    return booting;
  }
  const std::string name = path.empty() ? input.files.front().name : path;
  const std::string what = taken_back ? fmt::format("{} is {}", name, taken_back_text(*past.marked))
                           : past.on_its_way != 0 && file ? fmt::format("{} is r{}, which was on its way when weir ended: weir apply {} sends it again", name, past.on_its_way, name)
                           : file     ? fmt::format("{} has errors", name)
                                      : unreadable;
  booting.why = fmt::format("{}; r{}, which was live last, runs", what, past.live->number);
  past.input.data_dir = booting.data_dir;
  booting.loaded = load(std::move(past.input), names);
  if (booting.loaded.outcome.policy == nullptr) booting.report += config::render_text(booting.loaded.outcome, booting.loaded.input.files);
  return booting;
}

}  // namespace weir::control
