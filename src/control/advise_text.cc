#include "control/advise_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/diagnostic.h"
#include "config/values.h"
#include "control/forms.h"
#include "control/plan_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using replay::Check;
using replay::Finding;
using replay::Level;
using replay::Measure;
using replay::Subject;

constexpr std::size_t kShownUpstreams = 4, kShownKeys = 3;

double number_in(const Finding& finding, std::string_view name) {
  const Measure* const measure = finding.measure(name);
  return measure == nullptr ? 0 : measure->value;
}
std::string count_in(const Finding& finding, std::string_view name) {
  return grouped(static_cast<std::uint64_t>(number_in(finding, name)));
}
std::string counted_in(const Finding& finding, std::string_view name, std::string_view word) {
  return counted(static_cast<std::uint64_t>(number_in(finding, name)), word);
}
std::string rate_in(const Finding& finding, std::string_view name) {
  return rate_text(number_in(finding, name));
}
std::string share_in(const Finding& finding, std::string_view name) {
  return percent_text(number_in(finding, name));
}
std::string time_in(const Finding& finding, std::string_view name) {
  return milliseconds_text(number_in(finding, name));
}
std::string days_in(const Finding& finding, std::string_view name) {
  return span_text(number_in(finding, name) * 86400);
}

std::string refused_text(const Finding& finding) {
  const std::string low = count_in(finding, "requests"), high = count_in(finding, "requests_high");
  const bool known = finding.measure("known_callers") != nullptr;
  std::string text =
      fmt::format("refused {} of {} requests, of {}", low == high ? low : low + " to " + high,
                  count_in(finding, "asked"),
                  known ? counted_in(finding, "known_callers", "known caller")
                        : counted_in(finding, "established_callers", "established caller"));
  if (finding.measure("nearest_safe_per_s") != nullptr)
    text += fmt::format("; {} burst {} refuses none", rate_in(finding, "nearest_safe_per_s"),
                        count_in(finding, "nearest_safe_burst"));
  return text;
}

std::string short_text(const Finding& finding) {
  std::string text = fmt::format("response {} is below the p99.9 of {}: {} of {} took longer, {} were cut",
                                 time_in(finding, "timeout_ms"), time_in(finding, "p99_9_ms"),
                                 count_in(finding, "reached"), counted_in(finding, "of", "request"),
                                 count_in(finding, "cut"));
  if (finding.measure("late_known") == nullptr) return text;
  const std::string known = counted_in(finding, "late_known", "late answer");
  return text + (finding.measure("late_ms") == nullptr
                     ? fmt::format("; none of {} that were waited for came", known)
                     : fmt::format("; {} of {} would have come within {}", count_in(finding, "late_in_time"), known,
                                   time_in(finding, "late_ms")));
}

std::string own_text(const Finding& finding) {
  std::string text = fmt::format("cuts its own work near {}: {} of {} came between {} and {}", time_in(finding, "near_ms"),
                                 count_in(finding, "near"), counted_in(finding, "failures", "failure"),
                                 time_in(finding, "from_ms"), time_in(finding, "to_ms"));
  return text + (finding.measure("timeout_ms") == nullptr
                     ? "; the gateway has no timeout there"
                     : fmt::format("; this is not the gateway's timeout ({})", time_in(finding, "timeout_ms")));
}

std::string long_text(const Finding& finding) {
  if (finding.measure("total_ms") != nullptr)
    return fmt::format("response {} is above the route's total {}, p99.9 {}",
                       time_in(finding, "timeout_ms"), time_in(finding, "total_ms"),
                       time_in(finding, "p99_9_ms"));
  return fmt::format("response {}, but {} clients left after {} (as recorded); p99.9 {}",
                     time_in(finding, "timeout_ms"), count_in(finding, "gone"),
                     time_in(finding, "patience_ms"), time_in(finding, "p99_9_ms"));
}

std::string capacity_text(const Finding& finding) {
  std::string text = fmt::format(
      "busiest minute of the week {}, sustained {}: headroom {}", rate_in(finding, "peak_per_s"),
      rate_in(finding, "sustained_per_s"), share_in(finding, "headroom"));
  if (finding.measure("growth_per_week") != nullptr)
    text += fmt::format(", {} a week", share_in(finding, "growth_per_week"));
  if (finding.measure("weeks_left") != nullptr)
    text += fmt::format(", {:.1f} weeks left", number_in(finding, "weeks_left"));
  if (number_in(finding, "failed_minutes") > 0)
    text += fmt::format("; {} beyond it failed", counted_in(finding, "failed_minutes", "minute"));
  return text;
}

std::string expired_text(const Finding& finding) {
  if (finding.subject.kind != Subject::Kind::key)
    return fmt::format("ended {} ago (the file is unchanged for {})", days_in(finding, "days"),
                       days_in(finding, "unchanged_days"));
  const std::string requests = counted_in(finding, "requests", "request");
  return finding.level == Level::soon
             ? fmt::format("expires in {}; {} of its caller", days_in(finding, "days"), requests)
             : fmt::format("expired {} ago; {} of its caller", days_in(finding, "days"), requests);
}

std::string headroom_text(const replay::Headroom& headroom) {
  std::string text =
      fmt::format("{}  busiest minute of the week {}", config::printable(headroom.upstream),
                  rate_text(headroom.peak_per_s));
  if (headroom.sustained_per_s > 0)
    text += fmt::format(", sustained {}", rate_text(headroom.sustained_per_s));
  if (headroom.growth_per_week)
    text += fmt::format(", {} a week", percent_text(*headroom.growth_per_week));
  if (headroom.weeks_left) text += fmt::format(", {:.1f} weeks left", *headroom.weeks_left);
  return text;
}

std::string busiest_text(const std::vector<replay::BusyKey>& busiest) {
  std::string text;
  for (std::size_t i = 0; i < std::min(busiest.size(), kShownKeys); ++i) {
    const replay::BusyKey& key = busiest[i];
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", config::printable(key.caller),
                        percent_text(key.share));
  }
  return text;
}

}  // namespace

std::string subject_text(const Subject& subject) {
  std::string text =
      fmt::format("{} {}", replay::to_string(subject.kind), config::printable(subject.name));
  if (!subject.part.empty()) text += fmt::format(", {}", config::printable(subject.part));
  return text;
}

std::string finding_text(const Finding& finding) {
  switch (finding.check) {
    case Check::refuses_known:
      return refused_text(finding);
    case Check::little_headroom:
      return fmt::format("was {} full for {}", share_in(finding, "fullest"),
                         config::printable(finding.measure("caller")->text));
    case Check::absurd_headroom:
      return fmt::format(
          "is {:.0f} times the busiest minute of any key ({}); never more than {:.2g} % full",
          number_in(finding, "times"), rate_in(finding, "busiest_per_s"),
          number_in(finding, "fullest") * 100);
    case Check::never_hit:
      return fmt::format("was met by none of {} in {}", counted_in(finding, "requests", "request"),
                         days_in(finding, "days"));
    case Check::timeout_short:
      return short_text(finding);
    case Check::auth_timeout:
      return fmt::format("timeout {}, p99 of its calls {}: {} of {} took it whole",
                         time_in(finding, "timeout_ms"), time_in(finding, "p99_ms"),
                         count_in(finding, "reached"), counted_in(finding, "of", "call"));
    case Check::timeout_long:
      return long_text(finding);
    case Check::upstream_timeout:
      return own_text(finding);
    case Check::weights:
      return fmt::format("would get {} in its busiest minute, has sustained {}",
                         rate_in(finding, "predicted_per_s"), rate_in(finding, "sustained_per_s"));
    case Check::capacity:
      return capacity_text(finding);
    case Check::busy_key:
      return fmt::format("makes {} of {} ({}), one of {}", count_in(finding, "requests"),
                         counted_in(finding, "of", "request"), share_in(finding, "share"),
                         counted_in(finding, "callers", "caller"));
    case Check::expired:
      return expired_text(finding);
    case Check::count_:
      break;
  }
  return {};
}

std::string proposal_text(const Proposal& proposal) {
  std::string text;
  for (const std::string& set : proposal.sets)
    text += (text.empty() ? "" : " ") + config::printable(set);
  for (const std::string& unset : proposal.unsets)
    text += (text.empty() ? "without " : ", without ") + config::printable(unset);
  return text;
}

std::string judged_text(const Proposal& proposal) {
  return fmt::format("plan: {}, {} of {} newly refused", replay::to_string(proposal.verdict),
                     grouped(proposal.newly_refused), counted(proposal.requests, "request"));
}

std::string counts_text(const AdviseAnswer& answer) {
  static constexpr std::array<std::pair<Level, std::string_view>, 3> kLevels = {
      {{Level::hurts, "hurts callers today"},
       {Level::soon, "will soon"},
       {Level::tidy, "to tidy up"}}};
  std::string text;
  for (const auto& [level, words] : kLevels) {
    const auto of_level = std::ranges::count_if(
        answer.findings, [&](const Advised& each) { return each.finding.level == level; });
    if (of_level > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", of_level,
                          level == Level::hurts && of_level > 1 ? "hurt callers today" : words);
  }
  return fmt::format("{}: {}", counted(answer.findings.size(), "finding"), text);
}

std::string advise_text(const AdviseAnswer& answer, std::string_view next) {
  const std::string head = !answer.findings.empty() ? "FOUND   " + counts_text(answer)
                           : answer.cannot_judge.empty()
                               ? "NOTHING FOUND"
                               : fmt::format("NOT ENOUGH DATA   nothing found, {} not judged",
                                             counted(answer.cannot_judge.size(), "thing"));
  std::string out = both_ends(head, config::printable(answer.plan.subject)) + "\n";
  out += screen_line("input", input_text(answer.plan));
  const auto below = [&](std::string_view label, const std::string& text) {
    for (const std::string& part : wrapped_lines(text, kColumns - 16)) {
      out += screen_line(label, part);
      label = "";
    }
  };
  for (const Advised& advised : answer.findings) {
    const Source& at = advised.finding.source;
    std::string place;
    if (at.line > 0 && at.file < answer.plan.files.size())
      place = fmt::format("{}:{}", config::printable(answer.plan.files[at.file]), at.line);
    out += both_ends(fmt::format("  {:<13} {}  ({})", replay::to_string(advised.finding.level),
                                 subject_text(advised.finding.subject),
                                 replay::to_string(advised.finding.check)),
                     place) +
           "\n";
    below("", finding_text(advised.finding));
    if (!advised.proposal) {
      below("", "nothing proposed: " + config::printable(advised.nothing));
      continue;
    }
    const std::string value = "→ " + proposal_text(*advised.proposal),
                      judged = judged_text(*advised.proposal);
    if (width(value) + width(judged) + 19 <= kColumns) {
      out += screen_line("", value + "   " + judged);
    } else {
      below("", value);
      below("", judged);
    }
  }
  if (answer.together) out += screen_line("all together", judged_text(*answer.together));
  for (std::size_t i = 0; i < std::min(answer.headroom.size(), kShownUpstreams); ++i)
    below(i == 0 ? "headroom" : "", headroom_text(answer.headroom[i]));
  if (answer.headroom.size() > kShownUpstreams)
    out += screen_line("",
                       fmt::format("… {} more: -o json", answer.headroom.size() - kShownUpstreams));
  if (!answer.busiest.empty()) below("busiest", busiest_text(answer.busiest));
  for (const auto& cannot : answer.cannot_judge) {
    below("cannot judge",
          fmt::format("{}: {}{}{}", replay::to_string(cannot.topic), config::printable(cannot.why),
                      cannot.hint.empty() ? "" : "; ", cannot.hint));
  }
  for (const replay::Topic topic : answer.skipped)
    out += screen_line("not asked", replay::to_string(topic));
  for (const std::string& note : answer.plan.notes) out += screen_line("read", note);
  out += both_ends(fmt::format("exit {}", advise_exit_code(answer)), std::string(next)) + "\n";
  return within_columns(out);
}

}  // namespace weir::control
