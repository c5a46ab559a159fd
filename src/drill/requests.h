// One request as a client of the drill makes it, over a connection that is kept alive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/time.h"
#include "http/fields.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/http1_server.h"
#include "wire/pool.h"

namespace weir::drill {

struct Asked {
  std::string_view method, target;
  const http::Fields* fields = nullptr;
  std::uint64_t body = 0;  // so many bytes
};

// Makes requests to one address. An outcome is a word of tally.h.
class Requests {
 public:
  Requests(io::Loop& loop, SocketAddress server)
      : loop_(loop), server_(std::move(server)), pool_({.per_key = 16'384}) {}

  struct Ended {
    std::string outcome;
    bool good = false;  // answered 2xx or 3xx
  };
  io::Task<Ended> ask(Asked asked, Stamp until);
  void age() { pool_.age(loop_.now()); }

 private:
  struct Answer {
    std::uint16_t status = 0;
    std::string front;  // of the body
  };
  io::Task<Result<Answer>> attempt(wire::Http1Client& client, const Asked& asked, Stamp until);

  io::Loop& loop_;
  SocketAddress server_;
  wire::Scratch scratch_;
  wire::Pool pool_;
};

// The cause in the body of a refusal of weir's own (`urn:weir:cause:limit_rejected`); "": none.
std::string_view cause_in(std::string_view body);

// One exchange on a connection of its own, with a short text either way: for control endpoints and
// readiness. Errors as io has them; too_large above 1 MiB.
struct ShortAnswer {
  std::uint16_t status = 0;
  std::string body;
};
io::Task<Result<ShortAnswer>> call(io::Loop& loop, SocketAddress server, std::string method,
                                   std::string path, std::string body, Nanos patience);

}  // namespace weir::drill
