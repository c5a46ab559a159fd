#include "record/flight.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
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
  const auto column = [&](auto value) { out.varints(flights, value); };
  // Differences in two's complement, so that any pair of words has one.
  const auto differences = [&](auto value) {
    column([value, last = std::uint64_t{0}](const Flight& f) mutable {
      const std::uint64_t now = value(f);
      return zigzag(static_cast<std::int64_t>(now - std::exchange(last, now)));
    });
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

namespace {

// The columns of one block, walked side by side, so that each flight is written once, while it is near.
class FlightColumns {
 public:
  // Columns that were added later may be missing, from one on: those are zeros.
  static constexpr std::size_t kAuth = 3, kLate = 3, kAll = kColumns + kAuth + kLate;

  FlightColumns(ByteReader& in, std::uint64_t count) {
    const auto take = [&](std::size_t columns) {
      for (; columns > 0; --columns) columns_[size_++] = VarintColumn(in, count);
    };
    take(kColumns);
    if (in.ok() && in.left() > 0) take(kAuth);
    if (in.ok() && in.left() > 0) take(kLate);
  }
  bool has(std::size_t column) const { return column < size_; }
  VarintColumn& operator[](std::size_t column) { return columns_[column]; }
  bool finished() const {
    return std::ranges::all_of(std::span(columns_).first(size_), &VarintColumn::finished);
  }

  // A number that its field cannot hold is damage.
  template <class T>
  void number(std::size_t column, T& field) {
    const std::uint64_t value = columns_[column].next();
    if (value > std::numeric_limits<T>::max()) columns_[column].fail();
    field = static_cast<T>(value);
  }
  void micros(std::size_t column, Nanos& field) {
    const std::uint64_t value = columns_[column].next();
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / kMicro)) return columns_[column].fail();
    field = Nanos(static_cast<std::int64_t>(value) * kMicro);
  }
  template <class T>
  void word(std::size_t column, T& field, T end) {
    const std::uint64_t value = columns_[column].next();
    if (value >= static_cast<std::uint64_t>(end)) columns_[column].fail();
    field = static_cast<T>(value);
  }
  std::uint64_t step(std::size_t column, std::uint64_t& last) {
    return last += static_cast<std::uint64_t>(unzigzag(columns_[column].next()));
  }

 private:
  std::array<VarintColumn, kAll> columns_;
  std::size_t size_ = 0;
};

void read_late(FlightColumns& in, NameList& names, Flight& f) {
  in.word(23, f.auth, static_cast<AuthResult>(static_cast<int>(AuthResult::unavailable) + 1));
  f.auth_upstream = names.at(in[24].next());
  in.number(25, f.auth_micros);
  if (!in.has(26)) return;
  in.word(26, f.late, static_cast<LateResult>(static_cast<int>(LateResult::dropped) + 1));
  in.number(27, f.late_status);
  in.number(28, f.late_micros);
}

}  // namespace

bool decode_flights(ByteReader& in, std::int64_t shift, NameTable& names, std::vector<Flight>& out, Routes routes) {
  NameList list(in, names);
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > in.left() / kColumns) return false;

  FlightColumns columns(in, count);
  if (!in.finished()) return false;
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(count));
  std::uint64_t arrived = 0, revision = 0;
  std::vector<std::uint64_t> sequences;   // by worker
  for (Flight& f : std::span(out).subspan(begin)) {
    f.arrived = shifted(columns.step(0, arrived), shift);
    columns.number(1, f.exchange.worker.value);
    if (f.exchange.worker.value >= sequences.size()) sequences.resize(std::size_t{f.exchange.worker.value} + 1);
    f.exchange.sequence = columns.step(2, sequences[f.exchange.worker.value]);
    columns.micros(3, f.head_time);
    columns.micros(4, f.connect_time);
    columns.micros(5, f.response_time);
    columns.micros(6, f.total_time);
    columns.number(7, f.bytes_in);
    columns.number(8, f.bytes_out);
    f.revision = static_cast<std::uint32_t>(columns.step(9, revision));
    const std::uint64_t route = columns[10].next();
    if (routes == Routes::read) f.route = list.at(route);
    f.upstream = list.at(columns[11].next());
    f.endpoint = list.at(columns[12].next());
    columns.number(13, f.status);
    columns.number(14, f.upstream_status);
    columns.word(15, f.cause, Cause::count_);
    columns.word(16, f.timeout_phase, static_cast<Phase>(static_cast<int>(Phase::total) + 1));
    columns.number(17, f.timeout_line);
    columns.number(18, f.attempts);
    columns.number(19, f.in_flight);
    columns.number(20, f.flags);
    columns.number(21, f.violation);
    columns.number(22, f.weight);
    if (columns.has(23)) read_late(columns, list, f);
  }
  if (columns.finished() && list.ok()) return true;
  out.resize(begin);
  return false;
}

}  // namespace weir::record
