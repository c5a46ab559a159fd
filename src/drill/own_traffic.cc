// The drill's own traffic. Each offer has one coroutine that lets sessions begin when they are due,
// late or not; a session is one caller's requests in a row; each request runs by itself. All chance
// is drawn by the number of the session, the caller or the second.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "drill/requests.h"
#include "drill/traffic.h"
#include "fmt/core.h"
#include "io/gate.h"
#include "io/scope.h"

namespace weir::drill {
namespace {

constexpr std::size_t kMostInBurst = 1000;

// The number of tries until the first success with probability 1 / mean, for u in (0, 1).
std::uint64_t geometric(double u, double mean) {
  if (mean <= 1) return 1;
  return 1 + static_cast<std::uint64_t>(std::log(u) / std::log1p(-1 / mean));
}

class OwnTraffic final : public Traffic {
 public:
  OwnTraffic(io::Loop& loop, SocketAddress gateway, std::span<const Offer> offers, Chance chance,
             Tally& tally)
      : loop_(loop),
        host_(to_string(gateway)),
        chance_(chance),
        tally_(tally),
        requests_(loop, std::move(gateway)),
        rate_changed_(loop) {
    for (const Offer& offer : offers) {
      State& state = states_.emplace_back(offer);
      state.rate = offer.spec.rate.value;
      for (const auto& request : offer.spec.requests.value) {
        state.names.push_back(tally.request(request.value.name.value.text));
        state.weights.push_back(request.value.weight.value);
        state.all_weights += request.value.weight.value;
      }
    }
  }

  io::Task<> run(Nanos duration) override {
    begun_ = loop_.refresh();
    io::Scope all(loop_);
    scope_ = &all;
    for (std::size_t i = 0; i < states_.size(); ++i)
      all.spawn([this, i, duration] { return offer(i, duration); });
    all.spawn([this, duration] { return house_keeping(duration); });
    co_await all.join();
  }
  void set_rate(std::size_t offer, Rate rate) override {
    states_[offer].rate = rate;
    rate_changed_.open();
  }
  std::size_t in_flight() const override { return in_flight_; }

 private:
  struct State {
    explicit State(const Offer& offer) : offer(offer) {}
    const Offer& offer;
    Rate rate;
    std::vector<std::uint16_t> names;
    std::vector<std::uint64_t> weights;
    std::uint64_t all_weights = 0;
    std::uint64_t sessions = 0, requests = 0;
    std::unordered_map<std::size_t, std::uint64_t> spoiled;  // callers, and how many more go wrong
  };

  io::Task<> offer(std::size_t index, Nanos duration) {
    State& state = states_[index];
    const TrafficSpec& spec = state.offer.spec;
    Nanos due{0};
    for (;;) {
      const double u = spec.arrivals.value == Arrivals::poisson
                           ? -std::log(chance_.unit(Draw::arrival, index, state.sessions))
                           : 1;
      const auto next = co_await arrival(index, due, u, duration);
      if (!next) co_return;
      due = *next;
      const std::uint64_t number = state.sessions++;
      scope_->spawn(
          [this, index, number, due, duration] { return session(index, number, due, duration); });
    }
  }

  // Waits until the integral of the rate since `from` has grown to `left`, whatever becomes of the
  // rate on the way; none: that is not before the end.
  io::Task<std::optional<Nanos>> arrival(std::size_t index, Nanos from, double left,
                                         Nanos duration) {
    const State& state = states_[index];
    const TrafficSpec& spec = state.offer.spec;
    const double mean = spec.burst.given() ? spec.burst.value.mean.value.value : 1;
    while (!loop_.cancelled()) {
      const Rate asked = state.rate;
      const double rate = asked.per_second() * noise(index, spec.noise.value.of_one(), from) / mean;
      const Nanos due = from + Nanos(static_cast<std::int64_t>(std::min(left / rate * 1e9, 1e15)));
      const Stamp until = begun_ + std::min(due, duration);
      while (until > loop_.now() && asked == state.rate) {
        const auto told = co_await rate_changed_.wait(until);
        if (!told && told.error().kind != ErrorKind::timeout) co_return std::nullopt;
      }
      if (until <= loop_.now()) {
        if (due >= duration) co_return std::nullopt;
        co_return due;
      }
      const Nanos at = std::max(from, loop_.now() - begun_);
      left -= rate * static_cast<double>((at - from).count()) / 1e9;
      from = at;
    }
    co_return std::nullopt;
  }

  // A second's rate is off by a lognormal factor with mean 1 and this coefficient of variation.
  double noise(std::size_t index, double cv, Nanos at) const {
    if (cv <= 0) return 1;
    const double variance = std::log1p(cv * cv);
    const auto second = static_cast<std::uint64_t>(at / std::chrono::seconds(1));
    const Law law{.kind = Law::Kind::lognormal,
                  .first = std::chrono::seconds(1),
                  .sigma = std::sqrt(variance)};
    const Nanos drawn = law.value(chance_.unit(Draw::noise, index, second, 0),
                                  chance_.unit(Draw::noise, index, second, 1));
    return static_cast<double>(drawn.count()) / 1e9 * std::exp(-variance / 2);
  }

  io::Task<> session(std::size_t index, std::uint64_t number, Nanos due, Nanos duration) {
    State& state = states_[index];
    const TrafficSpec& spec = state.offer.spec;
    const std::size_t caller =
        state.offer.population.pick(chance_.unit(Draw::caller, index, number));
    std::uint64_t count = 1;
    if (spec.burst.given())
      count = std::min<std::uint64_t>(
          geometric(chance_.unit(Draw::session, index, number), spec.burst.value.mean.value.value),
          kMostInBurst);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (i > 0) {
        due +=
            spec.burst.value.gap.value.value(chance_.unit(Draw::arrival, index, number, 2 * i),
                                             chance_.unit(Draw::arrival, index, number, 2 * i + 1));
        if (due >= duration || !co_await loop_.sleep_until(begun_ + due)) co_return;
      }
      const std::uint64_t which = state.requests++;
      scope_->spawn([this, index, caller, which, due, duration] {
        return request(index, caller, which, due, duration);
      });
    }
  }

  // One request with the retries that follow it before the end.
  io::Task<> request(std::size_t index, std::size_t caller, std::uint64_t which, Nanos due,
                     Nanos duration) {
    State& state = states_[index];
    const TrafficSpec& spec = state.offer.spec;
    const std::size_t kind = pick(state, chance_.word(Draw::request, index, which));
    const std::uint16_t spoiled = spoil(index, caller, which);
    for (std::uint64_t attempt = 0;; ++attempt) {
      std::string outcome(saw::kNotSent);
      bool good = false;
      if (in_flight_ < kMostInFlight) {
        ++in_flight_;
        auto ended = co_await ask(state, caller, kind, spoiled, begun_ + due + spec.patience.value);
        --in_flight_;
        if (loop_.cancelled()) co_return;
        outcome = std::move(ended.outcome);
        good = ended.good;
      }
      tally_.add({.came = due,
                  .took = loop_.now() - begun_ - due,
                  .traffic = static_cast<std::uint16_t>(index),
                  .request = state.names[kind],
                  .outcome = tally_.outcome(outcome),
                  .good = good,
                  .retry = attempt > 0});
      if (good || !spec.retry.given() || attempt >= spec.retry.value.times.value ||
          !retries(index, which, spec.retry.value, outcome))
        co_return;
      const Nanos again = loop_.now() - begun_ + spec.retry.value.after.value.value;
      if (again >= duration || !co_await loop_.sleep_until(begun_ + again)) co_return;
      due = again;
    }
  }

  // Whether a caller tries again is decided once for a request and its retries.
  bool retries(std::size_t index, std::uint64_t which, const RetrySpec& retry,
               const std::string& outcome) const {
    if (retry.on.given() && std::ranges::none_of(retry.on.value, [&](const auto& word) {
          return word.value.text == outcome;
        }))
      return false;
    return chance_.unit(Draw::again, index, which) < retry.share.value.of_one();
  }

  static std::size_t pick(const State& state, std::uint64_t drawn) {
    std::uint64_t left = scale(drawn, state.all_weights);
    std::size_t kind = 0;
    while (left >= state.weights[kind]) left -= state.weights[kind++];
    return kind;
  }

  // The status that the upstream is asked to fail with; 0: none. A caller's bad time begins with
  // such a probability that bad requests are the share that is wanted, and lasts for a cluster.
  std::uint16_t spoil(std::size_t index, std::size_t caller, std::uint64_t which) {
    State& state = states_[index];
    const TrafficSpec& spec = state.offer.spec;
    if (!spec.spoil.given()) return 0;
    const SpoilSpec& spoil = spec.spoil.value;
    const auto status = static_cast<std::uint16_t>(spoil.status.value);
    const auto found = state.spoiled.find(caller);
    if (found != state.spoiled.end()) {
      if (--found->second == 0) state.spoiled.erase(found);
      return status;
    }
    const double share = spoil.share.value.of_one(),
                 cluster = std::max(1.0, spoil.cluster.value.value);
    if (share < 1 && chance_.unit(Draw::spoil, index, which, 0) >= share / cluster / (1 - share))
      return 0;
    const std::uint64_t more = geometric(chance_.unit(Draw::spoil, index, which, 1), cluster) - 1;
    if (more > 0) state.spoiled[caller] = more;
    return status;
  }

  io::Task<Requests::Ended> ask(const State& state, std::size_t caller, std::size_t kind,
                                std::uint16_t spoiled, Stamp until) {
    const RequestSpec& what = state.offer.spec.requests.value[kind].value;
    const Population& population = state.offer.population;
    const Proof& proof = state.offer.proof;
    http::Fields fields;
    fields.add(http::FieldId::host, what.host.given() ? std::string_view(what.host.value.text)
                                                      : std::string_view(host_));
    fields.add(http::FieldId::user_agent, "weir-drill");
    std::string proved, address, status;
    if (proof.kind == Proof::Kind::api_key)
      proved = proof.scheme.empty() ? population.key(caller)
                                    : proof.scheme + " " + population.key(caller);
    if (proof.kind == Proof::Kind::service) proved = population.name(caller);
    if (!proved.empty()) fields.add(proof.header, proved, http::field_id(proof.header));
    if (state.offer.spec.callers.value.networks.given()) {
      address = to_string(population.address(caller));
      fields.add(http::FieldId::x_forwarded_for, address);
    }
    if (spoiled != 0) {
      status = fmt::format("{}", spoiled);
      fields.add("X-Drill-Status", status, http::FieldId::other);
    }
    for (const auto& [name, value] : what.headers.value.entries)
      fields.add(name.value.text, value.value.text, http::field_id(name.value.text));
    co_return co_await requests_.ask({.method = what.method.value.text,
                                      .target = what.path.value.text,
                                      .fields = &fields,
                                      .body = what.body.given() ? what.body.value.count : 0},
                                     until);
  }

  io::Task<> house_keeping(Nanos duration) {
    while (loop_.now() < begun_ + duration) {
      if (!co_await loop_.sleep_for(std::chrono::seconds(1))) co_return;
      requests_.age();
    }
  }

  io::Loop& loop_;
  std::string host_;
  Chance chance_;
  Tally& tally_;
  Requests requests_;
  std::vector<State> states_;
  io::Gate rate_changed_;  // of any offer
  io::Scope* scope_ = nullptr;
  Stamp begun_;
  std::size_t in_flight_ = 0;
};

}  // namespace

std::unique_ptr<Traffic> own_traffic(io::Loop& loop, SocketAddress gateway,
                                     std::span<const Offer> offers, Chance chance, Tally& tally) {
  return std::make_unique<OwnTraffic>(loop, std::move(gateway), offers, chance, tally);
}

}  // namespace weir::drill
