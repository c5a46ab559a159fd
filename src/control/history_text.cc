#include "control/history_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/forms.h"
#include "control/json_read.h"
#include "control/review_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

// "taken back 2026-11-27T14:30:00.000Z by ops: checkout fails"; what needs no more words has one.
std::string state_text(const value& revision) {
  const std::string state = text_at(revision, "state"), at = text_at(revision, "ended_at");
  if (state == "taken_back" || state == "refused" || state == "stopped") {
    std::string text = (state == "taken_back" ? "taken back " : state + " ") + at;
    if (const std::string by = text_at(revision, "ended_by"); !by.empty()) text += " by " + by;
    if (const std::string why = text_at(revision, "ended_reason"); !why.empty()) text += ": " + why;
    if (const std::uint64_t again = count_at(revision, "presented"); again > 0)
      text += fmt::format("; presented again {} times, last {}", grouped(again), text_at(revision, "presented_at"));
    return text;
  }
  if (state == "live") return text_at(revision, "settled_at").empty() ? "live, not settled" : "live";
  return state == "replaced" ? "until " + at : state;
}

std::string way_text(const value& revision) { return text_at(revision, "way") + (yes_at(revision, "forced") ? ", forced" : ""); }

// Facts of the last step that has some of a whole rollout; null: none.
const value* review_of(const value& revision) {
  const value* found = nullptr;
  for (const value& step : revision.at("steps").as_array())
    if (text_at(step, "stage") == "review") found = step.as_object().if_contains("facts");
  return found;
}

}  // namespace

std::string history_text(const value& history) {
  const auto& rows = history.at("revisions").as_array();
  std::string out = fmt::format("{:<2}{:<7}{:<26}{:<14}{:<15}{}\n", "", "", "came", "by", "way", "then");
  for (const value& row : rows) {
    const std::string number = text_at(row, "revision");
    out += fmt::format("{:<2}{:<7}{:<26}{:<14}{:<15}{}\n", text_at(row, "state") == "live" ? "▸" : "", number, text_at(row, "at"),
                       text_at(row, "author"), way_text(row), state_text(row));
    if (const std::string reason = text_at(row, "reason"); !reason.empty()) out += fmt::format("{:<9}{}\n", "", reason);
  }
  return out + "next: weir show rN | weir diff rN | weir rollback rN\n";
}

std::string revision_text(const value& revision) {
  std::string out = fmt::format("# {}   {}\n# came {} by {} ({})", text_at(revision, "revision"), state_text(revision),
                                text_at(revision, "at"), text_at(revision, "author"), way_text(revision));
  if (const std::string before = text_at(revision, "before"); !before.empty()) out += ", when " + before + " was live";
  out += '\n';
  if (const std::string reason = text_at(revision, "reason"); !reason.empty()) out += fmt::format("# {}\n", reason);
  out += fmt::format("# hash {}\n", text_at(revision, "hash"));
  if (yes_at(revision, "protect")) out += "# protected: only a person takes it back\n";
  for (const value& step : revision.at("steps").as_array())
    out += fmt::format("# {}  {:<12}{:<9} {}\n", text_at(step, "at"), text_at(step, "stage"), text_at(step, "verdict"), text_at(step, "text"));
  if (const value* const review = review_of(revision); review != nullptr) {
    const std::string text = review_text(*review, Form::plain);
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
      end = text.find('\n', begin);
      out += fmt::format("# {}\n", text.substr(begin, end - begin));
    }
  }
  const auto& files = revision.at("files").as_array();
  for (const value& file : files) {
    if (files.size() > 1) out += fmt::format("# ---- {}\n", text_at(file, "name"));
    out += std::string_view(file.at("text").as_string());
    if (!out.ends_with('\n')) out += '\n';
  }
  return out;
}

std::string revision_markdown(const value& revision) {
  std::string out;
  if (const value* const review = review_of(revision); review != nullptr) out = review_text(*review, Form::markdown);
  else out = fmt::format("# {}: {}\n", text_at(revision, "revision"), state_text(revision));
  const auto& steps = revision.at("steps").as_array();
  if (steps.empty()) return out;
  out += "\n## Stages\n\n| at | stage | verdict | |\n|---|---|---|---|\n";
  for (const value& step : steps)
    out += fmt::format("| {} | {} | {} | {} |\n", text_at(step, "at"), text_at(step, "stage"), text_at(step, "verdict"), markdown_cell(text_at(step, "text")));
  return out;
}

}  // namespace weir::control
