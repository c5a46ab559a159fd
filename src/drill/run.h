// One scenario from its file to its report: read, start, offer traffic, carry out what is to change
// and when, look, and end every process, whatever happens on the way.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "drill/scenario_spec.h"
#include "drill/tally.h"
#include "drill/testbed.h"
#include "drill/verdict.h"
#include "io/loop.h"

namespace weir::drill {

struct RunOptions {
  std::string file;
  std::string program;  // weir, for the processes
  std::string keep;  // a folder for what the processes leave behind; "": a temporary one, removed
  std::function<void(std::string_view)> say;   // what happens, a line each
  std::function<void(std::string_view)> live;  // how it goes, once a second; the last one counts
};

struct Happened {
  Nanos due{0};
  Nanos at{0};  // when it took effect, in the tenths of a second that are shown; never before `due`
  std::string what;
  std::string problem;  // "": it was carried out
};

struct Expectation {
  const ExpectSpec* spec = nullptr;
  Window window;
  std::vector<Judged> parts;
  bool met() const;
};

struct RunAnswer {
  std::string file;
  ScenarioSpec scenario;
  Tally tally;
  std::vector<Happened> happened;
  std::vector<Expectation> expectations;
  std::vector<Testbed::Report> upstreams, links;
  Nanos took{0};  // of the traffic
  bool interrupted = false;
  std::string problem;  // "": the gateway ran to the end and every event was carried out

  std::size_t met() const;
  bool good() const { return !interrupted && problem.empty() && met() == expectations.size(); }
};

class Run {
 public:
  explicit Run(io::Loop& loop, RunOptions options) : loop_(loop), options_(std::move(options)) {}

  // Errors: a file that cannot be read or is wrong (a whole report then), a process that did not
  // start. What came of the requests is no error.
  Result<std::unique_ptr<RunAnswer>> go();
  // From any thread: ends it; what was seen until then is reported.
  void interrupt();

 private:
  Result<> read();
  io::Task<> everything(Testbed& testbed);
  io::Task<> perform(Testbed& testbed, std::span<const Offer> offers);
  io::Task<> events(Testbed& testbed, Traffic& traffic, Stamp begun);
  io::Task<> in_turn(std::vector<const EventSpec*> events, Testbed& testbed, Traffic& traffic,
                     Stamp begun);
  io::Task<> happen(const EventSpec& event, Testbed& testbed, Traffic& traffic, Stamp begun);
  io::Task<> show(Testbed& testbed, const Traffic& traffic, Stamp begun);
  void judge_all();

  io::Loop& loop_;
  RunOptions options_;
  std::unique_ptr<RunAnswer> answer_;
  std::string gateway_file_, folder_;
  Result<> failed_;
  std::string last_event_;
  io::Scope* scope_ = nullptr;
};

}  // namespace weir::drill
