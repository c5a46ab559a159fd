#include "control/review_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "control/forms.h"
#include "control/json_read.h"
#include "control/rollout_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;
using Lines = std::vector<std::string>;

// Values of a configuration are whatever somebody wrote: cells obey nothing.
std::string quoted(const std::string& text, Form form) { return form == Form::markdown ? markdown_cell(text) : text; }

// As many lines as it takes, what follows further in. It is also printed as a comment: two columns are left for that.
std::string indented(std::string_view indent, std::string_view text) {
  std::string out;
  for (const std::string& line : wrapped_lines(text, kColumns - indent.size() - 4)) out += fmt::format("{}{}{}\n", indent, out.empty() ? "" : "  ", line);
  return out;
}

std::string head(const value& rollout) {
  const std::string outcome = text_at(rollout, "outcome"), by = text_at(rollout, "by"), why = text_at(rollout, "why");
  std::string out = fmt::format("{} by {}: {}", text_at(rollout, "revision"), text_at(rollout, "author"), outcome);
  if (outcome == "settled" || outcome == "under way") return out;
  out += fmt::format(" in {} by {} ({})", text_at(rollout, "stage"), by, text_at(rollout, "mechanism"));
  return why.empty() ? out : fmt::format("{}: {}", out, why);
}

Lines what_changed(const value& rollout, Form form) {
  Lines lines;
  for (const value& each : rollout.at("changes").as_array()) {
    const std::string kind = text_at(each, "kind"), path = quoted(text_at(each, "path"), form);
    if (kind == "changed") lines.push_back(fmt::format("{}: {} → {}", path, quoted(text_at(each, "before"), form), quoted(text_at(each, "after"), form)));
    else lines.push_back(fmt::format("{}: {}", path, kind));
  }
  const std::uint64_t total = count_at(rollout, "changes_total");
  if (total > lines.size()) lines.push_back(fmt::format("{} in all", grouped(total)));
  if (const std::string reason = text_at(rollout, "reason"); !reason.empty()) lines.push_back(fmt::format("because: {}", quoted(reason, form)));
  return lines;
}

// "requests newly refused: 12 of 10,000; of 3,100 seen 0 to 13 were expected, 4 were"
std::string predicted_text(const value& each) {
  const std::uint64_t low = count_at(each, "low"), high = count_at(each, "high"), of = count_at(each, "of"), seen = count_at(each, "seen");
  const auto whole = [&](std::string_view key) { return grouped(static_cast<std::uint64_t>(number_at(each, key))); };
  std::string out = fmt::format("{}: ", text_at(each, "what"));
  if (of == 0) out += fmt::format("{} at most, {} seen", grouped(high), grouped(seen));
  else out += fmt::format("{}{} of {}; of {} seen {} to {} were expected, {} were", low == high ? "" : grouped(low) + " to ", grouped(high), grouped(of),
                          grouped(count_at(each, "seen_of")), whole("from"), whole("to"), grouped(seen));
  return yes_at(each, "within") ? out : out + ": not as predicted";
}

Lines what_plan_said(const value& rollout) {
  Lines lines;
  for (const value& stage : rollout.at("finished").as_array())
    if (text_at(stage, "stage") == "plan") lines.push_back(stage_text(stage, text_at(rollout, "unit")));
  if (lines.empty()) lines.emplace_back(yes_at(rollout, "forced") ? "nothing: it was forced" : "nothing: no plan was made");
  const value* const prediction = rollout.as_object().if_contains("prediction");   // a review from before it has none
  if (prediction == nullptr || prediction->is_null()) return lines;
  for (const value& each : prediction->as_array()) lines.push_back(predicted_text(each));
  return lines;
}

Lines what_was_seen(const value& rollout) {
  Lines lines;
  for (const value& stage : rollout.at("finished").as_array()) {
    const std::string name = text_at(stage, "stage");
    if (name == "check" || name == "plan") continue;
    const std::string label = name == "canary" ? fmt::format("canary {}", share_text(number_at(stage, "share"))) : name;
    const std::string result = text_at(stage, "result");
    const std::string how = result == "passed" || result == "unproven" ? "" : result + ", ";   // which the text says
    lines.push_back(fmt::format("{}: {}{} ({})", label, how, stage_text(stage, text_at(rollout, "unit")), clock_text(number_at(stage, "took_s"))));
  }
  if (const value& judge = rollout.at("judge"); !judge.is_null()) {
    for (const value& guard : judge.at("guards").as_array()) {
      lines.push_back(fmt::format("{}: {}, control {}, evidence {:.1f} of {}", text_at(guard, "guard"), percent_text(number_at(guard, "share")),
                                  percent_text(number_at(guard, "control_share")), number_at(guard, "evidence"),
                                  grouped(static_cast<std::uint64_t>(number_at(judge, "rolls_back_at")))));
    }
  }
  if (lines.empty()) lines.emplace_back("nothing: it was never decided by");
  return lines;
}

Lines who_was_hurt(const value& rollout) {
  Lines lines;
  const value& judge = rollout.at("judge");
  if (judge.is_null()) return {"not known: nothing was judged"};
  constexpr std::pair<std::string_view, std::string_view> kWays[] = {{"refused", "newly refused"}, {"access", "without access"}, {"cut", "cut by a timeout"}};
  for (const auto& [key, how] : kWays) {
    const value& paired = judge.at(key);
    if (count_at(paired, "net") == 0) continue;
    lines.push_back(fmt::format("{} {}: {} of {}", counted(count_at(paired, "callers"), "known caller"), how, grouped(count_at(paired, "net")),
                                counted(count_at(paired, "requests"), "request")));
  }
  if (const value& failure = judge.at("failure"); !failure.is_null() && lines.empty())
    lines.push_back(fmt::format("by the guard {}: who, the numbers above do not say", text_at(failure, "guard").empty() ? text_at(failure, "kind") : text_at(failure, "guard")));
  if (lines.empty()) lines.emplace_back("nobody that the judge could see");
  return lines;
}

Lines what_stayed_unproven(const value& rollout) {
  Lines lines;
  const std::string unit = text_at(rollout, "unit");
  for (const value& stage : rollout.at("finished").as_array())
    if (text_at(stage, "result") == "unproven" || text_at(stage, "result") == "promoted")
      lines.push_back(fmt::format("{}: {}", text_at(stage, "stage"), stage_text(stage, unit)));
  for (const value& missing : rollout.at("missing").as_array()) lines.push_back(missing_text(missing, unit));
  for (const value& kind : rollout.at("not_seen").as_array()) lines.push_back(fmt::format("not seen: {}", config::printable(std::string_view(kind.as_string()))));
  if (const std::uint64_t callers = count_at(rollout, "callers_not_seen"); callers > 0)
    lines.push_back(fmt::format("{} of the top 100 callers did not come", grouped(callers)));
  if (const std::string notes = text_at(rollout, "notes"); !notes.empty()) lines.push_back(notes);
  if (lines.empty()) lines.emplace_back("nothing");
  return lines;
}

}  // namespace

std::string review_text(const value& rollout, Form form) {
  const bool markdown = form == Form::markdown;
  std::string out = markdown ? fmt::format("# {}\n", head(rollout)) : indented("", head(rollout));
  const std::pair<std::string_view, Lines> parts[] = {{"What changed", what_changed(rollout, form)},
                                                      {"What plan said", what_plan_said(rollout)},
                                                      {"What was seen", what_was_seen(rollout)},
                                                      {"Who was hurt", who_was_hurt(rollout)},
                                                      {"What stayed unproven", what_stayed_unproven(rollout)}};
  for (const auto& [title, lines] : parts) {
    out += markdown ? fmt::format("\n## {}\n\n", title) : fmt::format("{}\n", title);
    for (const std::string& line : lines) out += markdown ? fmt::format("- {}\n", line) : indented("  ", line);
  }
  return out;
}

}  // namespace weir::control
