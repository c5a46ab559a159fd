#include "rollout/deploy.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weir::rollout {
namespace {

constexpr double kHolds = 20;               // requests of a stretch
constexpr double kFewest = 5;               // below, a share says nothing
constexpr std::int64_t kShortestRun = 5, kLongestHold = 10, kTenfold = 10;
constexpr double kAgainst = 6'000;
constexpr std::size_t kMostLooks = 6;
constexpr auto kLengths = std::to_array<std::int64_t>({1, 2, 5, 10, 20, 60});

template <std::size_t n, class E>
std::string_view word(const std::array<std::string_view, n>& words, E value) {
  return words[static_cast<std::size_t>(value)];
}

}  // namespace

std::string_view to_string(Role role) { return word(std::to_array<std::string_view>({"upstream", "caller", "split"}), role); }
std::string_view to_string(DeploySignal signal) { return word(std::to_array<std::string_view>({"bad", "latency", "rate"}), signal); }
std::string_view to_string(DeployAnswer answer) {
  return word(std::to_array<std::string_view>({"under way", "healthy", "harmed", "not enough data"}), answer);
}
std::string_view to_string(Lack lack) { return word(std::to_array<std::string_view>({"none", "past", "watch", "silent", "undecided", "replaced"}), lack); }

std::optional<std::int64_t> needed_run(std::int64_t before, std::int64_t most) {
  double ways = 1;   // C(before + k, k)
  for (std::int64_t k = 1; k <= most; ++k) {
    ways *= static_cast<double>(before + k) / static_cast<double>(k);
    if (k >= kShortestRun && ways >= kAgainst * static_cast<double>(most - k + 1)) return k;
  }
  return std::nullopt;
}

void SubjectPast::add(std::int64_t second, const Exchange& exchange) {
  advance(second);
  heard_ = open_;
  const auto weight = static_cast<float>(exchange.weight);
  now_.requests += weight;
  if (exchange.bad) now_.bad += weight;
  if (!exchange.took) return;
  now_.timed += weight;
  took_.add(*exchange.took);
}

void SubjectPast::advance(std::int64_t second) {
  if (!begun_) {
    begun_ = true;
    open_ = second;
  }
  if (second <= open_) return;
  if (now_.timed > 0) now_.p90_ms = static_cast<float>(static_cast<double>(took_.quantile(0.9).count()) / 1e6);
  if (!partial_) seconds_.push_back(now_);
  partial_ = false;
  const std::int64_t silent = second - open_ - 1;
  for (std::int64_t i = std::min<std::int64_t>(silent, kMost); i > 0; --i) seconds_.emplace_back();
  while (seconds_.size() > kMost) seconds_.pop_front();
  now_ = {};
  took_ = {};
  open_ = second;
}

void Deploy::Sum::add(const SubjectSecond& second) {
  seconds += 1;
  requests += second.requests;
  bad += second.bad;
  timed += second.timed;
  slow += static_cast<double>(second.timed) * second.p90_ms;
}

std::optional<double> Deploy::Sum::of(DeploySignal signal) const {
  switch (signal) {
    case DeploySignal::bad: return requests >= kFewest ? std::optional(bad / requests) : std::nullopt;
    case DeploySignal::latency: return timed >= kFewest ? std::optional(slow / timed) : std::nullopt;
    case DeploySignal::rate: return seconds > 0 ? std::optional(requests / seconds) : std::nullopt;
  }
  return std::nullopt;
}

DeployFigures Deploy::Sum::figures() const {
  DeployFigures out{.seconds = seconds, .requests = requests};
  if (requests > 0) out.bad_share = bad / requests;
  if (timed > 0) out.p90_ms = slow / timed;
  return out;
}

bool Deploy::Look::above(const Sum& sum, double value) const {
  switch (signal) {
    case DeploySignal::bad: return value > std::max(1.5 * highest, highest + std::max(0.005, 4 / sum.requests));
    case DeploySignal::latency: return value > std::max(1.5 * highest, highest + 10);
    case DeploySignal::rate: return value > std::max(3 * highest, highest + 5);
  }
  return false;
}

void Deploy::Look::end_stretch(std::int64_t at) {
  const Sum ended = stretch;
  stretch = {};
  const auto value = ended.of(signal);
  if (!value) return;   // neither for nor against
  ++seen;
  if (!above(ended, *value)) {
    run = 0;
    return;
  }
  if (run++ == 0) {
    began = at - length;
    of_run = {};
  }
  of_run.seconds += ended.seconds;
  of_run.requests += ended.requests;
  of_run.bad += ended.bad;
  of_run.timed += ended.timed;
  of_run.slow += ended.slow;
}

Deploy::Deploy(Role role, std::span<const SubjectSecond> before, std::int64_t watch_s) : watch_s_(watch_s) {
  for (const SubjectSecond& second : before) before_.add(second);
  const double rate = before_.requests / std::max(1.0, before_.seconds);
  const auto length = std::ranges::find_if(kLengths, [&](std::int64_t each) { return rate * static_cast<double>(each) >= kHolds; });
  if (length != kLengths.end()) {
    for (const DeploySignal signal : {DeploySignal::bad, DeploySignal::latency}) {
      add_look(signal, *length, before);
      add_look(signal, *length * kTenfold, before);
    }
  }
  // Of a caller that was never heard of before nothing is usual.
  if (role == Role::caller && before_.requests > 0) {
    add_look(DeploySignal::rate, 1, before);
    add_look(DeploySignal::rate, kTenfold, before);
  }
  if (!looks_.empty()) return;
  answer_ = DeployAnswer::not_enough_data;
  const bool rarely = length == kLengths.end();
  lack_ = !rarely && watch_s / *length < kShortestRun ? Lack::watch : Lack::past;
}

// Stretches before are counted back from the announcement.
void Deploy::add_look(DeploySignal signal, std::int64_t length, std::span<const SubjectSecond> before) {
  Look look{.signal = signal, .length = length, .stretch = {}, .of_run = {}};
  Sum all;
  std::int64_t known = 0;
  const auto size = static_cast<std::size_t>(length);
  for (std::size_t end = before.size(); end >= size; end -= size) {
    Sum stretch;
    for (const SubjectSecond& second : before.subspan(end - size, size)) {
      stretch.add(second);
      all.add(second);
    }
    const auto value = stretch.of(signal);
    if (!value) continue;
    ++known;
    look.highest = std::max(look.highest, *value);
  }
  const auto run = needed_run(known, watch_s_ / length);
  if (!run) return;
  look.usual = all.of(signal).value_or(0);
  const std::int64_t hold = std::min(kLongestHold, watch_s_ / 2);
  look.needed = std::max(*run, (hold + length - 1) / length);
  looks_.push_back(look);
}

void Deploy::add(const SubjectSecond& second) {
  if (answer_ != DeployAnswer::under_way) return;
  ++at_;
  sum_.add(second);
  for (Look& look : looks_) {
    look.stretch.add(second);
    if (at_ % look.length != 0) continue;
    look.end_stretch(at_);
    if (look.run < look.needed) continue;
    answer_ = DeployAnswer::harmed;
    if (std::ranges::any_of(harms_, [&](const DeployHarm& harm) { return harm.signal == look.signal; })) continue;
    harms_.push_back({.signal = look.signal, .usual = look.usual, .highest = look.highest, .now = look.of_run.of(look.signal).value_or(0),
                      .after = look.began, .lasted = at_ - look.began});
  }
  if (answer_ == DeployAnswer::under_way && at_ >= watch_s_) end();
}

void Deploy::skip(std::int64_t seconds) {
  if (answer_ != DeployAnswer::under_way || seconds <= 0) return;
  at_ += seconds;
  for (Look& look : looks_) look.stretch = {};
  if (at_ >= watch_s_) end();
}

void Deploy::end() {
  bool judged = false, running = false, any = false;
  for (const Look& look : looks_) {
    running |= look.run > 0;
    if (look.signal != DeploySignal::bad) continue;
    any = true;
    judged |= look.seen >= look.needed;
  }
  answer_ = judged && !running ? DeployAnswer::healthy : DeployAnswer::not_enough_data;
  if (answer_ == DeployAnswer::healthy) return;
  lack_ = running ? Lack::undecided : any ? Lack::silent : Lack::past;
}

// Lists come with their sizes.
void Deploy::walk(auto& of, auto&& each) {
  const auto sum = [&](auto& one) {
    for (auto* number : {&one.seconds, &one.requests, &one.bad, &one.timed, &one.slow}) each(*number);
  };
  each(of.watch_s_);
  each(of.at_);
  each(of.answer_);
  each(of.lack_);
  sum(of.before_);
  sum(of.sum_);
  each.list(of.looks_, kMostLooks);
  for (auto& look : of.looks_) {
    each(look.signal);
    for (auto* number : {&look.length, &look.seen, &look.needed, &look.run, &look.began}) each(*number);
    for (auto* number : {&look.usual, &look.highest}) each(*number);
    sum(look.stretch);
    sum(look.of_run);
  }
  each.list(of.harms_, kMostLooks);
  for (auto& harm : of.harms_) {
    each(harm.signal);
    for (auto* number : {&harm.usual, &harm.highest, &harm.now}) each(*number);
    for (auto* number : {&harm.after, &harm.lasted}) each(*number);
  }
}

namespace {

struct Write {
  std::vector<double>& out;
  void operator()(auto number) const { out.push_back(static_cast<double>(number)); }
  void list(const auto& all, std::size_t) const { out.push_back(static_cast<double>(all.size())); }
};

struct Read {
  std::span<const double> in;
  bool good = true;

  double next() {
    if (in.empty() || !std::isfinite(in.front())) {
      good = false;
      return 0;
    }
    const double number = in.front();
    in = in.subspan(1);
    return number;
  }
  std::int64_t whole(double most) {
    const double number = next();
    good = good && number >= 0 && number <= most && number == std::floor(number);
    return good ? static_cast<std::int64_t>(number) : 0;
  }
  void operator()(double& number) { number = next(); }
  void operator()(std::int64_t& number) { number = whole(1e9); }
  void operator()(DeploySignal& signal) { signal = static_cast<DeploySignal>(whole(static_cast<double>(DeploySignal::rate))); }
  void operator()(DeployAnswer& answer) { answer = static_cast<DeployAnswer>(whole(static_cast<double>(DeployAnswer::not_enough_data))); }
  void operator()(Lack& lack) { lack = static_cast<Lack>(whole(static_cast<double>(Lack::replaced))); }
  void list(auto& all, std::size_t most) { all.resize(static_cast<std::size_t>(whole(static_cast<double>(most)))); }
};

}  // namespace

std::vector<double> Deploy::state() const {
  std::vector<double> out;
  walk(*this, Write{out});
  return out;
}

std::optional<Deploy> Deploy::from(std::span<const double> state) {
  Deploy deploy;
  Read read{state};
  walk(deploy, read);
  const bool whole = read.good && read.in.empty() && std::ranges::none_of(deploy.looks_, [](const Look& look) { return look.length == 0 || look.needed == 0; });
  return whole ? std::optional(std::move(deploy)) : std::nullopt;
}

}  // namespace weir::rollout
