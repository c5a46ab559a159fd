// One name of endpoints: which addresses it has, and when it is to be asked about again. An answer is good for its TTL, within
// the bounds of `dns`; a name that cannot be resolved is asked about after 1 s, then 2, 4 … 30 s, and keeps the addresses that
// it had. When nobody could be reached there it is asked about at once, but kSoonest after it was asked about last at the
// earliest. An address that stays keeps its place, so that answers which only turn their order change nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "model/policy.h"

namespace weir::decide {

class NameWatch {
 public:
  static constexpr Nanos kSoonest = std::chrono::seconds(1), kLongestPause = std::chrono::seconds(30);
  static constexpr std::size_t kMostAddresses = 16;

  // It is being asked about; until the answer or the failure it is not due.
  void ask(Stamp now) {
    asked_ = now;
    due_ = Stamp::max();
    asking_ = true;
  }

  // Whoever asked does not tell this one.
  void abandon(Stamp now) {
    if (asking_) due_ = now;
    asking_ = false;
  }

  // At least one address. True: they are others than before.
  bool on_answer(std::span<const Address> answer, Nanos ttl, const DnsRules& rules, Stamp now) {
    failures_ = 0;
    end(now, std::clamp(ttl, rules.min_ttl, rules.max_ttl));
    std::vector<Address> next;
    const auto add = [&](const Address& address) {
      if (next.size() < kMostAddresses && std::ranges::find(next, address) == next.end()) next.push_back(address);
    };
    for (const Address& known : addresses_) {
      if (std::ranges::find(answer, known) != answer.end()) add(known);
    }
    for (const Address& address : answer) add(address);
    return std::exchange(addresses_, std::move(next)) != addresses_;
  }

  void on_failure(Stamp now) {
    end(now, std::min<Nanos>(kLongestPause, kSoonest * (std::int64_t{1} << std::min(failures_, 5u))));
    ++failures_;
  }

  // No connection to any of its addresses came about.
  void on_unreached(Stamp now) {
    const Stamp soon = std::max(now, asked_ + kSoonest);
    if (asking_) unreached_ = true;   // the answer may be older than what happened
    else due_ = std::min(due_, soon);
  }

  Stamp due() const { return due_; }
  std::uint32_t failures() const { return failures_; }   // in a row
  std::span<const Address> addresses() const { return addresses_; }

 private:
  void end(Stamp now, Nanos good_for) {
    asking_ = false;
    due_ = std::exchange(unreached_, false) ? std::min(now + good_for, std::max(now, asked_ + kSoonest)) : now + good_for;
  }

  std::vector<Address> addresses_;
  Stamp asked_ = Stamp::min(), due_ = Stamp::min();
  std::uint32_t failures_ = 0;
  bool asking_ = false, unreached_ = false;
};

}  // namespace weir::decide
