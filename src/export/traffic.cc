#include "export/traffic.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <variant>

#include "model/standing.h"
#include "record/flight.h"

namespace weir::exporting {

bool is_refused(Cause cause) {
  switch (cause) {
    case Cause::client_gone:
    case Cause::deadline_expired:
    case Cause::internal_error:
      return false;
    default:
      return info(cause).side == Side::client || info(cause).side == Side::gateway;
  }
}

namespace {

TrafficTable::Event event_of(const ExchangeRecord& record) {
  TrafficTable::Event event{
      .refused = is_refused(record.cause), .cause = record.cause, .rule = record.rule};
  event.bad = !event.refused && record::is_bad(record);
  if (record.attempts > 0) event.took = record.total_time;
  return event;
}

}  // namespace

void TrafficTable::advance(Row& row, std::int64_t second) {
  row.window.advance(second);
  const std::int64_t stretch = second / kLatencySeconds;
  if (stretch > row.stretch) {
    row.took[1] = stretch == row.stretch + 1 ? row.took[0] : LatencyCounts{};
    row.took[0] = {};
    row.stretch = stretch;
  }
}

void TrafficTable::count(std::size_t place, std::int64_t second, const Event& event,
                         double weight) {
  Row& row = rows_[place];
  advance(row, second);
  SecondCounts& counts = row.window.newest();
  counts.requests += weight;
  worth_[place] = row.window.worth();
  if (event.bad) counts.bad += weight;
  if (event.took) row.took[0].add(*event.took);
  if (!event.refused) return;
  counts.refused += weight;
  if (std::exchange(row.voted, second) != second) row.votes = 0;
  const bool same = row.cause == event.cause && row.rule == event.rule;
  if (!same && row.votes <= 0) {
    row.cause = event.cause;
    row.rule = event.rule;
    row.votes = weight;
  } else {
    row.votes += same ? weight : -weight;
  }
}

std::size_t TrafficTable::free_place(std::int64_t second) {
  if (rows_.size() < kRows) {
    rows_.push_back({.key = 0, .window = RateWindow(second)});
    worth_.push_back(0);
    return rows_.size() - 1;
  }
  std::size_t least = hand_;
  for (std::size_t i = 0; i < kLooked; ++i, hand_ = (hand_ + 1) % kRows) {
    if (worth_[hand_] < worth_[least]) least = hand_;
  }
  places_.erase(rows_[least].key);
  ++forgotten_;
  return least;
}

std::vector<TrafficRow> TrafficTable::rows(Stamp began, Stamp at) {
  std::vector<TrafficRow> out;
  const double seconds = RateWindow::seconds_now(began, at);
  const auto past = RateWindow::seconds_past(began, at);
  for (Row& row : rows_) {
    advance(row, RateWindow::second_of(at));
    const SecondCounts now = row.window.now();
    if (now.requests <= 0) continue;
    TrafficRow& made = out.emplace_back(TrafficRow{.subject = row.subject,
                                                   .rate = now.requests / seconds,
                                                   .refused = now.refused / seconds,
                                                   .bad = now.bad / seconds});
    if (past && row.window.past() > 0) made.usual = row.window.past() / *past;
    if (now.refused > 0) {
      made.refused_by = row.cause;
      made.rule = row.rule;
    }
    LatencyCounts took = row.took[0];
    took.merge(row.took[1]);
    if (took.total() == 0) continue;
    made.p50 = took.quantile(0.5);
    made.p95 = took.quantile(0.95);
  }
  return out;
}

void Traffic::use(const Policy& policy) {
  homes_.clear();
  for (const Route& route : policy.routes) {
    if (const auto* forward = std::get_if<Forward>(&route.action)) {
      homes_.emplace(route.name.value,
                     policy.upstreams[forward->split.front().upstream.index()].name);
    }
  }
}

std::uint64_t Traffic::key_of(std::uint64_t who, NameId upstream, NameId place) const {
  const std::array<std::uint64_t, 2> words = {who,
                                              std::uint64_t{upstream.value} << 32 | place.value};
  return keyed_hash(key_, words);
}

std::uint64_t Traffic::hash_of(const Address& address) const {
  std::array<std::uint64_t, 3> words = {static_cast<std::uint64_t>(address.family)};
  std::memcpy(&words[1], address.bytes.data(), address.bytes.size());
  return keyed_hash(key_, std::span<const std::uint64_t>(words));
}

void Traffic::add(const ExchangeRecord& record, std::string_view caller, Stamp at, double weight) {
  const std::int64_t second = RateWindow::second_of(at);
  if (!began_) {
    began_ = at;
    all_.emplace(second);
  }
  const TrafficTable::Event event = event_of(record);
  all_->advance(second);
  all_->newest().requests += weight;
  if (event.refused) all_->newest().refused += weight;
  if (event.bad) all_->newest().bad += weight;

  const bool by_address = caller.empty();
  const Address address = caller_address(record.client);
  const auto name = [&] { return by_address ? to_string(address) : std::string(caller); };
  const auto add_to = [&](TrafficBy by, std::uint64_t who, const TrafficSubject& bare) {
    tables_[static_cast<std::size_t>(by)].add(key_of(who, bare.upstream, bare.place), second, event,
                                              weight, [&] {
                                                TrafficSubject subject = bare;
                                                if (who != 0) subject.caller = name();
                                                return subject;
                                              });
  };
  // A name and an address that look alike are two callers.
  const std::uint64_t who = (by_address ? hash_of(address) : keyed_hash(key_, caller)) ^ (by_address ? 1 : 0);
  add_to(TrafficBy::caller, who, {.by_address = by_address});
  if (record.route.valid()) add_to(TrafficBy::route, 0, {.place = record.route});
  NameId upstream = record.upstream;
  if (!upstream.valid() && event.refused) {
    if (const auto home = homes_.find(record.route.value); home != homes_.end())
      upstream = home->second;
  }
  if (upstream.valid())
    add_to(TrafficBy::edge, who, {.by_address = by_address, .upstream = upstream});
  add_attempts(record, second, weight);
}

void Traffic::add_attempts(const ExchangeRecord& record, std::int64_t second, double weight) {
  for (std::size_t i = 0; i < std::min<std::size_t>(record.attempts, record.tries.size()); ++i) {
    const AttemptRecord& made = record.tries[i];
    TrafficTable::Event event{.bad = result_of(record, i) == AttemptResult::failed};
    if (made.status != 0) event.took = std::chrono::microseconds(made.micros);
    tables_[static_cast<std::size_t>(TrafficBy::endpoint)].add(
        key_of(0, record.upstream, made.endpoint), second, event, weight,
        [&] { return TrafficSubject{.upstream = record.upstream, .place = made.endpoint}; });
  }
}

Traffic::Look Traffic::look(TrafficBy by, Stamp at) {
  Look look;
  if (!began_) return look;
  all_->advance(RateWindow::second_of(at));
  look.counted = std::chrono::duration<double>(at - *began_).count();
  look.seconds = RateWindow::seconds_now(*began_, at);
  const SecondCounts now = all_->now();
  look.rate = now.requests / look.seconds;
  look.refused = now.refused / look.seconds;
  look.bad = now.bad / look.seconds;
  const auto past = RateWindow::seconds_past(*began_, at);
  look.has_past = past.has_value();
  if (past) look.usual = all_->past() / *past;
  TrafficTable& table = tables_[static_cast<std::size_t>(by)];
  look.rows = table.rows(*began_, at);
  look.forgotten = table.forgotten();
  return look;
}

}  // namespace weir::exporting
