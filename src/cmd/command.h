// One command of the command line as plain values: its words and options, where what they say goes,
// and what it does. Each is made in the file that does it; cli.cc lists them and reads a line by
// them, completion.cc makes scripts of them. What options point into lives as long as `does`, which
// holds it.
// Commands print results to standard output and complaints to standard error; the numbers in what
// they print are those of the JSON that -o json prints.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weir::cmd {

enum Exit : int {
  kFine = 0,
  kFailed = 1,  // invalid, or it did not work
  kUsage = 2,   // wrong words
  kHarm = 3,    // plan: above its budget; advise: something found; apply: it was taken back before
  kNotEnough = 4,    // plan, advise: not enough data
  kUnreachable = 5,  // busy, stale, or nobody runs there
  kNotMet = 99,      // drill: not what was expected; load: a threshold is broken
};

// Thrown by `does` where words do not go together: complained about, and kUsage.
struct UsageError {
  std::string text;
};

struct Option {
  // What is set where it is said: a flag, a value, all values; or what is to be done with a value.
  using Into = std::variant<bool*, std::string*, std::vector<std::string>*, std::uint32_t*,
                            std::uint64_t*, double*, std::optional<std::uint32_t>*,
                            std::optional<std::uint64_t>*, std::function<void(const std::string&)>>;

  std::string names;  // "-c,--config"; or "FILE": a word that is known by its place
  Into into;
  std::string what;  // one line of help
  std::string type;  // what its value is called there: "TIME"

  bool required = false;
  bool hidden = false;                    // taken, and nowhere mentioned
  bool shows_default = false;             // in its help
  bool takes_rest = false;                // of several values: all words that follow, not one
  bool by_commas = false;                 // of several values: they stand in one word
  std::string needs = {}, excludes = {};  // names of another option
  std::vector<std::string> only = {};     // the values there are; completion offers them
  std::optional<std::pair<std::uint32_t, std::uint32_t>> range = {};  // lowest and highest
  std::function<std::string(const std::string&)> check =
      {};  // what is wrong with a value; "": fine
};

struct Command {
  std::string name, what;     // what: one line of help
  std::string footer;         // examples and all else that its help ends with
  std::function<int()> does;  // the exit code; none: one of those below must be named
  std::vector<Option> options = {};
  std::vector<Command> below = {};

  Option& add(std::string names, Option::Into into, std::string text, std::string type = "") {
    return options.emplace_back(
        Option{std::move(names), std::move(into), std::move(text), std::move(type)});
  }
  Option& add_many(std::string names, std::vector<std::string>* into, const std::string& text,
                   std::string type) {
    return add(std::move(names), into, text + "; may be repeated", std::move(type));
  }
};

}  // namespace weir::cmd
