// Handing listening sockets to a successor without refusing one connection (USR2): the running
// process starts the new binary, which inherits the very same sockets by exec; the variable
// WEIR_HANDOVER says which descriptor listens where. Inheritance was chosen over passing
// descriptors through a unix socket: no rendezvous, nothing to authenticate, and a successor that
// fails to start is simply a child that exits.
//   predecessor: start_successor() -> await_ready() -> stop accepting, drain, exit
//   successor:   inherited() at its start, before any thread -> adopt what its configuration names,
//                close the rest -> serve -> tell_ready()
//
// Connections that wait in a socket's backlog belong to the socket: whoever accepts next serves
// them.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::io {

inline constexpr std::size_t kHandedMax = 1024;

struct HandedSocket {
  SocketAddress address;  // several sockets may share one (SO_REUSEPORT, one per worker)
  int descriptor = -1;
};

struct Inheritance {
  std::vector<HandedSocket> sockets;  // at most kHandedMax
  int ready = -1;                     // a pipe to the predecessor
};

// "ready=9;5=127.0.0.1:8080;6=unix:/run/weir.sock". No path with ';' can be handed over.
std::string encode(const Inheritance& inheritance);
Result<Inheritance> decode(std::string_view text);

// What the predecessor left; empty when there is none. Takes the variable away and keeps the
// descriptors from children.
Result<Inheritance> inherited();
// Tells the predecessor that every listener is served; closes the pipe. Does nothing without a
// predecessor.
void tell_ready(Inheritance& inheritance);

struct Successor {
  pid_t pid = -1;
  int ready = -1;  // owned: closed by await_ready
};

// `path` is run with `arguments` (the first is its name) and this process's environment. The
// descriptors stay open here.
Result<Successor> start_successor(const std::string& path,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<HandedSocket>& sockets);
// Success when the successor told so. Errors: closed (it ended without), timeout, cancelled; then it
// is ended, and reaped where that takes less than a second.
Task<Result<>> await_ready(Loop& loop, Successor& successor, Deadline deadline);

}  // namespace weir::io
