#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace weir {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "weir: bug: %s does not hold at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace weir
