// From a path to a policy that could go live: reads the file or folder and the files it names, compiles, builds the key
// tables. For `check`, `run`, `apply` and HUP alike. Reads files, so it runs on the study or at start, never on a loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auth/gather.h"
#include "base/result.h"
#include "config/compile.h"
#include "model/names.h"

namespace weir::control {

// The texts of a configuration: one file, or a folder's *.yaml, *.yml and *.json in order of their names.
Result<config::Input> read_configuration(const std::string& path);

struct Loaded {
  config::Input input;
  config::Outcome outcome;                          // policy is null where there are errors
  std::shared_ptr<const auth::KeyTables> keys;
};

// Compiles and reads what the policy names. A keys file that is missing or wrong is an error among the diagnostics.
Loaded load(config::Input input, NameTable& names);

// Key tables for `policy` from its files as they are now.
Result<std::shared_ptr<const auth::KeyTables>> load_keys(const Policy& policy);

}  // namespace weir::control
