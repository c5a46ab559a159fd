// `weir completion bash|zsh|fish`: scripts made from the tree of commands, so they offer what there
// is and nothing else. bash and zsh share one function: for the words typed so far, a table says
// what may follow.
#include "cmd/completion.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fmt/core.h"

namespace weir::cmd {
namespace {

// What may follow a word.
struct Word {
  std::string name, what;
  struct Flag {
    std::vector<std::string> names;  // "-c", "--config"
    std::string what;
    bool takes_value = false;
    std::vector<std::string> values;  // the only ones there are; empty: anything, files first
  };
  std::vector<Flag> flags;
  std::vector<Word> below;  // subcommands, or the values of a word that is known by its place
  bool takes_file = false;
};

// Words known by their place that may name a file or a folder.
constexpr std::array<std::string_view, 4> kPaths = {"FILE", "DIR", "FROM", "TO"};

std::vector<std::string> split_names(const std::string& names) {
  const std::size_t comma = names.find(',');
  if (comma == std::string::npos) return {names};
  return {names.substr(0, comma), names.substr(comma + 1)};
}

Word word_of(const Command& command) {
  Word word{.name = command.name, .what = command.what};
  word.flags.push_back(
      {.names = {"-h", "--help"}, .what = "Print this help message and exit", .values = {}});
  for (const Option& option : command.options) {
    if (option.hidden) continue;
    if (option.names.front() != '-') {
      word.takes_file = word.takes_file || std::ranges::find(kPaths, option.names) != kPaths.end();
      for (const std::string& value : option.only) word.below.push_back({.name = value});
      continue;
    }
    word.flags.push_back({.names = split_names(option.names),
                          .what = option.what,
                          .takes_value = !std::holds_alternative<bool*>(option.into),
                          .values = option.only});
  }
  for (const Command& below : command.below) word.below.push_back(word_of(below));
  return word;
}

// In single quotes for a POSIX shell and fish alike: both end at a quote; \' stands for one outside
// of them.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// One branch of the case over "word word word": what may follow there.
void append_cases(const Word& word, const std::string& path, std::string& out) {
  std::vector<std::string> next;
  for (const Word& each : word.below) next.push_back(each.name);
  for (const Word::Flag& flag : word.flags)
    next.insert(next.end(), flag.names.begin(), flag.names.end());
  out += fmt::format("    {}) words={}; files={} ;;\n", quoted(path), quoted(joined(next)),
                     word.takes_file ? 1 : 0);
  for (const Word& each : word.below) append_cases(each, path + " " + each.name, out);
}

// What follows a flag that takes a value.
void append_values(const Word& word, const std::string& path, std::string& out) {
  for (const Word::Flag& flag : word.flags) {
    if (!flag.takes_value) continue;
    for (const std::string& name : flag.names) {
      out += fmt::format("    {}) words={}; files={}; return ;;\n", quoted(path + " " + name),
                         quoted(joined(flag.values)), flag.values.empty() ? 1 : 0);
    }
  }
  for (const Word& each : word.below) append_values(each, path + " " + each.name, out);
}

void append_paths(const Word& word, const std::string& path, std::string& out) {
  for (const Word& each : word.below) {
    out += fmt::format("      {}) path={} ;;\n", quoted(path + " " + each.name),
                       quoted(path + " " + each.name));
    append_paths(each, path + " " + each.name, out);
  }
}

// _weir_next WORD...: sets words and files for what may follow these words, the one being typed
// left out.
std::string shared_function(const Word& root) {
  std::string paths, values, cases;
  append_paths(root, "weir", paths);
  append_values(root, "weir", values);
  append_cases(root, "weir", cases);
  return fmt::format(
      "_weir_next() {{\n"
      "  local path=weir previous=\"\" word\n"
      "  shift\n"
      "  for word in \"$@\"; do\n"
      "    previous=\"$word\"\n"
      "    case \"$path $word\" in\n{}"
      "    esac\n"
      "  done\n"
      "  case \"$path $previous\" in\n{}"
      "  esac\n"
      "  case \"$path\" in\n{}"
      "  esac\n"
      "}}\n",
      paths, values, cases);
}

std::string bash(const Word& root) {
  return "# bash completion for weir; to have it: source <(weir completion bash)\n" +
         shared_function(root) +
         "_weir() {\n"
         "  local words=\"\" files=0\n"
         "  _weir_next \"${COMP_WORDS[@]:0:COMP_CWORD}\"\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
         "  if ((files)); then\n"
         "    mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- "
         "\"${COMP_WORDS[COMP_CWORD]}\")\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _weir weir\n";
}

std::string zsh(const Word& root) {
  return "#compdef weir\n# zsh completion for weir; to have it: source <(weir completion zsh)\n" +
         shared_function(root) +
         "_weir() {\n"
         "  local typed=(\"${(@)words[1,CURRENT-1]}\")\n"
         "  local words=\"\" files=0\n"
         "  _weir_next \"${typed[@]}\"\n"
         "  compadd -- ${=words}\n"
         "  ((files)) && _files\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _weir ]; then _weir; else compdef _weir weir; fi\n";
}

void append_fish(const Word& word, const std::string& seen, std::string& out) {
  std::string others;
  for (const Word& each : word.below) others += (others.empty() ? "" : " ") + each.name;
  const std::string here = seen.empty() ? "__fish_use_subcommand" : seen;
  for (const Word& each : word.below) {
    const std::string unless =
        seen.empty() || others.empty()
            ? here
            : fmt::format("{}; and not __fish_seen_subcommand_from {}", here, others);
    out += fmt::format("complete -c weir -n {} -a {} -d {}\n", quoted(unless), quoted(each.name),
                       quoted(each.what));
  }
  for (const Word::Flag& flag : word.flags) {
    out += fmt::format("complete -c weir -n {}", quoted(here));
    for (const std::string& name : flag.names) {
      out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (flag.takes_value)
      out += flag.values.empty() ? " -r -F" : fmt::format(" -x -a {}", quoted(joined(flag.values)));
    out += fmt::format(" -d {}\n", quoted(flag.what));
  }
  if (word.takes_file) out += fmt::format("complete -c weir -n {} -F\n", quoted(here));
  for (const Word& each : word.below) {
    const std::string at = fmt::format("__fish_seen_subcommand_from {}", each.name);
    append_fish(each, seen.empty() ? at : fmt::format("{}; and {}", seen, at), out);
  }
}

std::string fish(const Word& root) {
  std::string out =
      "# fish completion for weir; to have it: weir completion fish | source\ncomplete -c weir "
      "-f\n";
  append_fish(root, "", out);
  return out;
}

}  // namespace

std::string completion_script(const Command& root, std::string_view shell) {
  Word word = word_of(root);
  word.flags.push_back({.names = {"--version"},
                        .what = "Display program version information and exit",
                        .values = {}});
  if (shell == "bash") return bash(word);
  if (shell == "zsh") return zsh(word);
  if (shell == "fish") return fish(word);
  return "";
}

}  // namespace weir::cmd
