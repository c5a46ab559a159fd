// The last exchanges of one worker, in memory: the fixed record with a tail of text (<= 1 KiB), written by the worker
// at the finish, read by any thread without stopping it. A slot is found from the sequence number in the request id,
// so `exchanges/{request_id}` is no search; the order of finishing is kept beside it for live views.
//
// A slot is a sequence lock: odd while it is being written; a reader that sees it change throws its copy away. All words
// move through relaxed atomics, so there is no data race (in the sense of the standard or of TSan) to begin with.
// An exchange that finishes when a newer one has taken its slot takes it back: rare and old is what people ask for.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/zeroed.h"
#include "model/records.h"

namespace weir::exporting {

// A record as read back, owning its text.
struct KeptExchange {
  std::uint64_t number = 0;   // its place in the order of finishing on this worker, from 0
  ExchangeRecord record;
  std::string request_id, method, host, path, query, user_agent, caller, detail, traceparent;
  bool path_cut = false, query_cut = false;   // there was more of it
  ExchangeText text() const {
    return {.request_id = request_id, .method = method, .host = host, .path = path, .query = query,
            .user_agent = user_agent, .caller = caller, .detail = detail, .traceparent = traceparent};
  }
};

class ExchangeRing {
 public:
  static constexpr std::size_t kTextBytes = 1024;
  // `slots` is a power of two.
  explicit ExchangeRing(std::size_t slots = 4096);

  // The worker, some time before it writes the record of this exchange: the memory is on its way meanwhile.
  void expect(ExchangeId exchange) const {
    const auto* line = reinterpret_cast<const char*>(&slots_[exchange.sequence & mask_]);
    for (std::size_t i = 0; i < kUsualLines; ++i) __builtin_prefetch(line + 64 * i, 1);
  }
  // The worker. Text beyond 1 KiB is cut: path and query give way first, then the user agent.
  void write(const ExchangeRecord& record, const ExchangeText& text);

  // Any thread. Nothing when it was overwritten, never written, or is just being written.
  std::optional<KeptExchange> find(ExchangeId exchange) const;
  // Up to `limit` exchanges that finished after `after` (a number answered before, 0 at first), oldest first; `after`
  // moves on. What was overwritten meanwhile is skipped.
  std::vector<KeptExchange> since(std::uint64_t& after, std::size_t limit) const;
  // For whoever looks at every exchange, at a bounded price: of those that finished after `after` at most about `most`, spread
  // evenly, each with the number of exchanges that it stands for; all of them where there were fewer. Copies no more than
  // the record and the caller, which is valid during the call.
  using Look = std::function<void(const ExchangeRecord& record, std::string_view caller, double weight)>;
  void sample(std::uint64_t& after, std::size_t most, const Look& look) const;
  std::uint64_t finished() const { return finished_.load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kMaxSlotWords = 192, kUsualLines = 8;
  struct Slot {
    SharedWord version;                       // odd: being written; 0: never written
    std::array<SharedWord, kMaxSlotWords> words;
  };
  // The first words of a slot, where nobody wrote meanwhile.
  bool copy(std::size_t slot, std::span<std::uint64_t> into) const;
  std::optional<KeptExchange> read(std::size_t slot) const;

  std::size_t mask_;
  ZeroedArray<Slot> slots_;
  ZeroedArray<SharedWord> order_;             // slot numbers in the order of finishing
  std::atomic<std::uint64_t> finished_{0};
};

}  // namespace weir::exporting
