// What a command line says of a run, as it was written; load/job.h makes sense of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir::load {

// "" where an option was left out.
struct Words {
  std::string url;
  std::string rate, ramp, steps, length, arrivals = "constant", timeout = "10s";
  std::optional<std::uint32_t> connections;
  std::string method, data, host;
  std::vector<std::string> headers, routes;
  std::uint32_t callers = 0;
  double zipf = 0;
  std::string caller_header;
  std::vector<std::string> caller_values;  // the lines of a file
  double session = 1;
  std::string pause = "1s";
  std::uint64_t seed = 1;
  std::string speed = "1";
  std::vector<std::string> fail_if;
  std::string find_capacity;
  bool is_replay = false;  // a log or a recording is given
};

}  // namespace weir::load
