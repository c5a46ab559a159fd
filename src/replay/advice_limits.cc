// Limits: whom they refused, how near they came to it, and whether they would ever stop anybody.
#include <algorithm>
#include <cmath>

#include "fmt/core.h"
#include "replay/advice_parts.h"

namespace weir::replay {
namespace {

using Unit = Measure::Unit;

constexpr std::uint64_t kThousandths = 1000;

Rate rate_up(const Rate& like, double per_second) {
  const double per_period =
      per_second * static_cast<double>(like.period.count()) / 1e9 * kThousandths;
  const std::uint64_t thousandths = static_cast<std::uint64_t>(std::ceil(per_period));
  // Whole numbers from one on; below that as exact as a rate can be written.
  if (thousandths <= kThousandths)
    return {.count = std::max<std::uint64_t>(thousandths, 1), .period = like.period};
  return {.count = written_up(per_period / kThousandths) * kThousandths, .period = like.period};
}

// Two seconds' worth: what a burst is where none is written, and below which `check` warns.
std::uint64_t least_burst(const Rate& rate) {
  return static_cast<std::uint64_t>(std::max(std::ceil(rate.per_second() * 2), 1.0));
}

std::vector<Change> changes(const std::string& name, const Limit& limit, const Rate& rate,
                            std::uint64_t burst) {
  const Subject subject{.kind = Subject::Kind::limit, .name = name};
  std::vector<Change> made;
  if (!(rate == limit.rate))
    made.push_back({.kind = Change::Kind::rate, .subject = subject, .rate = rate});
  // Written beside the rate too: where none was, it would follow the rate.
  if (burst != limit.burst || !made.empty())
    made.push_back({.kind = Change::Kind::burst, .subject = subject, .number = burst});
  return made;
}

// Of the buckets of one limit, in one reading. `known`: those of callers who must not be refused,
// and whom `expect` does not name.
struct Use {
  double fullest = 0, fullest_known = 0;
  Callers::Index known = 0;  // whose it was
  std::uint32_t best = 0;    // requests of the busiest minute of one bucket
  std::uint32_t best_known = 0;
};

// A bucket that many share is everybody's; else it counts for who filled it.
bool is_shared(const Limit& limit) {
  return std::ranges::none_of(limit.key, [](const KeyPart& part) {
    return part.kind == KeyKind::caller || part.kind == KeyKind::client_ip ||
           part.kind == KeyKind::client_net;
  });
}

Use use_of(const AdviceInput& in, const Limit& limit, const Review::LimitUse& counted,
           std::size_t reading) {
  Use use;
  const bool shared = is_shared(limit);
  for (const auto& [key, one] : counted.keys[reading]) {
    use.fullest = std::max(use.fullest, one.fullest);
    use.best = std::max(use.best, one.best);
    if (!shared && (one.expected || !in.callers.is_protected(one.caller, in.report.by_known())))
      continue;
    use.best_known = std::max(use.best_known, one.best);
    if (one.fullest <= use.fullest_known) continue;
    use.fullest_known = one.fullest;
    use.known = one.caller;
  }
  return use;
}

// A guard of what stands behind it, not of one caller against another: what it should be is not
// told by what was asked.
bool is_guard(const Limit& limit) {
  return std::ranges::all_of(limit.key, [](const KeyPart& part) {
    return part.kind == KeyKind::all || part.kind == KeyKind::route;
  });
}

struct Refusals {
  std::uint64_t requests = 0, callers = 0;
};

Refusals refusals_of_known(const AdviceInput& in, const Review::LimitUse& counted,
                           std::size_t reading) {
  Refusals sum;
  for (const auto& [caller, refused] : counted.refused[reading]) {
    if (!in.callers.is_protected(caller, in.report.by_known())) continue;
    sum.requests += refused;
    ++sum.callers;
  }
  return sum;
}

Finding about(const AdviceInput& in, const Limit& limit, Check check, Level level) {
  return {.check = check,
          .level = level,
          .subject = {.kind = Subject::Kind::limit, .name = name_of(in, limit.name)},
          .source = limit.source};
}

// `busiest`: requests a second of the busiest minute of the bucket of one who must not be refused.
void find_refused(const AdviceInput& in, std::size_t index, const Refusals& low,
                  const Refusals& high, double busiest, Advice& out) {
  const Limit& limit = in.policy.limits[index];
  Finding finding = about(in, limit, Check::refuses_known, Level::hurts);
  finding.measures = {
      counted_as("requests", low.requests), counted_as("requests_high", high.requests),
      counted_as(in.report.by_known() ? "known_callers" : "established_callers", low.callers),
      counted_as("asked", in.counts.limits[index].asked)};
  if (limit.learned) {
    finding.nothing = "each caller's rate is learned from its past: an override for those who need more";
    out.findings.push_back(std::move(finding));
    return;
  }
  const auto part =
      std::ranges::find(in.report.limits, finding.subject.name, &PlanReport::LimitPart::name);
  if (part == in.report.limits.end() || !part->nearest_safe) {
    finding.nothing = "no value near the present one is known to let all of them pass";
    out.findings.push_back(std::move(finding));
    return;
  }
  const NearestSafe& nearest = *part->nearest_safe;
  finding.measures.push_back(
      measured("nearest_safe_per_s", nearest.rate.per_second(), Unit::per_s));
  finding.measures.push_back(counted_as("nearest_safe_burst", nearest.burst));
  // Nobody asked more in a minute than the rate lets pass: it is the burst that is too small.
  if (busiest <= limit.rate.per_second()) {
    for (const std::uint64_t times : {2, 4, 8})
      finding.candidates.push_back(changes(finding.subject.name, limit, limit.rate,
                                           written_up(static_cast<double>(limit.burst * times))));
  }
  // The nearest safe value is full at its worst moment: wider ones are tried.
  for (const double times : {1.5, 2.0, 4.0}) {
    const bool by_rate = !(nearest.rate == limit.rate);
    const Rate rate = by_rate ? rate_up(limit.rate, nearest.rate.per_second() * times) : limit.rate;
    const std::uint64_t burst = by_rate ? std::max(limit.burst, least_burst(rate))
                                        : written_up(static_cast<double>(nearest.burst) * times);
    finding.candidates.push_back(changes(finding.subject.name, limit, rate, burst));
  }
  out.findings.push_back(std::move(finding));
}

void find_little(const AdviceInput& in, const Limit& limit, const Use& use, Advice& out) {
  Finding finding = about(in, limit, Check::little_headroom, Level::soon);
  finding.measures = {
      measured("fullest", use.fullest_known, Unit::share),
      {.name = "caller", .unit = Unit::text, .text = in.callers.list()[use.known].name}};
  const double busiest = use.best_known / 60.0, wanted = use.fullest_known / threshold::kAimedFill;
  for (const double times : {1.0, 2.0}) {
    const Rate rate = busiest * 1.5 > limit.rate.per_second()
                          ? rate_up(limit.rate, busiest * 1.5 * times)
                          : limit.rate;
    finding.candidates.push_back(
        changes(finding.subject.name, limit, rate,
                std::max(written_up(static_cast<double>(limit.burst) * wanted * times),
                         least_burst(rate))));
  }
  out.findings.push_back(std::move(finding));
}

void find_absurd(const AdviceInput& in, const Limit& limit, const Use& use, Advice& out) {
  const double busiest = use.best / 60.0;
  Finding finding = about(in, limit, Check::absurd_headroom, Level::tidy);
  finding.measures = {measured("fullest", use.fullest, Unit::share),
                      measured("busiest_per_s", busiest, Unit::per_s),
                      measured("times", limit.rate.per_second() / busiest, Unit::factor)};
  for (const double times : {threshold::kAimedTimes, threshold::kAimedTimes * 2}) {
    const Rate rate = rate_up(limit.rate, busiest * times);
    const double backlog = use.fullest * static_cast<double>(limit.burst);
    finding.candidates.push_back(changes(finding.subject.name, limit, rate,
                                         std::max(written_up(backlog * times), least_burst(rate))));
  }
  out.findings.push_back(std::move(finding));
}

}  // namespace

void advise_limits(const AdviceInput& in, Advice& out) {
  const std::size_t second = in.report.input.two_readings ? 1 : 0;
  const bool is_long = lasts(in, threshold::kDay);
  bool unsure = false, missed = false, too_short = false;
  for (std::size_t i = 0; i < in.policy.limits.size(); ++i) {
    const Limit& limit = in.policy.limits[i];
    const Review::LimitUse& counted = in.counts.limits[i];
    if (counted.asked == 0 || limit.mode == LimitMode::observe) continue;
    missed = missed || counted.incomplete;
    const Refusals spread = refusals_of_known(in, counted, 0),
                   strict = refusals_of_known(in, counted, second);
    const auto& [low, high] = std::minmax(
        spread, strict, [](const auto& a, const auto& b) { return a.requests < b.requests; });
    if (low.requests > 0) {
      find_refused(in, i, low, high, use_of(in, limit, counted, 0).best_known / 60.0, out);
      continue;
    }
    if (limit.learned) continue;   // no one value of it could be too small or too large
    const Use use = use_of(in, limit, counted, 0), worse = use_of(in, limit, counted, second);
    unsure = unsure || high.requests > 0 ||
             (use.fullest_known < threshold::kLittleHeadroom &&
              worse.fullest_known >= threshold::kLittleHeadroom);
    if (use.fullest_known >= threshold::kLittleHeadroom) {
      find_little(in, limit, use, out);
    } else if (!is_guard(limit) && use.best > 0 && worse.fullest <= threshold::kAbsurdFill &&
               limit.rate.per_second() >= threshold::kAbsurdRate * use.best / 60.0) {
      if (is_long)
        find_absurd(in, limit, worse, out);
      else
        too_short = true;
    }
  }
  if (unsure) {
    out.cannot_judge.push_back(
        {Topic::limits, "limits are near their ends in one reading of the input's clock alone",
         "a log with milliseconds: weir help log-format"});
  }
  if (too_short) {
    out.cannot_judge.push_back({Topic::limits,
                                "a limit is far above all that was asked, in less than a day",
                                "give a day or more"});
  }
  if (missed)
    out.cannot_judge.push_back(
        {Topic::limits, "more buckets than can be kept", "give less at once"});
}

}  // namespace weir::replay
