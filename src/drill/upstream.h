// A simulated service: HTTP/1 before a station of sleeping workers. A request takes a worker for as
// long as the law of its latency says, or waits, or finds the queue full (503). Its capacity is
// workers by mean latency and costs no processor time. What was taken is worked on to its end even
// when whoever asked has gone, and when the service's own timeout has answered for it.
//
// Every answer carries X-Version where a version is set and X-Worked-Ms, the time a worker spent. A
// request with X-Drill-Status: NNN (400 to 599) is answered with that status, as if it had failed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "drill/behaviour.h"
#include "drill/chance.h"
#include "drill/control.h"
#include "drill/door.h"
#include "drill/station.h"
#include "io/gate.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/stream.h"

namespace weir::drill {

class Upstream final : private wire::Handler {
 public:
  Upstream(io::Loop& loop, Behaviour behaviour, std::uint64_t seed);

  Result<> open(const SocketAddress& listen, const SocketAddress& control);
  SocketAddress local() const { return door_.local(); }
  SocketAddress control() const { return control_.local(); }

 private:
  struct Counts {
    std::uint64_t requests = 0, answered = 0, errors = 0, resets = 0, full = 0, timeouts = 0,
                  health = 0;
    std::uint64_t abandoned = 0;  // worked on to the end for nobody
  };
  struct Work {  // while somebody waits for it
    io::Gate* done = nullptr;
    Nanos took{0};
    bool left = false;  // whoever asked has gone
  };

  io::Task<> handle(wire::ServerStream& stream) override;
  io::Task<> refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) override;
  io::Task<> answer(wire::ServerStream& stream, std::uint16_t status, Nanos worked,
                    std::string_view text = {});
  void work();
  io::Task<> work_loop();
  bool fails(std::uint64_t job, std::string_view method) const;
  Nanos service(std::uint64_t job);
  io::Task<Result<>> take(std::string yaml);
  std::string describe() const;

  io::Loop& loop_;
  Behaviour behaviour_;
  Chance chance_;
  Station station_;
  std::unordered_map<std::uint64_t, std::uint64_t>
      sizes_;  // of the bodies of jobs not begun; as many as the queue has
  std::unordered_map<std::uint64_t, Work> waited_for_;
  io::Gate moved_;  // a job came or the behaviour changed
  std::uint64_t jobs_ = 0;
  Counts counts_;
  Door door_;
  Control control_;
};

}  // namespace weir::drill
