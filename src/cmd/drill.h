// What `weir drill` and its parts are asked; as commands.h has it of the other commands.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cmd/commands.h"

namespace weir::cmd {

// Where the key of a behaviour is an option, with what it means and an example.
struct DrillKey {
  std::string key, what, example;
};
std::vector<DrillKey> drill_upstream_keys();

struct DrillUpstreamOptions {
  std::string listen = "127.0.0.1:0", control = "127.0.0.1:0";
  std::uint64_t seed = 1;
  std::string behaviour;                                    // a YAML mapping
  std::vector<std::pair<std::string, std::string>> values;  // key and value, laid over it
};
int drill_upstream(const DrillUpstreamOptions& options);

struct DrillFaultOptions {
  std::string listen = "127.0.0.1:0", control = "127.0.0.1:0";
  std::string to;
  std::uint64_t seed = 1;
  std::vector<std::string> faults;
};
int drill_fault(const DrillFaultOptions& options);

struct DrillRunOptions {
  std::string file;
  std::string keep;  // "": what the processes leave behind is removed
  Output output = Output::text;
};
int drill_run(const DrillRunOptions& options);

}  // namespace weir::cmd
