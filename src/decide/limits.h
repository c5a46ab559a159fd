// The limits of one route, asked for one request: which apply to this caller, under which key and with which rate, and
// whether all of them let the request pass. A group is all or nothing: all are looked at, then all are charged; a
// charge that loses a race to another worker gives the others back. An observing limit has a bucket of its own, is
// charged when the request passes and it would have let it pass too, and never changes the answer.
//
// A limit whose key needs a header or query value that the request does not carry does not apply to it: there is no
// bucket it could mean. (A shared bucket for all who leave it out would be a limit nobody wrote down. Who wants one
// adds a limit on caller or client_ip.)
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "decide/identity.h"
#include "decide/limits/table.h"
#include "decide/trace.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::decide {

// One limit that was asked, as it stands after the decision.
struct AskedLimit {
  LimitId limit;
  const LimitOverride* over = nullptr;   // the one that was taken
  bool charged = false;
  limits::Key key;
  Pace pace;
  Span debt;                     // until the bucket is full again
};

// All that one decision asked, for who watches limits: it need not look them up again.
class AskedLimits {
 public:
  void clear() { size_ = 0; }
  void add(const AskedLimit& asked) {
    if (size_ < all_.size()) all_[size_++] = asked;
  }
  std::span<const AskedLimit> all() const { return std::span(all_).first(size_); }

 private:
  std::array<AskedLimit, kMaxLimitsPerRoute> all_;
  std::size_t size_ = 0;
};

struct LimitQuestion {
  const Policy& policy;
  const Route& route;
  const Facts& facts;
  const Caller& caller;
  limits::Table& table;
  HashKey seed;
  Stamp now;
  bool spend = true;
  Trace* trace = nullptr;
  AskedLimits* asked = nullptr;  // is added to
};

enum class LimitGroup : std::uint8_t { before_auth, after_auth };

// True: the group lets the request pass, and is charged. Else verdict.rule, .expected and .retry_after (not jittered
// yet: the longest wait of all limits that refuse) say which limit refused and why. Either way verdict.tightest and
// .would_refuse are brought up to date.
bool ask_limits(const LimitQuestion& question, LimitGroup group, Verdict& verdict);

// The key of a limit for this request under these cells; absent: see LimitApplies.
struct KeyResult {
  LimitApplies applies = LimitApplies::yes;
  limits::Key key;
};
KeyResult limit_key(const LimitQuestion& question, const Limit& limit, HashKey cells);

// The limits of the group that apply to this request, observing ones too, each with its bucket; appended. Nothing is asked.
struct AppliedLimit {
  LimitId id;
  limits::Key key;
  Pace pace;
};
void applied_limits(const LimitQuestion& question, LimitGroup group, std::vector<AppliedLimit>& out);

}  // namespace weir::decide
