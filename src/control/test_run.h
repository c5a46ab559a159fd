// `weir test` from its question to its answer: the file of cases and the configuration are read and
// compiled, names are looked up, each case is run in virtual time (replay/cases.h). Reads files:
// the command line or the study, never a loop. Keys files are not read: a case says who is proved.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/compile.h"
#include "replay/cases.h"

namespace weir::control {

struct TestQuestion {
  std::string file;    // of cases
  std::string config;  // "": the one that the file names
};

struct TestAnswer {
  std::string file, config;        // as they were found
  std::vector<std::string> files;  // that Source::file of the configuration counts
  std::vector<replay::Case> cases;
  std::vector<replay::CaseOutcome> outcomes;  // parallel to cases
  std::size_t passed = 0, failed = 0;
  std::uint64_t requests = 0;

  // Nothing was run: what is wrong with the file of cases, or with the configuration.
  bool invalid = false;
  config::Outcome problems;
  std::vector<config::SourceFile> problem_files;

  bool good() const { return !invalid && failed == 0; }
};

// An error only where a file cannot be read.
Result<TestAnswer> run_test(const TestQuestion& question);

}  // namespace weir::control
