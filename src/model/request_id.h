// The request id: 32 lower-case hex digits, so that it is also a valid trace id (W3C trace context 3.2.2.3):
//   12 digits installation   4 digits worker   16 digits sequence
// It names one exchange for ever and says where its record lies: worker and sequence are read back out of it, so that
// looking one up is no search. Sequences go on over restarts because a worker begins at first_sequence(start).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"

namespace weir {

// 48 bits that tell installations apart; derived from the installation's key without giving it away, never zero.
struct InstallationId {
  std::uint64_t value = 1;
  static InstallationId of(HashKey key);
  friend bool operator==(InstallationId, InstallationId) = default;
};

struct RequestIdText {
  static constexpr std::size_t kSize = 32;
  std::array<char, kSize> text;
  std::string_view view() const { return {text.data(), text.size()}; }
};

RequestIdText request_id(InstallationId installation, ExchangeId exchange);

struct ParsedRequestId {
  InstallationId installation;
  ExchangeId exchange;
};
// Either case is taken; anything but 32 hex digits is not.
std::optional<ParsedRequestId> parse_request_id(std::string_view text);

// Where a worker that starts at `start` begins to count: no earlier run can have come this far unless one worker
// carried more than 16.7 million requests a second, every second.
constexpr std::uint64_t first_sequence(WallTime start) {
  return static_cast<std::uint64_t>(start.time_since_epoch() / std::chrono::seconds(1)) << 24;
}

}  // namespace weir
