// The command line: words in, one command run, its exit code out. The only file that knows CLI11 is
// cli.cc; everybody else sees commands as plain values (cmd/command.h).
#pragma once

namespace weir::cmd {

int command_line(int argc, char** argv);

}  // namespace weir::cmd
