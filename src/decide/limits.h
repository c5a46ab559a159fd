// The limits of one route, asked for one request: which apply to this caller, under which key and with which rate, and
// whether all of them let the request pass. A group is all or nothing: all are looked at, then all are charged; a
// charge that loses a race to another worker gives the others back. An observing limit has a bucket of its own, is
// charged when the request passes and it would have let it pass too, and never changes the answer.
//
// A limit whose key needs a header or query value that the request does not carry does not apply to it: there is no
// bucket it could mean. (A shared bucket for all who leave it out would be a limit nobody wrote down. Who wants one
// adds a limit on caller or client_ip.) Nor does a learned limit apply to who proved nothing: an address has no past.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>

#include "base/hash.h"
#include "base/time.h"
#include "decide/clients.h"
#include "decide/identity.h"
#include "decide/limits/table.h"
#include "decide/overlay.h"
#include "decide/trace.h"
#include "model/conditions.h"
#include "model/facts.h"
#include "model/policy.h"
#include "model/verdict.h"

namespace weir::decide {

// One limit that applies to a request: gathered with its bucket and the rate that holds for this caller, then asked.
struct AskedLimit {
  static constexpr std::uint8_t kNoPlace = UINT8_MAX;
  LimitId id;
  std::uint8_t place = 0;        // in Route::limits; kNoPlace: it is on no route, but the cap of an override
  bool charged = false;
  const Limit* limit = nullptr;
  const LimitOverride* over = nullptr;   // the one that was taken
  const LearnedRate* learned = nullptr;  // the caller's own, of the Conditions; good while the decision lasts
  limits::Key key;
  Pace pace;
  limits::Fill fill{};           // as the bucket stands after the decision

  bool observes() const { return limit->mode == LimitMode::observe; }
  std::uint64_t burst() const { return over != nullptr ? over->burst : learned != nullptr ? learned->burst : limit->burst; }
};

// Room for the limits of one decision at a time, of which only those that apply are ever written; whoever drives keeps it.
class AskedLimits {
 public:
  void clear() { size_ = 0; }
  // `make` makes it where it stays: a copy of what was just written would wait for it.
  template <class Make>
  void add(const Make& make) {
    ::new (static_cast<void*>(&all_[size_++])) AskedLimit(make());
  }
  std::span<AskedLimit> all() { return std::span(all_).first(size_); }
  std::span<const AskedLimit> all() const { return std::span(all_).first(size_); }
  std::size_t size() const { return size_; }
  void shorten(std::size_t size) { size_ = std::min(size_, size); }

 private:
  std::array<AskedLimit, kMaxLimitsPerRoute + kMostCapsAsked> all_;
  std::size_t size_ = 0;
};

// What a request has in common with others by these parts, at most kMaxKeyParts, hashed under `key` and the seed; `applies`
// says why there is none.
struct KeyQuestion {
  const Route& route;
  const Facts& facts;
  const Caller& caller;
  HashKey seed;
};
struct KeyResult {
  LimitApplies applies = LimitApplies::yes;
  limits::Key key;
};
KeyResult key_of(const KeyQuestion& question, std::span<const KeyPart> parts, HashKey key);

struct LimitQuestion {
  const Policy& policy;
  const Route& route;
  const Facts& facts;
  const Caller& caller;
  limits::Table& table;
  HashKey seed;
  const LearnedRates* learned = nullptr;   // of the Conditions
  Trace* trace = nullptr;
  const ClientKeys* client = nullptr;      // of facts.client, where they are known
  bool answers = true;                     // false: verdict.tightest is left out
  KeyQuestion key() const { return {.route = route, .facts = facts, .caller = caller, .seed = seed}; }
};

enum class LimitGroup : std::uint8_t { before_auth, after_auth };

// The limits of the group that apply to this request, observing ones too, and before them the cap of an override; appended. Nothing is asked, and no clock is needed:
// their buckets are on their way into the cache when they are.
void gather_limits(const LimitQuestion& question, LimitGroup group, AskedLimits& out);

// Asks one gathered group. True: it lets the request pass, and is charged (with `spend` false: would be). Else verdict.rule,
// .cause, .expected and .retry_after (not jittered yet: the longest wait of all limits that refuse) say which limit refused and why.
// Either way verdict.limits_asked, .tightest and .would_refuse are brought up to date.
bool ask_limits(const LimitQuestion& question, std::span<AskedLimit> group, Stamp now, bool spend, Verdict& verdict);

}  // namespace weir::decide
