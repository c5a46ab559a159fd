#include "record/flight.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "base/fingerprint.h"
#include "record/arrivals.h"
#include "record/columns.h"
#include "record/name_column.h"

namespace weir::record {
namespace {

constexpr std::size_t kColumns = 23;   // each takes at least one byte a flight
constexpr std::int64_t kMicro = 1000;

// Which callers are kept is the same everywhere; who knows it gains nothing by it.
bool is_chosen(const Address& client, std::string_view caller, std::int64_t hour) {
  Fingerprint print{HashKey{}};
  if (caller.empty()) {
    caller = {reinterpret_cast<const char*>(client.bytes.data()), client.family == Address::Family::v4 ? 4u : 8u};
  }
  print.add(caller);
  print.add(static_cast<std::uint64_t>(hour));
  return (print.value() >> 32) % FlightSampler::kShare == 0;
}

std::uint64_t micros(Nanos time) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.count()) / kMicro); }

}  // namespace

bool is_bad(const ExchangeRecord& record) {
  switch (record.status) {
    case 0: case 401: case 403: case 429: return true;
    default: break;
  }
  return record.status >= 500 || record.timeout_phase != Phase::none || record.cause == Cause::client_gone ||
         record.cause == Cause::body_truncated;
}

std::uint8_t FlightSampler::weight(const ExchangeRecord& record, std::string_view caller) {
  if (record.late.result != LateResult::not_asked) return 1;   // a bad one, of a second that may be long over
  const std::int64_t second = (record.arrived + record.total_time).time_since_epoch().count() / 1'000'000'000;
  if (second != second_) {
    in_second_before_ = second == second_ + 1 ? in_second_ : 0;
    second_ = second;
    in_second_ = 0;
  }
  ++in_second_;
  // Decided by the clock alone, never by who asked or what became of it: else weights would lie.
  const bool quiet = std::max(in_second_, in_second_before_) <= kQuiet;
  if (quiet || is_bad(record)) return 1;
  return is_chosen(record.client, caller, second / 3600) ? kShare : 0;
}

Flight flight_of(const ExchangeRecord& r, std::uint8_t weight) {
  return {.exchange = r.exchange, .arrived = r.arrived, .head_time = r.head_time, .connect_time = r.connect_time,
          .response_time = r.response_time, .total_time = r.total_time, .bytes_in = r.bytes_in, .bytes_out = r.bytes_out,
          .revision = r.revision, .in_flight = r.in_flight, .route = r.route, .upstream = r.upstream, .endpoint = r.endpoint,
          .timeout_line = r.timeout_line, .status = r.status, .upstream_status = r.upstream_status,
          .timeout_phase = r.timeout_phase, .cause = r.cause, .attempts = r.attempts, .flags = r.flags,
          .violation = r.violation, .weight = weight, .auth = r.auth.result,
          .auth_upstream = r.auth.call.endpoint.valid() ? r.auth.upstream : NameId::none(), .auth_micros = r.auth.call.micros,
          .late = r.late.result, .late_status = r.late.status, .late_micros = r.late.micros};
}

std::size_t put_flight(const Flight& flight, std::span<std::byte> room) {
  static_assert(std::is_trivially_copyable_v<Flight>);
  return put_item(ItemKind::flight, std::as_bytes(std::span(&flight, 1)), room);
}

void encode_flights(std::span<const Flight> flights, const NameTable& names, ByteWriter& out) {
  NameColumn list;
  for (const Flight& f : flights) {
    for (const NameId name : {f.route, f.upstream, f.endpoint, f.auth_upstream}) list.place(name);
  }
  list.write_list(names, out);

  out.varint(flights.size());
  const auto column = [&](auto value) {
    for (const Flight& f : flights) out.varint(value(f));
  };
  // Differences in two's complement, so that any pair of words has one.
  const auto differences = [&](auto value) {
    std::uint64_t last = 0;
    for (const Flight& f : flights) {
      out.varint(zigzag(static_cast<std::int64_t>(value(f) - last)));
      last = value(f);
    }
  };
  differences([](const Flight& f) { return static_cast<std::uint64_t>(f.arrived.time_since_epoch().count()); });
  column([](const Flight& f) { return f.exchange.worker.value; });
  std::unordered_map<std::uint16_t, std::uint64_t> sequences;
  column([&](const Flight& f) {
    const std::uint64_t before = std::exchange(sequences[f.exchange.worker.value], f.exchange.sequence);
    return zigzag(static_cast<std::int64_t>(f.exchange.sequence - before));
  });
  column([](const Flight& f) { return micros(f.head_time); });
  column([](const Flight& f) { return micros(f.connect_time); });
  column([](const Flight& f) { return micros(f.response_time); });
  column([](const Flight& f) { return micros(f.total_time); });
  column([](const Flight& f) { return f.bytes_in; });
  column([](const Flight& f) { return f.bytes_out; });
  differences([](const Flight& f) { return std::uint64_t{f.revision}; });
  column([&](const Flight& f) { return list.place(f.route); });
  column([&](const Flight& f) { return list.place(f.upstream); });
  column([&](const Flight& f) { return list.place(f.endpoint); });
  column([](const Flight& f) { return f.status; });
  column([](const Flight& f) { return f.upstream_status; });
  column([](const Flight& f) { return static_cast<std::uint64_t>(f.cause); });
  column([](const Flight& f) { return static_cast<std::uint64_t>(f.timeout_phase); });
  column([](const Flight& f) { return f.timeout_line; });
  column([](const Flight& f) { return f.attempts; });
  column([](const Flight& f) { return f.in_flight; });
  column([](const Flight& f) { return f.flags; });
  column([](const Flight& f) { return f.violation; });
  column([](const Flight& f) { return f.weight; });
  const auto was_probed = [](const Flight& f) { return f.late != LateResult::not_asked; };
  const bool any_late = std::ranges::any_of(flights, was_probed);
  if (!any_late && std::ranges::none_of(flights, [](const Flight& f) { return f.auth != AuthResult::none; })) return;
  column([](const Flight& f) { return static_cast<std::uint64_t>(f.auth); });
  column([&](const Flight& f) { return list.place(f.auth_upstream); });
  column([](const Flight& f) { return f.auth_micros; });
  if (!any_late) return;
  column([](const Flight& f) { return static_cast<std::uint64_t>(f.late); });
  column([](const Flight& f) { return f.late_status; });
  column([](const Flight& f) { return f.late_micros; });
}

bool decode_flights(ByteReader& in, std::int64_t shift, NameTable& names, std::vector<Flight>& out) {
  const NameList list(in, names);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / kColumns) return false;

  std::vector<Flight> block(static_cast<std::size_t>(count));
  // A number that its field cannot hold is damage.
  const auto number = [&]<class T>(T& field) {
    const std::uint64_t value = in.varint();
    if (value > std::numeric_limits<T>::max()) in.fail();
    field = static_cast<T>(value);
  };
  const auto micros_of = [&](Nanos& field) {
    const std::uint64_t value = in.varint();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / kMicro)) return in.fail();
    field = Nanos(static_cast<std::int64_t>(value) * kMicro);
  };
  const auto word = [&]<class T>(T& field, T end) {
    const std::uint64_t value = in.varint();
    if (value >= static_cast<std::uint64_t>(end)) in.fail();
    field = static_cast<T>(value);
  };
  std::uint64_t last = 0;
  for (Flight& f : block) f.arrived = shifted(last += static_cast<std::uint64_t>(unzigzag(in.varint())), shift);
  for (Flight& f : block) number(f.exchange.worker.value);
  std::unordered_map<std::uint16_t, std::uint64_t> sequences;
  for (Flight& f : block) {
    std::uint64_t& before = sequences[f.exchange.worker.value];
    f.exchange.sequence = before += static_cast<std::uint64_t>(unzigzag(in.varint()));
  }
  for (Flight& f : block) micros_of(f.head_time);
  for (Flight& f : block) micros_of(f.connect_time);
  for (Flight& f : block) micros_of(f.response_time);
  for (Flight& f : block) micros_of(f.total_time);
  for (Flight& f : block) number(f.bytes_in);
  for (Flight& f : block) number(f.bytes_out);
  last = 0;
  for (Flight& f : block) f.revision = static_cast<std::uint32_t>(last += static_cast<std::uint64_t>(unzigzag(in.varint())));
  for (Flight& f : block) f.route = list.next(in);
  for (Flight& f : block) f.upstream = list.next(in);
  for (Flight& f : block) f.endpoint = list.next(in);
  for (Flight& f : block) number(f.status);
  for (Flight& f : block) number(f.upstream_status);
  for (Flight& f : block) word(f.cause, Cause::count_);
  for (Flight& f : block) word(f.timeout_phase, static_cast<Phase>(static_cast<int>(Phase::total) + 1));
  for (Flight& f : block) number(f.timeout_line);
  for (Flight& f : block) number(f.attempts);
  for (Flight& f : block) number(f.in_flight);
  for (Flight& f : block) number(f.flags);
  for (Flight& f : block) number(f.violation);
  for (Flight& f : block) number(f.weight);
  if (in.ok() && in.left() > 0) {
    for (Flight& f : block) word(f.auth, static_cast<AuthResult>(static_cast<int>(AuthResult::unavailable) + 1));
    for (Flight& f : block) f.auth_upstream = list.next(in);
    for (Flight& f : block) number(f.auth_micros);
  }
  if (in.ok() && in.left() > 0) {
    for (Flight& f : block) word(f.late, static_cast<LateResult>(static_cast<int>(LateResult::dropped) + 1));
    for (Flight& f : block) number(f.late_status);
    for (Flight& f : block) number(f.late_micros);
  }
  if (!in.finished()) return false;
  out.insert(out.end(), block.begin(), block.end());
  return true;
}

}  // namespace weir::record
