// WEIR_CHECK: an assertion that stays on in every build. For programmer errors only, never for input.
#pragma once

namespace weir {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace weir

#define WEIR_CHECK(expression)                                               \
  (static_cast<bool>(expression)                                             \
       ? static_cast<void>(0)                                                \
       : ::weir::check_failed(#expression, __FILE__, __LINE__))
