// Configurations that weir writes itself.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::config {

// `weir init`: a commented file to start from. It passes `check` without a warning.
std::string init_text();

// `weir run --to ADDRESS [--listen ADDRESS]`: the file that it equals. Everything goes to one
// upstream.
struct RunTo {
  std::string to;                         // 127.0.0.1:3000
  std::string listen = "127.0.0.1:8080";  // :8080 for all of IPv4
};
Result<std::string> run_to_text(const RunTo& options);

}  // namespace weir::config
