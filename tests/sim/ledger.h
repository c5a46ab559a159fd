// The ledger of a simulated run: what clients asked, what upstreams received and answered, what the gateway recorded.
// The checkers (checks.h) read nothing else. Every request carries a token, every body is a function of its token, so
// that any mix-up, repetition or cut shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "fmt/core.h"
#include "message.h"
#include "model/policy.h"
#include "model/records.h"

namespace weir::simulated {

// "t000042".
std::string token_text(std::size_t number);
// The number of the first token in `text`; npos when there is none.
std::size_t token_in(std::string_view text);
// The body that goes with a token: `size` bytes, any part of which tells token, direction ('q' request, 'a' answer) and place.
std::string body_of(std::size_t token, char direction, std::size_t size);

// One request that a client meant to make, and what came of it on its side.
struct Ask {
  std::size_t token = 0;
  std::size_t connection = 0;
  std::string method, path, body;
  std::string wire;              // the whole request as sent
  std::size_t head_size = 0;     // of it
  bool proper = true;            // else it must be refused, or its body never become whole
  bool bad_head = false;         // what is not proper is its head
  bool waits_for_continue = false;
  bool websocket = false;
  bool http10 = false;
  bool closes = false;           // says that it is the last on its connection

  enum class Saw : std::uint8_t { nothing, cut, whole, garbled } saw = Saw::nothing;
  Message answer;                // whole, or as far as it came
  std::string problem;           // when garbled
  Stamp began{}, ended{};
  bool sent_all = false;         // every byte was handed to the network
  bool spoiled = false;          // the client itself broke off, ended or stopped reading
  bool late = false;             // nothing happened for far too long
  bool until_close = false;      // the answer's end was the end of the connection
  std::string echoed;            // websocket: what came back
};

// One request head that an upstream received.
struct Receipt {
  std::size_t token = 0;
  std::size_t upstream = 0, connection = 0;
  std::size_t nth = 0;           // on its connection, from 0
  std::string method;
  bool body_whole = false;
  bool close_delimited = false;  // its answer ended with the connection ...
  bool reset_within = false;     // ... which was reset before its end, so that the cut can be told
};

// Copies of what the Observer was told.
struct ArrivalSeen {
  Arrival arrival;
  std::string route, path, client, caller;
  bool has_facts = false;
};
struct RecordSeen {
  ExchangeRecord record;
  std::string request_id, path, detail, route;
};

struct Ledger {
  std::vector<Ask> asks;         // by token
  std::vector<Receipt> receipts;
  std::vector<ArrivalSeen> arrivals;
  std::vector<RecordSeen> records;
  std::uint64_t connections_opened = 0, connections_closed = 0;
  std::vector<std::string> findings;

  // For a person: one line per event, only while somebody listens.
  std::function<void(std::string_view)> listener;
  template <class... A>
  void note(fmt::format_string<A...> text, A&&... args) {
    if (listener) listener(fmt::format(text, std::forward<A>(args)...));
  }
  template <class... A>
  void find(fmt::format_string<A...> text, A&&... args) {
    findings.push_back(fmt::format(text, std::forward<A>(args)...));
    note("FOUND: {}", findings.back());
  }
};

}  // namespace weir::simulated
