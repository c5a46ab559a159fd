// Observer: what a worker tells about its exchanges, and the only thing that proxy/ knows about logs, metrics and
// recordings. One per worker, called on that worker's thread; implementations take no lock, make no system call and
// allocate nothing. export::WorkerRecords is the real one; tests and the simulator bring their own.
//
// Per exchange: on_arrival at the decision (only where there was a head to decide on), then exactly one on_exchange at
// the finish. Everything the views point at lives during the call only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/records.h"
#include "model/verdict.h"

namespace weir::record {

class Shaper;

// All that is known when one request has been decided.
struct Judged {
  const Policy& policy;
  const Shaper* shaper = nullptr;                   // made for this policy; null: `record: false`
  const Facts& facts;
  std::span<const std::string_view> header_names;   // every field of the head, as sent, any case
  bool evidence_known = false;                      // identity rules were looked at
  std::span<const Evidence> evidence;               // parallel to Policy::identities when known
  const Verdict& verdict;
  ExchangeId exchange;
  Stamp stamp;                                      // the one the decision was made at
  std::uint64_t conditions = 0;                     // Conditions::number it was made under
  std::uint64_t head_bytes = 0;
};

enum class ConnectionEvent : std::uint8_t {
  opened, closed,
  refused,        // over the listener's bound
  accept_failed,  // out of descriptors or memory
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_arrival(const Judged& judged) = 0;
  virtual void on_exchange(const ExchangeRecord& record, const ExchangeText& text) = 0;
  // HTTP broken by a client or an upstream (http::Violation as a number), counted also where no exchange came of it.
  virtual void on_violation(std::uint8_t violation, Side side) = 0;
  virtual void on_connection(NameId listener, ConnectionEvent event) = 0;
  // About every 100 ms, also when idle: hands on what has been buffered.
  virtual void on_tick(Stamp now) = 0;
};

}  // namespace weir::record
