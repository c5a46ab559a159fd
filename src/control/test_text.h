// The answer of `weir test` for a person, for a program, and for a CI that reads JUnit's XML. All
// say the same; whatever the files contain, the output is valid UTF-8 without control characters.
//   text   one line a case; under a failed one each expectation that does not hold, what came
//          instead, and the lines that decided
//   json   {file, config, passed, failed, requests, seconds, cases: [{name, at, result, requests,
//          refused, span_s, untracked, failures: [{at, expected, got, decided_by: [{what, at,
//          requests}]}]}]}; a broken file: the JSON of `weir check` (config/report.h)
//   junit  one testsuite, one testcase a case; a broken file is one testcase with an error
#pragma once

#include <string>

#include "control/test_run.h"

namespace weir::control {

// `took`: real time of the run.
std::string test_text(const TestAnswer& answer, Nanos took);
std::string test_json(const TestAnswer& answer, Nanos took);
std::string test_junit(const TestAnswer& answer, Nanos took);

}  // namespace weir::control
