#include "control/advise_run.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "auth/gather.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "control/load.h"
#include "fmt/core.h"
#include "replay/review.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;
using replay::Change;
using replay::Check;
using replay::Finding;
using replay::PlanVerdict;
using replay::Subject;
using replay::Topic;

// The files of a configuration say the same since the newest of them was written.
std::optional<WallTime> written_at(const config::Input& input) {
  std::optional<WallTime> newest;
  for (const config::SourceFile& file : input.files) {
    std::error_code error;
    const auto at = fs::last_write_time(file.name, error);
    if (error) return std::nullopt;
    const WallTime time = wall_from_nanos(
        std::chrono::duration_cast<Nanos>(fs::file_time_type::clock::to_sys(at).time_since_epoch())
            .count());
    newest = std::max(newest.value_or(time), time);
  }
  return newest;
}

std::vector<replay::AdviceFacts::KeyExpiry> expiries(const Policy& policy,
                                                     const auth::KeyTables& keys) {
  std::vector<replay::AdviceFacts::KeyExpiry> all;
  for (std::size_t i = 0; i < policy.identities.size(); ++i) {
    if (keys.tables[i] == nullptr) continue;
    const auto entries = keys.tables[i]->entries();
    for (const auth::KeyEntry& entry : entries) {
      if (!entry.expires) continue;
      const bool other = std::ranges::any_of(entries, [&](const auth::KeyEntry& each) {
        return each.name == entry.name && (!each.expires || *each.expires > *entry.expires);
      });
      all.push_back(
          {.identity = i, .name = entry.name, .expires = *entry.expires, .has_other = other});
    }
  }
  return all;
}

Result<replay::AdviceFacts> facts_of(const AdviseQuestion& question) {
  auto input = read_configuration(question.plan.file);
  if (!input) return std::unexpected(input.error());
  replay::AdviceFacts facts{.now = question.now, .unchanged_since = written_at(*input)};
  NameTable names;
  const Loaded loaded = load(std::move(*input), names);  // errors are said by the plan
  if (loaded.outcome.policy != nullptr && loaded.keys != nullptr)
    facts.keys = expiries(*loaded.outcome.policy, *loaded.keys);
  return facts;
}

// As `weir plan` takes them.
void word(const Change& change, Proposal& into) {
  const std::string& name = change.subject.name;
  switch (change.kind) {
    case Change::Kind::rate:
      into.sets.push_back(fmt::format("limits.{}.rate={}", name, config::print_rate(change.rate)));
      return;
    case Change::Kind::burst:
      into.sets.push_back(fmt::format("limits.{}.burst={}", name, change.number));
      return;
    case Change::Kind::response:
      into.sets.push_back(
          fmt::format("routes.{}.timeouts.response={}", name, config::print_duration(change.time)));
      return;
    case Change::Kind::weight:
      into.sets.push_back(fmt::format("upstreams.{}.endpoints.{}.weight={}", name,
                                      change.subject.part, change.number));
      return;
    case Change::Kind::remove:
      into.unsets.push_back(
          fmt::format("{}.{}{}{}",
                      change.subject.kind == Subject::Kind::route      ? "routes"
                      : change.subject.kind == Subject::Kind::identity ? "identity"
                                                                       : "limits",
                      name, change.subject.part.empty() ? "" : ".", change.subject.part));
  }
}

// Found still, or the same subject too tight in the other way.
bool is_found(const replay::Advice& advice, const Finding& finding) {
  return std::ranges::any_of(advice.findings, [&](const Finding& other) {
    return other.subject == finding.subject &&
           (other.check == finding.check || (replay::topic_of(other.check) == Topic::limits &&
                                             replay::topic_of(finding.check) == Topic::limits));
  });
}

class Adviser {
 public:
  Adviser(const AdviseQuestion& question, replay::AdviceFacts facts)
      : question_(question), facts_(std::move(facts)) {}

  Result<AdviseAnswer> run() {
    replay::Review review(facts_);
    auto plan = run_plan(asked("as-recorded", {}, &review));
    if (!plan) return std::unexpected(plan.error());
    AdviseAnswer answer{.plan = std::move(*plan), .skipped = question_.skip};
    for (const Finding& finding : review.advice().findings) {
      if (!is_skipped(replay::topic_of(finding.check)))
        answer.findings.push_back({.finding = finding, .nothing = finding.nothing});
    }
    for (const replay::CannotJudge& cannot : review.advice().cannot_judge) {
      if (!is_skipped(cannot.topic)) answer.cannot_judge.push_back(cannot);
    }
    answer.headroom = review.advice().headroom;
    answer.busiest = review.advice().busiest;
    try_unused(answer);
    for (Advised& advised : answer.findings) {
      if (!advised.proposal) try_candidates(advised);
    }
    try_together(answer);
    return answer;
  }

 private:
  bool is_skipped(Topic topic) const {
    return std::ranges::find(question_.skip, topic) != question_.skip.end();
  }

  PlanQuestion asked(const std::string& base, const Proposal& with, replay::Review* review) const {
    PlanQuestion plan = question_.plan;
    plan.base = base;
    plan.limits.clear();
    plan.sets = with.sets;
    plan.unsets = with.unsets;
    plan.review = review;
    return plan;
  }

  // What plan says of it, and what is found then; an error says why it is no proposal.
  Result<> judge(Proposal& proposal, replay::Review& review) {
    if (plans_ == kMostPlans)
      return fail(ErrorKind::too_large,
                  fmt::format("not tried: {} plans were run for what stands above", kMostPlans),
                  Origin::config);
    ++plans_;
    const auto plan = run_plan(asked(question_.plan.file, proposal, &review));
    if (!plan) return std::unexpected(plan.error());
    proposal.verdict = plan->report.verdict;
    proposal.requests = plan->report.requests.judged;
    proposal.newly_refused = plan->report.requests.newly_refused.high;
    proposal.known_newly_refused = plan->report.callers.known_newly_refused.high;
    if (proposal.verdict == PlanVerdict::harmless) return {};
    return fail(ErrorKind::invalid,
                fmt::format("plan says {}: {}",
                            proposal.verdict == PlanVerdict::harm ? "harm" : "not enough data",
                            plan->report.reasons.empty() ? "" : plan->report.reasons.front()),
                Origin::config);
  }

  static Proposal worded(const std::vector<Change>& changes) {
    Proposal proposal;
    for (const Change& change : changes) word(change, proposal);
    return proposal;
  }

  void try_candidates(Advised& advised) {
    for (const std::vector<Change>& changes : advised.finding.candidates) {
      Proposal proposal = worded(changes);
      replay::Review review(facts_);
      if (const auto judged = judge(proposal, review); !judged) {
        advised.nothing = first_line(judged.error());
      } else if (is_found(review.advice(), advised.finding)) {
        advised.nothing = "wider values that were tried are found as well";
      } else {
        advised.nothing.clear();
        advised.proposal = std::move(proposal);
        return;
      }
    }
  }

  void try_unused(AdviseAnswer& answer) {
    std::vector<Advised*> unused;
    Proposal all;
    for (Advised& advised : answer.findings) {
      if (advised.finding.check != Check::never_hit || advised.finding.candidates.empty() ||
          unused.size() == kMostPlans)
        continue;
      unused.push_back(&advised);
      for (const Change& change : advised.finding.candidates.front()) word(change, all);
    }
    // Overrides are counted from the front: the last one goes first.
    std::ranges::reverse(all.unsets);
    replay::Review review(facts_);
    if (unused.size() < 2 || !judge(all, review)) return;
    for (Advised* advised : unused) {
      advised->proposal = worded(advised->finding.candidates.front());
      advised->proposal->verdict = all.verdict;
      advised->proposal->requests = all.requests;
    }
  }

  void try_together(AdviseAnswer& answer) {
    Proposal all;
    std::size_t proposals = 0;
    for (const Advised& advised : answer.findings) {
      if (!advised.proposal) continue;
      ++proposals;
      all.sets.insert(all.sets.end(), advised.proposal->sets.begin(), advised.proposal->sets.end());
      all.unsets.insert(all.unsets.begin(), advised.proposal->unsets.begin(),
                        advised.proposal->unsets.end());
    }
    if (proposals < 2) return;
    plans_ = std::min(plans_, kMostPlans - 1);  // this one is always asked
    replay::Review review(facts_);
    if (judge(all, review)) answer.together = std::move(all);
  }

  // Of a configuration with errors the first of them.
  static std::string first_line(const Error& error) {
    const std::string text = to_string(error);
    const std::size_t end = text.find('\n');
    if (end == std::string::npos || !text.substr(0, end).ends_with(':')) return text.substr(0, end);
    return "that alone is no configuration: " +
           text.substr(end + 1, text.find('\n', end + 1) - end - 1);
  }

  const AdviseQuestion& question_;
  replay::AdviceFacts facts_;
  std::size_t plans_ = 0;
};

}  // namespace

Result<AdviseAnswer> run_advise(const AdviseQuestion& question) {
  auto facts = facts_of(question);
  if (!facts) return std::unexpected(facts.error());
  return Adviser(question, std::move(*facts)).run();
}

int advise_exit_code(const AdviseAnswer& answer) {
  return !answer.findings.empty() ? 3 : !answer.cannot_judge.empty() ? 4 : 0;
}

}  // namespace weir::control
