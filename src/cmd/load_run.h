// `weir load`, once it is known what is asked: the run, or the search for a capacity, and its report.
#pragma once

#include <string>
#include <vector>

#include "cmd/shared_options.h"
#include "load/job.h"
#include "load/words.h"

namespace weir::cmd {

struct LoadOptions {
  load::Words words;
  std::vector<std::string> logs, recordings, fields;
  std::string log_format = "auto";
  bool all_methods = false;   // of a log or recording: those too that change something
  std::string caller_values;  // a file
  bool anywhere = false;      // targets on public networks too
  std::string html;           // a file to write
  Output output = Output::text;
};

// The exit code.
int run_load(const LoadOptions& options, load::Job job);

}  // namespace weir::cmd
