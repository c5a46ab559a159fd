#include "record/caller_batches.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "record/arrivals.h"
#include "record/shape.h"

namespace weir::record {
namespace {

constexpr std::size_t kMostHashes = std::size_t{1} << 17;

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

void CallerBatches::add(std::span<const std::byte> batch, std::uint32_t epoch,
                        const KnownCallers& known) {
  Shapes* shapes = shapes_[0].epoch == epoch ? &shapes_[0] : &shapes_[1];
  if (shapes->epoch != epoch) {
    shapes = shapes_[0].epoch < shapes_[1].epoch ? &shapes_[0] : &shapes_[1];
    *shapes = {.epoch = epoch, .callers = {}, .clients = {}};
  }
  BatchReader reader(batch);
  for (BatchItem item; reader.next(item);) {
    if (item.kind == ItemKind::shape) {
      shape(item.content, *shapes);
    } else if (item.kind == ItemKind::arrival && item.content.size() == sizeof(Arrival)) {
      Arrival one;
      std::memcpy(&one, item.content.data(), sizeof one);
      arrival(one, *shapes, known);
    }
  }
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

std::optional<CallerName> CallerBatches::name_of(const Arrival& arrival,
                                                 const Shapes& shapes) const {
  const auto caller = shapes.callers.find(arrival.caller);
  if (caller != shapes.callers.end() && !caller->second.empty())
    return CallerName::of(CallerKind::credential, caller->second);
  const auto client = shapes.clients.find(arrival.client);
  if (client == shapes.clients.end()) return std::nullopt;
  return CallerName::of(CallerKind::client, to_string(caller_address(client->second)));
}

void CallerBatches::arrival(const Arrival& arrival, Shapes& shapes, const KnownCallers& known) {
  const std::uint64_t both = mix(arrival.caller) ^ arrival.client;
  auto hash = hashes_.find(both);
  std::optional<CallerName> name;
  if (hash == hashes_.end() || !tally_.has(hash->second)) {
    name = name_of(arrival, shapes);
    if (!name) {
      ++unnamed_;
      return;
    }
    if (hashes_.size() >= kMostHashes) hashes_.clear();
    hash = hashes_.insert_or_assign(both, CallerTally::hash_of(key_, *name)).first;
  }
  const WallTime at(arrival.stamp.time_since_epoch() + shift_);
  newest_ = std::max(newest_, at);
  tally_.add(hash->second, [&] { return std::move(*name); }, event_of(arrival, at, names_), known);
}

}  // namespace weir::record
