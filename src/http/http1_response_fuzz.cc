// Responses, raw and pipelined, against the properties of http1_differential_fuzz.h, each as the
// answer to a GET, to a HEAD and to a WebSocket upgrade. Corpus: fuzz/http1_response_fuzz.
#include <cstddef>
#include <cstdint>

#include "http/http1_differential_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::http::oracle;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_connection(input, {.request = false, .response = {}});
  check_message(input, {.request = false, .response = {.head = true}});
  check_message(input, {.request = false, .response = {.upgrade = true}});
  return 0;
}
