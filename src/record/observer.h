// Observer: what a worker tells about its exchanges; all that a proxy need know about logs, metrics and recordings.
// One per worker, called on that worker's thread; implementations take no lock, make no system call, allocate nothing
// and do not fail. export::WorkerRecords is the real one; tests and the simulator bring their own.
//
// Per exchange: exactly one arrived() and one finished(), joined by exchange id. What the views point at lives during
// the call only. A violation of HTTP is told by the ExchangeRecord that came of it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/records.h"
#include "model/verdict.h"

namespace weir::record {

// What of an arrival does not depend on the verdict: the fingerprints by which shapes are remembered. All zero: nothing was
// worked out.
struct Expected {
  std::uint64_t target = 0, head = 0, client = 0;
};

// The facts behind one decision, as far as there are any: bytes that never became a head have none.
struct Judged {
  const Policy& policy;
  const Verdict& verdict;
  const Facts* facts = nullptr;
  std::span<const Evidence> evidence;               // parallel to Policy::identities; empty: never asked for
  std::span<const std::string_view> header_names;   // every field of the head, as received
  Expected expected;                                // what expect_arrival() answered for this policy
};

enum class ConnectionEvent : std::uint8_t {
  opened, closed,
  refused,   // over the listener's bound
  failed,    // accept failed: out of descriptors or memory
};

class Observer {
 public:
  virtual ~Observer() = default;
  // arrived() is likely to follow, under this revision: what of it does not depend on the verdict can be worked out, and memory
  // that it waits for be asked for, while the decision waits for its own. Changes nothing.
  virtual Expected expect_arrival(std::uint32_t revision, const Facts& facts, std::span<const std::string_view> header_names) const {
    return (void)revision, (void)facts, (void)header_names, Expected();
  }
  // The four digests of `arrival` are still zero: whoever records makes them.
  virtual void arrived(const Arrival& arrival, const Judged& judged) = 0;
  // Its answer has begun: finished() is likely to follow soon, and memory that it waits for can be asked for. Changes nothing.
  virtual void expect(const ExchangeRecord& record) const { (void)record; }
  virtual void finished(const ExchangeRecord& record, const ExchangeText& text) = 0;
  // The client has its answer, and finished() follows within some seconds (proxy/late_probe.h): health need not wait for it.
  // All is known by now but `record.late`.
  virtual void held_back(const ExchangeRecord& record) = 0;
  virtual void connection(NameId listener, ConnectionEvent event) = 0;
  // About every 50 ms, also when idle: hands on what has been buffered.
  virtual void tick(Stamp now) = 0;
};

}  // namespace weir::record
