// The first byte chooses: odd for a path with %2F kept, even for refused; the rest is read as a
// path and as a host. Corpus: fuzz/canonical_fuzz.
#include "http/canonical_fuzz.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) weir::http::properties::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
