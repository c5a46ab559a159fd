// What a gateway boots from: its file; but where that is missing or has errors, or its text was live and taken back, the revision
// that was live last, so that neither a broken push nor a machine that restarts in the night undoes a rollback.
#pragma once

#include <string>

#include "base/result.h"
#include "config/compile.h"
#include "control/load.h"
#include "model/names.h"

namespace weir::control {

struct Booting {
  Loaded loaded;          // its policy is null: nothing can boot
  std::string data_dir;   // absolute
  std::string why;        // it is not the file that boots; "" where it is
  std::string report;     // the diagnostics of the file
};

// `file` as it was read. Of the history nothing is changed, but for what a killed process left unfinished.
Booting what_boots(Result<config::Input> file, const std::string& path, const std::string& state_directory, NameTable& names);

}  // namespace weir::control
