#include "record/caller_batches.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "record/arrivals.h"
#include "record/shape.h"

namespace weir::record {
namespace {

constexpr std::size_t kAhead = 8;   // items

// Who asked and from where, in one; never zero.
std::uint64_t both_of(const Arrival& arrival) {
  const std::uint64_t both = mix(arrival.caller) ^ arrival.client;
  return both == 0 ? 1 : both;
}

std::string subject_of(const CallerShape& caller) {
  const auto valid =
      std::ranges::find(caller.identities, EvidenceResult::valid, &IdentityShape::result);
  return valid == caller.identities.end() ? std::string() : valid->subject;
}

// The status that a refusal was answered with, as far as its cause tells.
std::optional<std::uint16_t> status_of(const Arrival& arrival) {
  const std::uint16_t status = info(arrival.cause).status;
  if (arrival.action != Action::refuse || status == 0) return std::nullopt;
  return status;
}

}  // namespace

std::optional<CallerName> caller_name(const CallerShape* caller, const ClientShape* client) {
  if (caller != nullptr) {
    const std::string subject = subject_of(*caller);
    if (!subject.empty()) return CallerName::of(CallerKind::credential, subject);
  }
  if (client == nullptr) return std::nullopt;
  return CallerName::of(CallerKind::client, to_string(caller_address(client->address)));
}

CallerEvent event_of(const Arrival& arrival, WallTime at, const NameTable& names) {
  const bool refused = arrival.action == Action::refuse;
  return {.at = at,
          .ending = {.status = status_of(arrival),
                     .refused = refused,
                     .recorded = true,
                     .cause = arrival.cause},
          .route = names.text(arrival.route),
          .rule = refused ? names.text(arrival.rule) : std::string_view(),
          .revision = arrival.revision};
}

Ending ending_of(const Flight& flight) {
  return {
      .status = flight.status, .recorded = true, .cause = flight.cause, .total = flight.total_time};
}

void UsualTimes::add(NameId route, Nanos total, std::uint64_t weight) {
  auto found = places_.find(route);
  if (found == places_.end()) {
    if (times_.size() == kMostRoutes) return;
    found = places_.try_emplace(route, static_cast<std::uint16_t>(times_.size())).first;
    times_.emplace_back();
  }
  times_[found->second].add_bucket(histogram_bucket(total), weight);
}

std::optional<Nanos> UsualTimes::p99(NameId route) const {
  const auto found = places_.find(route);
  if (found == places_.end() || times_[found->second].count() < kEnough) return std::nullopt;
  return times_[found->second].quantile(0.99);
}

void CallerBatches::add(std::span<const std::byte> batch, std::uint32_t epoch,
                        const KnownCallers& known) {
  Shapes* shapes = shapes_[0].epoch == epoch ? &shapes_[0] : &shapes_[1];
  if (shapes->epoch != epoch) {
    shapes = shapes_[0].epoch < shapes_[1].epoch ? &shapes_[0] : &shapes_[1];
    *shapes = {.epoch = epoch, .callers = {}, .clients = {}};
  }
  BatchReader reader(batch), ahead(batch);
  BatchItem later;
  for (std::size_t i = 0; i < kAhead && ahead.next(later); ++i) expect(later);
  for (BatchItem item; reader.next(item);) {
    if (ahead.next(later)) expect(later);
    if (item.kind == ItemKind::shape) {
      shape(item.content, *shapes);
    } else if (item.kind == ItemKind::arrival && item.content.size() == sizeof(Arrival)) {
      Arrival one;
      std::memcpy(&one, item.content.data(), sizeof one);
      arrival(one, *shapes, known);
    } else if (item.kind == ItemKind::flight && item.content.size() == sizeof(Flight)) {
      Flight one;
      std::memcpy(&one, item.content.data(), sizeof one);
      flight(one, known);
    }
  }
}

// With many routes the texts of their names are waited for: of this one, and of the one that it will end.
void CallerBatches::expect(const BatchItem& later) {
  if (later.kind != ItemKind::arrival || later.content.size() != sizeof(Arrival)) return;
  Arrival one;
  std::memcpy(&one, later.content.data(), sizeof one);
  names_.expect(one.route);
  names_.expect(place(one.exchange).route);
}

void CallerBatches::shape(std::span<const std::byte> item, Shapes& shapes) {
  if (item.size() < 9) return;
  const auto kind = static_cast<ShapeKind>(item[8]);  // the first byte of a shape (record/shape.h)
  if (kind != ShapeKind::caller && kind != ShapeKind::client) return;
  if (shapes.callers.size() + shapes.clients.size() >= kMostShapes) return;
  std::uint64_t digest;
  std::memcpy(&digest, item.data(), sizeof digest);
  const auto decoded = decode_shape(item.subspan(8));
  if (!decoded) return;
  if (const auto* caller = std::get_if<CallerShape>(&*decoded))
    shapes.callers.emplace(digest, subject_of(*caller));
  if (const auto* client = std::get_if<ClientShape>(&*decoded))
    shapes.clients.emplace(digest, client->address);
}

const CallerBatches::Who* CallerBatches::who(const Arrival& arrival, const Shapes& shapes) {
  const std::uint64_t both = both_of(arrival);
  if (const auto found = whose_.find(both); found != whose_.end()) return &found->second;
  CallerName name;
  const auto caller = shapes.callers.find(arrival.caller);
  if (caller != shapes.callers.end() && !caller->second.empty()) {
    name = CallerName::of(CallerKind::credential, caller->second);
  } else {
    const auto client = shapes.clients.find(arrival.client);
    if (client == shapes.clients.end()) return nullptr;
    name = CallerName::of(CallerKind::client, to_string(caller_address(client->second)));
  }
  if (whose_.size() >= kMostNames) whose_.clear();
  const std::uint64_t hash = CallerTally::hash_of(key_, name);
  return &whose_.emplace(both, Who{.hash = hash, .name = std::move(name)}).first->second;
}

CallerBatches::Held& CallerBatches::place(ExchangeId exchange) {
  std::vector<Held>& held = held_[exchange.worker.value];
  if (held.empty()) held.resize(kHeld);
  return held[exchange.sequence % kHeld];
}

void CallerBatches::arrival(const Arrival& arrival, const Shapes& shapes,
                            const KnownCallers& known) {
  const Who* const by = who(arrival, shapes);
  if (by == nullptr) {
    ++unnamed_;
    return;
  }
  const WallTime at(arrival.stamp.time_since_epoch() + shift_);
  newest_ = std::max(newest_, at);
  const CallerEvent event = event_of(arrival, at, names_);
  if (event.ending.refused) {
    tally_.add(by->hash, by->name, event, known);
    return;
  }
  CallerEntry* const entry = tally_.entry(by->hash, by->name, known);
  if (entry == nullptr) return;
  entry->arrive(event);
  Held& held = place(arrival.exchange);
  if (held.who != 0) end(held, {.recorded = true}, known);
  held = {.exchange = arrival.exchange,
          .who = both_of(arrival),
          .at = at,
          .route = arrival.route,
          .revision = arrival.revision};
}

void CallerBatches::flight(const Flight& flight, const KnownCallers& known) {
  if (flight.cause != Cause::client_gone)
    usual_.add(flight.route, flight.total_time, flight.weight);
  Held& held = place(flight.exchange);
  if (held.who == 0 || held.exchange != flight.exchange) return;  // refused, or ended before
  end(held, ending_of(flight), known);
}

void CallerBatches::end(Held& held, const Ending& ending, const KnownCallers& known) {
  const auto by = whose_.find(std::exchange(held.who, 0));
  if (by == whose_.end()) return;  // names were begun anew meanwhile: the request itself is counted
  CallerEntry* const entry = tally_.entry(by->second.hash, by->second.name, known);
  if (entry == nullptr) return;
  entry->end({.at = held.at,
              .ending = ending,
              .route = names_.text(held.route),
              .rule = {},
              .revision = held.revision},
             known.contains(by->second.hash) || entry->standing.is_known(),
             ending.cause == Cause::client_gone ? usual_.p99(held.route) : std::nullopt);
}

void CallerBatches::settle(Nanos wait, const KnownCallers& known) {
  for (auto& [worker, all] : held_) {
    for (Held& held : all) {
      if (held.who != 0 && newest_ - held.at >= wait) end(held, {.recorded = true}, known);
    }
  }
}

}  // namespace weir::record
