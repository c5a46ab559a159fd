#include "control/history_text.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "control/forms.h"
#include "control/json_read.h"
#include "control/review_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

constexpr std::size_t kThen = 64, kFurther = 9;   // columns in which the last word of a row begins, and what follows it
constexpr std::size_t kStep = 50;   // and what is told of a step of `show`

// What finds no room goes on below, further in.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t first) {
  const std::vector<std::string> lines = wrapped_lines(text, first);
  std::string out = (lines.empty() ? "" : lines.front()) + "\n";
  text.remove_prefix(out.size() - 1);
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
  for (const std::string& line : wrapped_lines(text, kColumns - indent.size())) out += fmt::format("{}{}\n", indent, line);
  return out;
}

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
    out += fmt::format("{:<2}{:<7}{:<26}{:<14}{:<15}{}", text_at(row, "state") == "live" ? "▸" : "", number, text_at(row, "at"),
                       text_at(row, "author"), way_text(row), wrapped(state_text(row), std::string(kFurther, ' '), kColumns - kThen));
    for (const std::string& line : wrapped_lines(text_at(row, "reason"), kColumns - kFurther)) out += fmt::format("{:<9}{}\n", "", line);
  }
  return out + "next: weir show rN | weir diff rN | weir rollback rN\n";
}

std::string revision_text(const value& revision) {
  std::string out = "# " + wrapped(fmt::format("{}   {}", text_at(revision, "revision"), state_text(revision)), "#   ", kColumns - 2);
  out += fmt::format("# came {} by {} ({})", text_at(revision, "at"), text_at(revision, "author"), way_text(revision));
  if (const std::string before = text_at(revision, "before"); !before.empty()) out += ", when " + before + " was live";
  out += '\n';
  for (const std::string& line : wrapped_lines(text_at(revision, "reason"), kColumns - 2)) out += fmt::format("# {}\n", line);
  out += fmt::format("# hash {}\n", text_at(revision, "hash"));
  if (yes_at(revision, "protect")) out += "# protected: only a person takes it back\n";
  for (const value& step : revision.at("steps").as_array())
    out += fmt::format("# {}  {:<12}{:<9} {}", text_at(step, "at"), text_at(step, "stage"), text_at(step, "verdict"), wrapped(text_at(step, "text"), "#   ", kColumns - kStep));
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
