// Flight records: what a finished exchange leaves on disk beside its arrival. Which ones are kept, and the content of a
// `flights` block (record/segment.h): values in, bytes out, and back.
//
// Kept are all bad ones (a status of 5xx, 401, 403 or 429, a gateway timeout, an answer cut short, a
// client gone; whether a caller is known is not known to a worker, so refusals of anybody count). Of the others all,
// while there are few; beyond kQuiet a second and worker those of one in kShare callers, chosen by a hash of who asked and of
// the hour: what is kept of a caller is an hour's whole, and in a day every caller has its turn. Each says how many exchanges
// it stands for (`weight`): estimates add up weights.
//
// On disk, as columns of varints ordered by (arrived, worker, sequence): a list of names; count; arrived (zigzag of the
// first, then differences, ns), worker, sequence (zigzag difference to the worker's one before), head, connect, response,
// total (us, rounded down; response 0: none came), bytes in, bytes out, revision (zigzag difference), route, upstream,
// endpoint (0 none, else name + 1), status, upstream status, cause, timeout phase, timeout line, attempts, in flight,
// flags, violation, weight. Then, where an auth service was asked in any of them or the next
// follow: result, upstream, us of the call. Then, where any was probed for a late answer: result, status, us.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/records.h"
#include "record/bytes.h"

namespace weir::record {

struct Flight {
  ExchangeId exchange;
  Stamp arrived;                                    // finished: arrived + total_time
  Nanos head_time{0}, connect_time{0}, response_time{0}, total_time{0};
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint32_t revision = 0;
  std::uint32_t in_flight = 0;
  NameId route, upstream, endpoint;
  std::uint32_t timeout_line = 0;
  std::uint16_t status = 0, upstream_status = 0;
  Phase timeout_phase = Phase::none;
  Cause cause = Cause::none;
  std::uint8_t attempts = 0;
  std::uint8_t flags = 0;                           // ExchangeRecord::Flags
  std::uint8_t violation = 0;
  std::uint8_t weight = 1;                          // exchanges it stands for, itself included
  AuthResult auth = AuthResult::none;
  NameId auth_upstream;                             // whom an auth call went to; none: none was made
  std::uint32_t auth_micros = 0;                    // how long that took
  LateResult late = LateResult::not_asked;
  std::uint16_t late_status = 0;
  std::uint32_t late_micros = 0;                    // LateRecord::micros
  std::uint32_t run = 0;                            // not written: index into Recording::runs
};
static_assert(sizeof(Flight) <= 128);

bool is_bad(const ExchangeRecord& record);

// One per worker.
class FlightSampler {
 public:
  static constexpr std::uint32_t kQuiet = 64;       // finished exchanges a second
  static constexpr std::uint8_t kShare = 4;

  // 0: not kept. `caller`: its name; empty: its address stands for it.
  std::uint8_t weight(const ExchangeRecord& record, std::string_view caller);

 private:
  std::int64_t second_ = 0;
  std::uint32_t in_second_ = 0, in_second_before_ = 0;
};

Flight flight_of(const ExchangeRecord& record, std::uint8_t weight);

// Bytes used; 0 when `room` did not suffice.
std::size_t put_flight(const Flight& flight, std::span<std::byte> room);

void encode_flights(std::span<const Flight> flights, const NameTable& names, ByteWriter& out);

// Appends; names are interned into `names`, stamps moved by `shift`. False when the bytes are damaged: then nothing was
// appended. Routes are left out where nobody asks for them (record/columns.h).
enum class Routes : bool { left_out, read };
bool decode_flights(ByteReader& in, std::int64_t shift, NameTable& names, std::vector<Flight>& out, Routes routes = Routes::read);

}  // namespace weir::record
