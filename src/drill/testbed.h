// The processes of a scenario: its upstreams, its fault proxies and the gateway. Each endpoint that
// the gateway's configuration names leads through the proxies before it to its upstream's process.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "drill/child.h"
#include "drill/gateway.h"
#include "drill/scenario_spec.h"
#include "io/gate.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::drill {

class Testbed {
 public:
  struct Options {
    std::string program;  // weir
    std::string gateway_file;
    std::string folder;  // of the run
    std::string beside;  // the folder of the scenario
  };
  // `scenario` outlives it.
  Testbed(io::Loop& loop, const ScenarioSpec& scenario, Options options);

  // Reads the gateway's configuration and says what of the scenario does not fit it.
  Result<> read(config::Diagnostics& diagnostics);
  std::vector<Offer> offers() const;

  // Everything, in order; the gateway last.
  io::Task<Result<>> start(std::span<const Offer> offers);
  SocketAddress entrance() const { return entrance_; }   // where clients connect
  io::Task<Result<>> carry_out(const EventSpec& event);  // all but a traffic's
  // What each process counted, as its control endpoint tells it (JSON), by name and endpoint.
  struct Report {
    std::string name, endpoint, json;
  };
  io::Task<std::vector<Report>> upstream_reports();
  io::Task<std::vector<Report>> link_reports();
  bool gateway_runs() { return gateway_.running(); }
  std::string last_words() const { return gateway_.last_words(); }
  // Every process, by its pid; the names of those that had to be killed.
  std::vector<std::string> end();

 private:
  struct Process {
    std::string name;      // of its upstream or link
    std::string endpoint;  // as the configuration writes it
    std::unique_ptr<Child> child;
    SocketAddress address, control;
    bool killed = false;    // it is gone, or is in a moment
    bool starting = false;  // again: until it listens, what else is asked of it waits
  };
  io::Task<Result<>> launch(Process& process, std::vector<std::string> words, std::string output);
  io::Task<Result<>> heard(Process& process);
  io::Task<Result<>> start_upstreams();
  io::Task<Result<>> start_links();
  io::Task<Result<>> start_link(const LinkSpec& link, const std::string& endpoint,
                                SocketAddress& way, std::size_t number);
  io::Task<Result<>> restart(Process& process);
  io::Task<Result<>> started(const Process& process);
  io::Task<Result<>> signal(const std::string& endpoint, int number);
  io::Task<Result<>> tell(std::vector<Process>& all, std::string name, std::string endpoint,
                          std::string yaml);
  io::Task<> tell_one(const Process& process, const std::string& yaml, Result<>& first);
  io::Task<std::vector<Report>> reports(std::vector<Process>& all);
  std::vector<std::string> endpoints_of(const std::string& before) const;
  Process* process_of(const std::string& endpoint);

  io::Loop& loop_;
  const ScenarioSpec& scenario_;
  Options options_;
  Gateway gateway_;
  std::vector<Process> upstreams_, links_;
  std::map<std::string, SocketAddress> ways_;  // from an endpoint as it is written
  SocketAddress entrance_;
  io::Gate started_;  // one that was starting no longer is
};

}  // namespace weir::drill
