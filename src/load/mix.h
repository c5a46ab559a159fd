// Calls made up: a schedule says when, weights say to which route, Zipf's law says by which caller.
// With sessions the schedule says when a session begins; its caller goes on with exponential
// pauses, each time with the same chance, so that a session has `calls` on average. The rate is
// that of all calls, from the beginning on: as many sessions are under way then as if it had always
// been so. Calls that would come after the end are not made.
//
// Same seed, same calls. Bound: Sessions::kMost under way; who would begin one more makes a single
// call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/call.h"
#include "load/pick.h"
#include "load/schedule.h"

namespace weir::load {

// What is asked: made once, sent many times.
struct Request {
  std::string name;  // in reports
  std::string head;  // ends with an empty line
  std::string body;
  double weight = 1;
  bool is_head = false, is_safe = true;
};

// A request's head without a caller. The target and the fields were checked (load/words.h).
struct RequestParts {
  std::string method = "GET", target = "/", host;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};
std::string head_of(const RequestParts& parts);
bool is_safe_method(std::string_view method);  // GET, HEAD, OPTIONS, TRACE: RFC 9110 9.2.1

// How a caller is told from another: one field, with a value from a list or an address.
struct Callers {
  std::size_t count = 0;            // 0: nobody in particular
  double zipf = 0;                  // exponent
  std::string field;                // its name
  std::vector<std::string> values;  // by caller; empty: addresses from 10.0.0.1 on
};
// Of caller i, the busiest being 0: 10.0.0.1, 10.0.0.2, …
std::string caller_address(std::uint32_t caller);

struct Sessions {
  static constexpr std::size_t kMost = 1'000'000;
  double calls = 1;  // on average; 1: no sessions
  Nanos pause{0};    // on average, between two calls
};

class Mix final : public Source {
 public:
  struct Options {
    std::vector<Request> requests;  // at least one
    Callers callers;
    Sessions sessions;
    Schedule::Options schedule;
  };
  Mix(Profile profile, Options options);

  bool next(Call& call) override;

 private:
  struct Turn {
    Nanos due{0};
    std::uint32_t caller = 0;
  };
  static bool later(const Turn& a, const Turn& b) { return a.due > b.due; }
  void begin_sessions(double rate);
  Turn take_turn();
  void write(const Turn& turn, Call& call);
  double drawn(Chance what) const { return chance(options_.schedule.seed, what, index_); }

  Options options_;
  Nanos length_;
  Schedule schedule_;
  Pick routes_;
  std::optional<Pick> callers_;
  std::vector<Turn> going_on_;   // a heap, the earliest first
  std::optional<Nanos> begins_;  // the next session
  std::uint64_t index_ = 0;
};

}  // namespace weir::load
