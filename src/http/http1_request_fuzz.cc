// Requests, raw and pipelined, against the properties of http1_differential_fuzz.h. Corpus:
// fuzz/http1_request_fuzz.
#include <cstddef>
#include <cstdint>

#include "http/http1_differential_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::http::oracle;
  check_connection({reinterpret_cast<const char*>(data), size}, {.request = true, .response = {}});
  return 0;
}
