#include "decide/deadline.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace weir::decide {

std::optional<Nanos> deadline_of(std::string_view value) {
  std::uint32_t left = 0;
  const char* const end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, left);
  if (error != std::errc() || at != end || left > 86'400'000) return std::nullopt;
  return std::chrono::milliseconds(left);
}

}  // namespace weir::decide
