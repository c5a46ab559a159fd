// The commands that there are, each made in the file of its name; cli.cc puts them in order.
#pragma once

#include <string>
#include <vector>

#include "cmd/command.h"

namespace weir::cmd {

Command advise_command();
Command apply_command();
Command callers_command();
Command change_command();
Command check_command();
Command confirm_command();  // apply.cc
Command diff_command();
Command drain_command();
Command drill_command();
Command explain_command();
Command export_command();
Command history_command();
Command import_command();
Command init_command();
Command keys_command();
Command load_command();
Command override_command();
Command plan_command();
Command promote_command();   // apply.cc
Command rollback_command();  // apply.cc
// `arguments` of this process, so that USR2 can start it anew.
Command run_command(const std::vector<std::string>& arguments);
Command show_command();
Command status_command();
Command test_command();
Command top_command();
Command version_command();

}  // namespace weir::cmd
