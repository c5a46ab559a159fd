// The command line: words in, one command run, its exit code out. The only file that knows CLI11 is
// cli.cc; everybody else sees the options of their own command (cmd/commands.h) and, for completion
// and help, the plain tree of words.
#pragma once

namespace weir::cmd {

int command_line(int argc, char** argv);

}  // namespace weir::cmd
