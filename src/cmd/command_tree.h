// The command line as plain values: what completion scripts are generated from, and what keeps
// CLI11 out of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cmd {

struct Word {
  std::string name, what;  // what: one line of help
  struct Flag {
    std::vector<std::string> names;  // "-c", "--config"
    std::string what;
    bool takes_value = false;
    std::vector<std::string> values;  // the only ones there are; empty: anything, files first
  };
  std::vector<Flag> flags;
  std::vector<Word> below;  // subcommands
  bool takes_file = false;  // a positional word that is a file
};

// A script for bash, zsh or fish; "" for another shell.
std::string completion_script(const Word& root, std::string_view shell);

}  // namespace weir::cmd
