// Handing a running gateway's sockets to a new process (USR2), so that no connection is refused while the binary is
// replaced. The old process starts the new one with its listening sockets, its lock and the end of a pipe inherited as
// descriptors and named in one environment variable:
//   WEIR_HANDOVER="lock=5;ready=9;127.0.0.1:8080=6;127.0.0.1:8080=7;unix:/var/lib/weir/admin.sock=8"
// The new process takes them into use and writes one byte to `ready` when it serves; only then the old one drains. Where
// the new one ends without that byte, the old one goes on as if nothing had been asked.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir::control {

inline constexpr std::string_view kHandoverVariable = "WEIR_HANDOVER";

struct Handover {
  int lock = -1;
  int ready = -1;
  std::vector<std::pair<SocketAddress, int>> listeners;

  bool any() const { return lock >= 0; }
  // Takes all descriptors of `address` out.
  std::vector<int> take(const SocketAddress& address);
  void close_rest();
  // Tells the process that handed over that it may drain.
  void confirm();
};

// "" is no handover at all.
Result<Handover> parse_handover(std::string_view text);
std::string print_handover(const Handover& handover);

// Starts `program` with `arguments` and the descriptors of `handover`; answers the read end of the ready pipe.
Result<int> start_successor(const std::string& program, const std::vector<std::string>& arguments, Handover handover);

}  // namespace weir::control
