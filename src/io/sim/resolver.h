// SimResolver: names of a simulated world, from a table the test writes: addresses, failures,
// delays, silence.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "io/loop.h"
#include "io/resolver.h"
#include "io/task.h"

namespace weir::io::sim {

class SimResolver final : public Resolver {
 public:
  explicit SimResolver(Loop& loop) : loop_(loop) {}

  struct Entry {
    std::vector<Address> addresses;  // none: not_found
    Nanos ttl = std::chrono::seconds(30);
    Nanos delay = std::chrono::milliseconds(1);
    bool silent = false;  // no server ever answers
  };
  void set(const std::string& host, Entry entry) { table_[host] = std::move(entry); }
  int asked() const { return asked_; }

 private:
  Task<Result<Resolution>> look_up(std::string host, Deadline deadline) override {
    ++asked_;
    const auto found = table_.find(host);
    const Entry entry = found == table_.end() ? Entry{} : found->second;
    const Stamp answered = entry.silent ? kNever : loop_.now() + entry.delay;
    auto slept = co_await loop_.sleep_until(std::min(answered, deadline));
    if (!slept) co_return std::unexpected(slept.error());
    if (answered > deadline || entry.silent)
      co_return fail(ErrorKind::timeout, "resolve " + host + ": no answer", Origin::system, true);
    if (entry.addresses.empty())
      co_return fail(ErrorKind::not_found, "resolve " + host + ": no such name", Origin::system);
    co_return Resolution{.addresses = entry.addresses, .ttl = entry.ttl};
  }

  Loop& loop_;
  std::map<std::string, Entry> table_;
  int asked_ = 0;
};

}  // namespace weir::io::sim
