#include "replay/case_tally.h"

#include <algorithm>
#include <chrono>
#include <tuple>

#include "fmt/core.h"

namespace weir::replay {
namespace {

constexpr std::uint64_t kWhole = 100'000;  // 100 % in thousandths of a percent
constexpr std::size_t kMostLines = 4096;   // told apart; the rest is not named

bool asks_endpoint(Aspect aspect) {
  return aspect == Aspect::endpoint || aspect == Aspect::upstream;
}

// Exact: low <= count / of <= high, in whole numbers.
bool within(std::uint64_t count, std::uint64_t of, const AmountExpected& amount) {
  if (!amount.share) return count >= amount.low && count <= amount.high;
  const auto scaled = static_cast<unsigned __int128>(count) * kWhole;
  return of > 0 && scaled >= static_cast<unsigned __int128>(of) * amount.low &&
         scaled <= static_cast<unsigned __int128>(of) * amount.high;
}

std::string requests_text(std::uint64_t count) {
  return fmt::format("{} request{}", count, count == 1 ? "" : "s");
}

std::string_view action_text(const Verdict& verdict) {
  return verdict.action == Action::forward ? "forwarded" : info(verdict.cause).name;
}

}  // namespace

CaseTally::CaseTally(const Expected& expected, const Policy& policy, const NameTable& names)
    : expected_(expected),
      policy_(policy),
      names_(names),
      by_endpoint_(
          std::ranges::any_of(expected.counts,
                              [](const CountExpected& e) { return asks_endpoint(e.aspect); }) ||
          std::ranges::any_of(expected.verdicts,
                              [](const VerdictExpected& e) { return asks_endpoint(e.aspect); })),
      counts_(expected.counts.size()),
      missed_(expected.verdicts.size()) {}

void CaseTally::add(const Verdict& verdict, Nanos offset) {
  if (expected_.empty()) return;
  const Told told{.verdict = verdict, .offset = offset, .number = ++requests_};
  if (!first_) first_ = told;
  last_ = told;
  forwarded_ += verdict.action == Action::forward ? 1 : 0;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += has(verdict, expected_.counts[i].aspect, expected_.counts[i].value) ? 1 : 0;
  for (std::size_t i = 0; i < missed_.size(); ++i) {
    const VerdictExpected& one = expected_.verdicts[i];
    if (one.whose != VerdictExpected::Whose::each || has(verdict, one.aspect, one.value)) continue;
    if (missed_[i].count++ == 0) missed_[i].first = told;
  }
  count_line(verdict);
}

bool CaseTally::has(const Verdict& verdict, Aspect aspect, std::uint64_t value) const {
  const auto is = [&](NameId name) { return name.valid() && name.value == value; };
  const bool refused = verdict.action == Action::refuse;
  switch (aspect) {
    case Aspect::refused:
      return refused == (value != 0);
    case Aspect::cause:
      return static_cast<std::uint64_t>(verdict.cause) == value;
    case Aspect::status:
      return verdict.status == value;
    case Aspect::rule:
      return is(verdict.rule.name);
    case Aspect::refusing:
      return refused && is(verdict.rule.name);
    case Aspect::route:
      return verdict.route.valid() && is(policy_.routes[verdict.route.index()].name);
    case Aspect::upstream:
      return verdict.upstream.valid() && verdict.action == Action::forward &&
             is(policy_.upstreams[verdict.upstream.index()].name);
    case Aspect::endpoint:
      return verdict.endpoint.valid() && is(policy_.endpoints[verdict.endpoint.index()].name);
    case Aspect::observed:
      break;
  }
  const std::size_t named = std::min<std::size_t>(verdict.would_refuse_count, 4);
  return std::any_of(verdict.would_refuse.begin(),
                     verdict.would_refuse.begin() + static_cast<std::ptrdiff_t>(named),
                     [&](LimitId limit) { return is(policy_.limits[limit.index()].name); });
}

void CaseTally::count_line(const Verdict& verdict) {
  const EndpointId endpoint = by_endpoint_ ? verdict.endpoint : EndpointId{};
  for (Line& line : lines_) {
    if (line.cause == verdict.cause && line.rule.source == verdict.rule.source &&
        line.rule.name == verdict.rule.name && line.endpoint == endpoint) {
      ++line.requests;
      return;
    }
  }
  if (lines_.size() < kMostLines)
    lines_.push_back(
        {.cause = verdict.cause, .rule = verdict.rule, .endpoint = endpoint, .requests = 1});
}

void CaseTally::judge(std::vector<CaseFailure>& failures) const {
  for (std::size_t i = 0; i < counts_.size(); ++i) judge_count(i, failures);
  for (std::size_t i = 0; i < missed_.size(); ++i) judge_verdict(i, failures);
  std::ranges::sort(failures, {}, [](const CaseFailure& f) { return std::tie(f.at, f.expected); });
}

void CaseTally::judge_count(std::size_t index, std::vector<CaseFailure>& failures) const {
  const CountExpected& one = expected_.counts[index];
  const bool of_forwarded = asks_endpoint(one.aspect);
  const std::uint64_t of = of_forwarded ? forwarded_ : requests_;
  if (within(counts_[index], of, one.amount)) return;
  std::string got = fmt::format("{} of {}{}", counts_[index], requests_text(of),
                                of_forwarded ? " forwarded" : "");
  if (one.amount.share && of > 0) {
    got = fmt::format("{:.3f}% ({})",
                      100.0 * static_cast<double>(counts_[index]) / static_cast<double>(of), got);
  }
  failures.push_back({.at = one.at,
                      .expected = one.text,
                      .got = std::move(got),
                      .by = deciders(of_forwarded && forwarded_ > 0)});
}

void CaseTally::judge_verdict(std::size_t index, std::vector<CaseFailure>& failures) const {
  const VerdictExpected& one = expected_.verdicts[index];
  const bool each = one.whose == VerdictExpected::Whose::each;
  const std::optional<Told>& told = each ? missed_[index].first
                                    : one.whose == VerdictExpected::Whose::first ? first_
                                                                                 : last_;
  if (!told || (!each && has(told->verdict, one.aspect, one.value))) return;
  std::string got = describe(told->verdict, one.aspect);
  const double seconds = std::chrono::duration<double>(told->offset).count();
  if (requests_ == 1) {
    // There is nothing to tell it from.
  } else if (each) {
    got += fmt::format(" in {} of {}, first in request {} at {:g} s", missed_[index].count,
                       requests_text(requests_), told->number, seconds);
  } else {
    got += fmt::format(" in request {} at {:g} s", told->number, seconds);
  }
  failures.push_back({.at = one.at,
                      .expected = one.text,
                      .got = std::move(got),
                      .by = {decided_by(told->verdict, each ? missed_[index].count : 1)}});
}

// What this verdict says where another was expected.
std::string CaseTally::describe(const Verdict& verdict, Aspect aspect) const {
  const auto named = [&](std::string_view what, bool valid, NameId name) {
    return valid ? fmt::format("{}: {}", what, names_.text(name)) : fmt::format("no {}", what);
  };
  switch (aspect) {
    case Aspect::refused:
      return verdict.action == Action::refuse ? "verdict: refused" : "verdict: allowed";
    case Aspect::cause:
      return fmt::format("cause: {}", info(verdict.cause).name);
    case Aspect::status:
      return verdict.status == 0 ? std::string("the status of the upstream")
                                 : fmt::format("status: {}", verdict.status);
    case Aspect::rule:
    case Aspect::refusing:
    case Aspect::observed:
      return named("rule", verdict.rule.name.valid(), verdict.rule.name);
    case Aspect::route:
      return named("route", verdict.route.valid(),
                   verdict.route.valid() ? policy_.routes[verdict.route.index()].name : NameId{});
    case Aspect::upstream: {
      const bool valid = verdict.upstream.valid() && verdict.action == Action::forward;
      return named("upstream", valid,
                   valid ? policy_.upstreams[verdict.upstream.index()].name : NameId{});
    }
    case Aspect::endpoint:
      break;
  }
  const bool valid = verdict.endpoint.valid();
  return named("endpoint", valid,
               valid ? policy_.endpoints[verdict.endpoint.index()].name : NameId{});
}

DecidedBy CaseTally::decided_by(const Verdict& verdict, std::uint64_t requests) const {
  const std::string_view rule = names_.text(verdict.rule.name);
  return {.what = rule.empty() ? std::string(action_text(verdict))
                               : fmt::format("{} by {}", action_text(verdict), rule),
          .at = verdict.rule.source,
          .requests = requests};
}

std::vector<DecidedBy> CaseTally::deciders(bool by_endpoint) const {
  std::vector<DecidedBy> out;
  for (const Line& line : lines_) {
    DecidedBy by;
    if (by_endpoint && line.endpoint.valid()) {
      const Endpoint& endpoint = policy_.endpoints[line.endpoint.index()];
      by = {.what = fmt::format("forwarded to {} with weight {}", names_.text(endpoint.name),
                                endpoint.weight),
            .at = endpoint.source,
            .requests = line.requests};
    } else {
      Verdict like;
      like.cause = line.cause;
      like.rule = line.rule;
      like.action = line.cause == Cause::none ? Action::forward : Action::refuse;
      by = decided_by(like, line.requests);
    }
    const auto same = std::ranges::find_if(
        out, [&](const DecidedBy& other) { return other.at == by.at && other.what == by.what; });
    if (same == out.end()) {
      out.push_back(std::move(by));
    } else {
      same->requests += by.requests;
    }
  }
  std::ranges::sort(out, [](const DecidedBy& a, const DecidedBy& b) {
    return std::tie(b.requests, a.at, a.what) < std::tie(a.requests, b.at, b.what);
  });
  if (out.size() > kMostDeciders) out.resize(kMostDeciders);
  return out;
}

}  // namespace weir::replay
