// Any bytes -> a file of cases. Never a crash, never an endless loop; every report can be rendered
// without a control character; and what is accepted keeps the promises that those who link and run
// it rely on: bounds, and something to fail by.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "config/cases.h"
#include "config/compile.h"
#include "config/report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  const CasesSpec spec = read_cases(text, diagnostics);
  Outcome outcome;
  outcome.errors = diagnostics.errors();
  outcome.diagnostics = diagnostics.take();
  const std::vector<SourceFile> files = {{"fuzz.yaml", text}};
  for (const std::string& report : {render_text(outcome, files), render_json(outcome, files)})
    WEIR_CHECK(report.find('\x1b') == std::string::npos && report.find('\0') == std::string::npos);
  if (outcome.errors > 0) return 0;
  WEIR_CHECK(!spec.cases.value.empty() && spec.cases.value.size() <= kMostCases);
  for (const auto& one : spec.cases.value) {
    WEIR_CHECK(!one.value.name.value.text.empty() && !one.value.requests.value.empty());
    for (const auto& row : one.value.requests.value) {
      WEIR_CHECK(row.value.times.value >= 1 && row.value.times.value <= kMostTimes);
      WEIR_CHECK(row.value.at.value.value.count() >= 0 && row.value.every.value.value.count() >= 0);
      const Amount amount = row.value.expect.value.refused.value;
      WEIR_CHECK(amount.low <= amount.high);
    }
  }
  return 0;
}
