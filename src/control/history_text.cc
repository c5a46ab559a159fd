#include "control/history_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

// "taken back 2026-11-27T14:30:00.000Z by ops: checkout fails"; what needs no more words has one.
std::string state_text(const value& revision) {
  const std::string state = text_at(revision, "state"), at = text_at(revision, "ended_at");
  if (state == "taken_back") {
    std::string text = "taken back " + at;
    if (const std::string by = text_at(revision, "ended_by"); !by.empty()) text += " by " + by;
    if (const std::string why = text_at(revision, "ended_reason"); !why.empty()) text += ": " + why;
    return text;
  }
  return state == "replaced" ? "until " + at : state;
}

}  // namespace

std::string history_text(const value& history) {
  const auto& rows = history.at("revisions").as_array();
  std::string out = fmt::format("{:<2}{:<7}{:<26}{:<14}{:<7}{}\n", "", "", "came", "by", "way", "then");
  for (const value& row : rows) {
    const std::string number = text_at(row, "revision");
    out += fmt::format("{:<2}{:<7}{:<26}{:<14}{:<7}{}\n", text_at(row, "state") == "live" ? "▸" : "", number, text_at(row, "at"),
                       text_at(row, "author"), text_at(row, "way"), state_text(row));
    if (const std::string reason = text_at(row, "reason"); !reason.empty()) out += fmt::format("{:<9}{}\n", "", reason);
  }
  return out + "next: weir show rN | weir diff rN | weir rollback rN\n";
}

std::string revision_text(const value& revision) {
  std::string out = fmt::format("# {}   {}\n# came {} by {} ({})", text_at(revision, "revision"), state_text(revision),
                                text_at(revision, "at"), text_at(revision, "author"), text_at(revision, "way"));
  if (const std::string before = text_at(revision, "before"); !before.empty()) out += ", when " + before + " was live";
  out += '\n';
  if (const std::string reason = text_at(revision, "reason"); !reason.empty()) out += fmt::format("# {}\n", reason);
  out += fmt::format("# hash {}\n", text_at(revision, "hash"));
  const auto& files = revision.at("files").as_array();
  for (const value& file : files) {
    if (files.size() > 1) out += fmt::format("# ---- {}\n", text_at(file, "name"));
    out += std::string_view(file.at("text").as_string());
    if (!out.ends_with('\n')) out += '\n';
  }
  return out;
}

}  // namespace weir::control
