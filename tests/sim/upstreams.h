// Simulated upstreams: HTTP/1 servers on one loop that echo the token of each request with a body made of it, and, as
// often as the weather says, break every rule there is: late, cut at any byte, garbled, too early, too much, nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/sim/chance.h"
#include "io/task.h"
#include "ledger.h"
#include "message.h"
#include "peer.h"
#include "weather.h"

namespace weir::simulated {

// What an upstream does with one request.
struct Habit {
  enum class Kind : std::uint8_t {
    answer,
    hang,      // reads on, never answers
    deaf,      // neither reads nor answers
    vanish,    // closes without a byte
  } kind = Kind::answer;
  enum class Form : std::uint8_t { length, chunked, until_close, none } form = Form::length;
  enum class Flaw : std::uint8_t {
    none, garbage, two_lengths, two_framings, unasked_switch, bad_chunk, endless_head, flood, bare_lf,
  } flaw = Flaw::none;
  int status = 200;
  std::size_t size = 0;             // of the body
  Nanos wait{0};                    // before the head
  std::vector<int> interim;         // heads before it
  bool early = false;               // answers before it has read the body ...
  bool reads_on = false;            // ... and reads it then
  bool close = false;               // says so, and does it
  bool drip = false;                // in small pieces with waits
  bool surplus = false;             // bytes behind the end
  std::optional<std::size_t> cut_at;   // so many bytes of the answer, then the end or a reset
  bool cut_by_reset = false;
  std::optional<Nanos> leaves;      // closes the idle connection so long after the answer

  static Habit of(io::sim::Chance& chance, unsigned trouble);
};

class Upstreams {
 public:
  Upstreams(io::Loop& loop, Ledger& ledger, unsigned trouble, std::uint64_t seed)
      : loop_(loop), ledger_(ledger), trouble_(trouble), chance_(seed), scope_(loop) {}

  void listen(const SocketAddress& address);
  io::Scope& scope() { return scope_; }
  void stop();   // closes the listeners and ends every wait

 private:
  io::Task<> accept(std::size_t number);
  io::Task<> serve(std::size_t number, std::size_t connection, io::Stream stream);
  io::Task<bool> carry_out(Peer& peer, MessageReader& reader, std::size_t receipt, Habit habit);
  io::Task<bool> read_body(Peer& peer, MessageReader& reader, std::size_t receipt);
  io::Task<bool> answer(Peer& peer, std::size_t receipt, const Habit& habit);
  io::Task<> tunnel(Peer& peer, std::size_t receipt, bool cuts);
  std::string compose(std::size_t receipt, const Habit& habit);

  io::Loop& loop_;
  Ledger& ledger_;
  unsigned trouble_;
  io::sim::Chance chance_;
  std::list<io::Listener> listeners_;
  std::vector<io::Listener*> by_number_;
  std::size_t connections_ = 0;
  io::Scope scope_;
};

}  // namespace weir::simulated
