// errno values as Errors with a sentence. Three values have a house meaning: ECANCELED is our own
// scope ending the wait, ETIME our own deadline (ETIMEDOUT is the network's), ESHUTDOWN this side
// having closed the stream.
#pragma once

#include <string_view>

#include "base/result.h"

namespace weir::io {

// "connect: connection refused by the peer"; origin is system, for only the caller knows which peer
// it was.
Error system_error(int error, std::string_view doing);
inline std::unexpected<Error> fail_with(int error, std::string_view doing) {
  return std::unexpected(system_error(error, doing));
}

}  // namespace weir::io
