// The weir binary: everything it does is a command (cmd/commands.h), found by its words
// (cmd/cli.h).
#include "cmd/cli.h"

int main(int argc, char** argv) { return weir::cmd::command_line(argc, argv); }
