// A call: one request that is to be sent, and when. A Source makes them one after another; who
// sends them never tells it how they went, so what is asked does not depend on the answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace weir::load {

struct Call {
  Nanos due{0};  // from the beginning of the run; never before that of the call before it
  std::uint32_t route = 0;  // whose figures it counts for
  bool head = false;        // the method is HEAD
  bool safe =
      true;  // may be sent again where a kept connection ended before any answer (RFC 9110 9.2.2)
  std::string request;    // the head as it goes out; its memory is used again
  std::string_view body;  // as long as the source lives
};

class Source {
 public:
  virtual ~Source() = default;
  // False: there are no more. `call` is overwritten, whatever it held.
  virtual bool next(Call& call) = 0;
};

}  // namespace weir::load
