#include "control/rollout_text.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "control/forms.h"
#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

constexpr std::size_t kLabel = 13, kText = 73, kBar = 20, kSmallBar = 10, kName = 16;

std::string plural(std::string_view unit) { return unit == "client address" ? "client addresses" : fmt::format("{}s", unit); }
std::string units_text(std::uint64_t units, std::string_view unit) {
  return fmt::format("{} {}", grouped(units), units == 1 ? std::string(unit) : plural(unit));
}

std::string bar(double part, std::size_t cells) {
  const auto full = static_cast<std::size_t>(std::lround(std::clamp(part, 0.0, 1.0) * static_cast<double>(cells)));
  std::string out;
  for (std::size_t i = 0; i < cells; ++i) out += i < full ? "█" : "░";
  return out;
}

std::string_view mark_of(std::string_view result) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kMarks = {
      {{"passed", "✓"}, {"unproven", "?"}, {"promoted", "»"}, {"failed", "✗"}, {"ended", "■"}}};
  for (const auto& [word, mark] : kMarks)
    if (word == result) return mark;
  return " ";
}

std::string label_of(std::string_view stage, double share) {
  return stage == "canary" ? fmt::format("{:<7}{:>6}", stage, share_text(share)) : std::string(stage);
}

std::string stage_line(std::string_view mark, std::string_view label, std::string_view text, std::string_view time) {
  std::string line = fmt::format(" {} {}  {}", mark, fitted(label, kLabel), fitted(text, kText));
  line += fmt::format("{:>8}", time);
  return line + "\n";
}

std::string detail_line(std::string_view name, std::string_view text) {
  std::string out;
  for (const std::string& line : wrapped_lines(text, kColumns - kName - 6)) {
    out += fmt::format("     {}{}\n", fitted(out.empty() ? name : "", kName), line);
  }
  return out;
}

std::string change_text(const value& rollout) {
  const auto& changes = rollout.at("changes").as_array();
  const std::uint64_t total = count_at(rollout, "changes_total");
  std::string out = counted(total, "change"), classes;
  for (const value& each : rollout.at("class").as_array()) classes += fmt::format("{}{}", classes.empty() ? "" : ", ", std::string_view(each.as_string()));
  if (!classes.empty()) out += fmt::format(", class {}", classes);
  if (changes.empty()) return out;
  const value& first = changes.front();
  out += fmt::format(": {}", text_at(first, "path"));
  if (text_at(first, "kind") == "changed") out += fmt::format(" {} → {}", text_at(first, "before"), text_at(first, "after"));
  else out += fmt::format(" {}", text_at(first, "kind"));
  return total > 1 ? fmt::format("{}, …", out) : out;
}

std::string verdict_text(const value& rollout) {
  const std::string outcome = text_at(rollout, "outcome");
  std::string where = text_at(rollout, "stage");
  const auto& finished = rollout.at("finished").as_array();
  if (where == "canary" && !finished.empty()) where = fmt::format("the canary of {}", share_text(number_at(finished.back(), "share")));
  const std::string by = text_at(rollout, "by"), why = text_at(rollout, "why");
  const std::string mechanism = text_at(rollout, "mechanism");
  if (outcome == "settled") return "SETTLED";
  const std::string_view word = outcome == "rolled back" ? "ROLLED BACK" : outcome == "stopped" ? "STOPPED" : "SUPERSEDED";
  return fmt::format("{} in {} by {} ({}){}{}", word, where, by, mechanism, why.empty() ? "" : ": ", why);
}

std::string guards_text(const value& judge, Bars bars) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNames = {
      {{"bad", "bad share"}, {"refused", "known refused"}, {"slow", "slower than p99"}, {"volume", "gone silent"}}};
  std::string out;
  const double limit = number_at(judge, "rolls_back_at");
  for (const value& guard : judge.at("guards").as_array()) {
    const std::string name = text_at(guard, "guard");
    const auto known = std::ranges::find(kNames, std::string_view(name), &std::pair<std::string_view, std::string_view>::first);
    const double evidence = number_at(guard, "evidence");
    std::string text = fmt::format("{:<9}control {:<9}", percent_text(number_at(guard, "share")), percent_text(number_at(guard, "control_share")));
    if (bars == Bars::yes) text += bar(std::log(std::max(1.0, evidence)) / std::log(limit), kSmallBar) + "  ";
    text += fmt::format("evidence {:.1f}", evidence);
    if (out.empty()) text += fmt::format(", rolls back at {}", grouped(static_cast<std::uint64_t>(limit)));
    if (const std::string worst = text_at(guard, "worst"); !worst.empty() && evidence > 1) text += fmt::format("   most in {}", worst);
    out += detail_line(known == kNames.end() ? std::string_view(name) : known->second, text);
  }
  return out;
}

std::string paired_text(const value& judge) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kNames = {
      {{"refused", "newly refused"}, {"access", "without access"}, {"cut", "cut by timeout"}}};
  std::string out;
  for (const auto& [key, name] : kNames) {
    const value& paired = judge.at(key);
    const std::uint64_t net = count_at(paired, "net");
    std::string text = fmt::format("{} of {}", grouped(net), counted(count_at(paired, "requests"), "request"));
    if (net > 0) text += fmt::format(", {}", counted(count_at(paired, "callers"), "known caller"));
    out += detail_line(name, text);
  }
  return out;
}

std::string full_load_text(const value& rollout) {
  std::string text;
  if (const value& fill = rollout.at("fill"); !fill.is_null())
    text = fmt::format("{} fill p99.9 {}", text_at(fill, "limit"), percent_text(number_at(fill, "candidate")));
  if (const value& hottest = rollout.at("hottest"); !hottest.is_null())
    text += fmt::format("{}hottest endpoint {} {:.1f}× of seen", text.empty() ? "" : ", ", text_at(hottest, "endpoint"), number_at(hottest, "ratio"));
  return text.empty() ? "" : detail_line("at 100 %", text);
}

std::string not_seen_text(const value& rollout) {
  const auto& kinds = rollout.at("not_seen").as_array();
  const std::uint64_t total = count_at(rollout, "not_seen_total"), callers = count_at(rollout, "callers_not_seen");
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kinds.size(), kShown); ++i)
    text += fmt::format("{}{}", text.empty() ? "" : " · ", config::printable(std::string_view(kinds[i].as_string())));
  if (total > kShown) text += fmt::format(" · {} in all", grouped(total));
  if (callers > 0) text += fmt::format("{}{} of the top 100 callers (watched singly)", text.empty() ? "" : " · ", callers);
  return text.empty() ? "" : detail_line("not seen yet", text);
}

// Whether its text is taken again only by who asks twice (store/revisions.h).
bool is_marked(const value& rollout) {
  if (text_at(rollout, "outcome") == "rolled back") return true;
  const std::string mechanism = text_at(rollout, "mechanism");
  return mechanism == "plan" || mechanism == "predictive" || mechanism == "guard" || mechanism == "person";
}

std::string present_text(const value& rollout, Bars bars) {
  const std::string stage = text_at(rollout, "stage"), unit = text_at(rollout, "unit");
  const bool comparing = yes_at(rollout, "comparing");
  const std::string label = comparing ? "compare  50 %" : label_of(stage, number_at(rollout, "share"));
  std::string text = stage == "plan" || stage == "check" ? "" : counted(count_at(rollout, "requests"), "request");
  if (stage == "canary" || comparing) text += fmt::format(", {}", units_text(count_at(rollout, "units"), unit));
  if (stage == "shadow") text += fmt::format(": {} differ", grouped(count_at(rollout, "differ")));
  std::string time = clock_text(number_at(rollout, "stage_s"));
  if (const value& of = rollout.at("stage_of_s"); !of.is_null() && !comparing) {
    const double all = of.to_number<double>();
    if (bars == Bars::yes && rollout.at("held_s").is_null()) text = fitted(text, 36) + bar(number_at(rollout, "stage_s") / all, kBar);
    time = fmt::format("{} of {}", time, clock_text(all));
  }
  std::string out = fmt::format(" ▸ {}  {}", fitted(label, kLabel), fitted(text, kColumns - kLabel - 5 - width(time))) + time + "\n";
  if (const value& held = rollout.at("held_s"); !held.is_null()) {
    const auto& missing = rollout.at("missing").as_array();
    out += detail_line("held", fmt::format("{}, for want of {}", clock_text(held.to_number<double>()), missing.empty() ? "data" : missing_text(missing.front(), unit)));
    for (std::size_t i = 1; i < missing.size(); ++i) out += detail_line("", "and of " + missing_text(missing[i], unit));
  }
  if (const value& judge = rollout.at("judge"); !judge.is_null()) out += stage == "shadow" ? paired_text(judge) : guards_text(judge, bars);
  return out + full_load_text(rollout) + not_seen_text(rollout);
}

std::string lacking_text(const value& missing, std::string_view unit) {
  const std::string kind = text_at(missing, "kind"), subject = text_at(missing, "subject");
  const double has = number_at(missing, "has"), needs = number_at(missing, "needs");
  const auto whole = [](double number) { return grouped(static_cast<std::uint64_t>(std::llround(number))); };
  if (kind == "requests") return fmt::format("requests: {} of {}", whole(has), whole(needs));
  if (kind == "units") return fmt::format("{} with the change: {} of {}", plural(unit), whole(has), whole(needs));
  if (kind == "extra") return fmt::format("certainty: {:.2f} points more may be bad, {:.2f} are allowed", 100 * has, 100 * needs);
  if (kind == "comparison") return fmt::format("a comparison: {:.2f} % newly bad since the change, {:.2f} % before", 100 * has, 100 * needs);
  if (kind == "coverage") return fmt::format("coverage: kinds of requests seen are {} of the traffic, {} needed", percent_text(has), percent_text(needs));
  if (kind == "load") return fmt::format("proof that {} bears the load: {} seen, {} needed", subject, rate_text(has), rate_text(needs));
  return fmt::format("room in the limit {}: {} full at 100 %, {} is too near", subject, percent_text(has), percent_text(needs));
}

}  // namespace

std::string share_text(double share) {
  const double percent = 100 * share;
  return fmt::format("{:g} %", std::round(percent * 1000) / 1000);
}

std::string clock_text(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(0.0, seconds));
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

std::string missing_text(const value& missing, std::string_view unit) {
  const value* const more = missing.as_object().if_contains("more_s");   // rows of a history before it have none
  const std::string left = more == nullptr || more->is_null() ? "" : fmt::format(" (about {} more)", clock_text(more->to_number<double>()));
  return lacking_text(missing, unit) + left;
}

std::string stage_text(const value& stage, std::string_view unit) {
  const std::string name = text_at(stage, "stage"), result = text_at(stage, "result"), text = text_at(stage, "text");
  if (name == "check" || name == "plan") return result == "unproven" ? fmt::format("{} (unproven)", text) : text;
  std::string out = counted(count_at(stage, "requests"), "request");
  if (name == "canary") out += fmt::format(", {}", units_text(count_at(stage, "units"), unit));
  if (result == "failed") return fmt::format("{}: {}", out, text);
  out += name == "shadow" ? fmt::format(": {} differ", grouped(count_at(stage, "differ"))) : result == "passed" ? ": nothing worse" : "";
  if (result == "unproven") out += ", unproven";
  return text.empty() ? out : fmt::format("{}; {}", out, text);
}

std::string rollout_next(const value& rollout) {
  const std::string revision = text_at(rollout, "revision"), before = text_at(rollout, "before"), outcome = text_at(rollout, "outcome");
  const value& code = rollout.at("exit_code");
  if (outcome != "under way") {
    const std::string exit = code.to_number<int>() == 0 ? "" : fmt::format("exit {}   ", code.to_number<int>());
    if (outcome == "settled" || outcome == "superseded") return fmt::format("{}next: weir show {} | weir history\n", exit, revision);
    std::string frozen;
    if (const value& left = rollout.at("frozen_left_s"); !left.is_null()) frozen = fmt::format("pipelines frozen for {}   ", clock_text(left.to_number<double>()));
    return fmt::format("{}{}next: weir show {} | weir apply FILE{}\n", exit, frozen, revision, is_marked(rollout) ? " --retry --reason WHY" : "");
  }
  std::string next;
  for (const value& each : rollout.at("ahead").as_array()) {
    const std::string stage = text_at(each, "stage");
    const std::string what = stage == "watch" ? "live" : stage == "canary" ? share_text(number_at(each, "share")) : stage;
    next += fmt::format("{}{} in {}", next.empty() ? "next: " : ", ", what, clock_text(number_at(each, "in_s")));
  }
  const bool live = yes_at(rollout, "live");
  if (const value& left = rollout.at("stage_left_s"); live && !left.is_null()) next = fmt::format("next: settled in {}", clock_text(left.to_number<double>()));
  if (!rollout.at("held_s").is_null()) {
    const value& left = rollout.at("held_left_s");
    next = left.is_null() ? std::string("next: settled once it has seen enough") : fmt::format("next: on once that is there, within {}", clock_text(left.to_number<double>()));
  }
  std::string now = live ? fmt::format("weir rollback {}", before) : std::string("weir promote | weir rollback");
  if (live && !rollout.at("held_s").is_null()) now = fmt::format("weir promote | {}", now);
  if (const value& left = rollout.at("confirm_left_s"); !left.is_null()) {
    now = fmt::format("weir confirm (within {}) | {}", clock_text(left.to_number<double>()), now);
  }
  return both_ends(std::move(next), "now: " + now) + "\n";
}

std::string finished_line(const value& stage, const value& rollout) {
  return stage_line(mark_of(text_at(stage, "result")), label_of(text_at(stage, "stage"), number_at(stage, "share")), stage_text(stage, text_at(rollout, "unit")),
                    clock_text(number_at(stage, "took_s")));
}

std::string rollout_text(const value& rollout, Bars bars) {
  const std::string revision = text_at(rollout, "revision"), before = text_at(rollout, "before"), unit = text_at(rollout, "unit");
  const bool ended = text_at(rollout, "outcome") != "under way";
  std::string out;
  if (const std::string alarm = text_at(rollout, "alarm"); !alarm.empty() && !ended)
    for (const std::string& line : wrapped_lines(alarm, kColumns)) out += line + "\n";
  if (ended)
    for (const std::string& line : wrapped_lines(fmt::format("{} {}", revision, verdict_text(rollout)), kColumns)) out += line + "\n";
  std::string head = fmt::format("{}{} by {}", revision, before.empty() ? "" : " ← " + before, text_at(rollout, "author"));
  if (yes_at(rollout, "forced")) head += " (forced)";
  if (yes_at(rollout, "protect")) head += " (protected)";
  out += fmt::format("{}   {}\n", head, change_text(rollout));
  for (const value& stage : rollout.at("finished").as_array()) out += finished_line(stage, rollout);
  if (!ended) out += present_text(rollout, bars);
  else
    for (const value& missing : rollout.at("missing").as_array()) out += detail_line("it lacked", missing_text(missing, unit));
  if (const std::string notes = text_at(rollout, "notes"); !notes.empty()) out += detail_line("note", notes);
  std::string early;
  for (const value& path : rollout.at("early").as_array()) early += fmt::format("{}{}", early.empty() ? "" : ", ", config::printable(std::string_view(path.as_string())));
  if (!early.empty()) out += detail_line("not canaried", early + " (acts before a caller is known)");
  return within_columns(out + rollout_next(rollout));
}

}  // namespace weir::control
