#include "cmd/cli.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

// The only translation unit that reads CLI11: it costs seconds.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/completion.h"
#include "cmd/log_format_help.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/version.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

// Named in the design, made in later versions: asked for, they say so instead of "unknown".
constexpr std::array kLater = {"incidents", "postmortem", "playbook", "automation"};

constexpr const char* kFooter =
    "Examples:\n"
    "  weir run --to 127.0.0.1:3000          a gateway before one service, without a file\n"
    "  weir init && weir run                 a file to start from, and the gateway on it\n"
    "  weir check gateway.yaml               what is wrong or unwise in it\n"
    "  weir plan gateway.yaml --log access.log   whom it would have hurt\n"
    "  weir advise gateway.yaml --log access.log   what in it is worth changing\n"
    "  weir test cases.yaml                  what it must do, in virtual time\n"
    "  weir apply gateway.yaml               take it into the running gateway\n"
    "  weir explain GET http://host/path     what would be decided, and why\n"
    "  weir load http://127.0.0.1:8080/ --rate 1000/s   how it bears load\n"
    "Exit codes: 0 fine, 1 invalid or failed, 2 wrong words, 3 harm, 4 not enough data,\n"
    "            5 busy or not running, 99 not what a drill or a threshold of load expects.\n"
    "More about one command: weir help COMMAND";

// In the order of the help. `completion` and `help`, which speak of all of them, come behind.
std::vector<Command> commands(const std::vector<std::string>& arguments) {
  return {run_command(arguments), init_command(),   check_command(),   show_command(),
          plan_command(),         advise_command(), test_command(),    load_command(),
          export_command(),       apply_command(),  promote_command(), confirm_command(),
          rollback_command(),     change_command(), diff_command(),    history_command(),
          explain_command(),      status_command(), top_command(),     override_command(),
          callers_command(),      drain_command(),  keys_command(),    import_command(),
          drill_command(),        version_command()};
}

CLI::Option* add_value(CLI::App& to, const Option& option) {
  return std::visit(
      [&](const auto& into) -> CLI::Option* {
        using Into = std::remove_cvref_t<decltype(into)>;
        if constexpr (std::is_same_v<Into, bool*>) {
          return to.add_flag(option.names, *into, option.what);
        } else if constexpr (std::is_pointer_v<Into>) {
          return to.add_option(option.names, *into, option.what);
        } else {
          return to.add_option_function<std::string>(option.names, into, option.what);
        }
      },
      option.into);
}

CLI::Option* add_option(CLI::App& to, const Option& option) {
  CLI::Option* made = add_value(to, option)->required(option.required);
  if (!option.type.empty()) made->type_name(option.type);
  if (!option.only.empty()) made->check(CLI::IsMember(option.only));
  // The values stand in the text beside it.
  if (!option.only.empty() && !option.type.empty()) made->option_text(option.type);
  if (option.range) made->check(CLI::Range(option.range->first, option.range->second));
  if (option.check) made->check(option.check);
  const bool many = std::holds_alternative<std::vector<std::string>*>(option.into);
  if (many && option.names.front() == '-') made->allow_extra_args(option.takes_rest);
  if (option.by_commas) made->delimiter(',');
  if (option.shows_default) made->capture_default_str();
  if (option.hidden) made->group("");
  return made;
}

// CLI11's tree of a command and those below; `chosen` is where the one that was named is told.
void fill(CLI::App& app, const Command& command, const Command*& chosen) {
  if (!command.footer.empty()) app.footer(command.footer);  // else that of the command above
  std::vector<CLI::Option*> made;
  for (const Option& option : command.options) made.push_back(add_option(app, option));
  for (std::size_t i = 0; i < made.size(); ++i) {  // once all are there
    const Option& option = command.options[i];
    if (!option.needs.empty()) made[i]->needs(app.get_option(option.needs));
    if (!option.excludes.empty()) made[i]->excludes(app.get_option(option.excludes));
  }
  for (const Command& below : command.below)
    fill(*app.add_subcommand(below.name, below.what), below, chosen);
  if (!command.below.empty()) app.require_subcommand(command.does ? 0 : 1, 1);
  app.callback([&app, &command, &chosen] {
    if (app.get_subcommands().empty()) chosen = &command;
  });
}

class CommandLine {
 public:
  explicit CommandLine(std::vector<std::string> arguments)
      : arguments_(std::move(arguments)),
        root_{.name = "weir",
              .what = "weir: an API gateway that explains itself",
              .footer = kFooter,
              .does = [this] { return print(app_.help()), kUsage; },
              .below = commands(arguments_)},
        app_(root_.what, root_.name) {
    root_.below.push_back(completion_command());
    root_.below.push_back(help_command());
    app_.set_version_flag("--version", fmt::format("weir {}", control::kVersion));
    fill(app_, root_, chosen_);
    for (const char* name : kLater)
      app_.add_subcommand(name)->group("")->prefix_command()->set_help_flag();
  }

  int parse_and_run() {
    try {
      // CLI11 takes the words from the back.
      app_.parse(std::vector<std::string>(arguments_.rbegin(), arguments_.rend() - 1));
    } catch (const CLI::Success& success) {  // --help, --version
      return app_.exit(success, stdout_, stderr_), flush(), kFine;
    } catch (const CLI::ExtrasError& error) {
      return usage(unknown_words(error.what()));
    } catch (const CLI::ParseError& error) {
      return usage(error.what());
    }
    if (chosen_ == nullptr) {
      return usage(fmt::format("weir {} is not in this version ({})",
                               app_.get_subcommands().front()->get_name(), control::kVersion));
    }
    try {
      return chosen_->does();
    } catch (const UsageError& error) {
      return usage(error.text);
    } catch (const std::exception& error) {  // a gateway of another version answers other JSON
      complain(fmt::format("the gateway's answer is not what this weir ({}) expects: {}",
                           control::kVersion, error.what()));
      return kFailed;
    }
  }

 private:
  Command completion_command() {
    auto shell = std::make_shared<std::string>();
    Command command{
        .name = "completion",
        .what = "Print a completion script for a shell",
        .footer = "Examples:\n  source <(weir completion bash)\n  weir completion fish | source",
        .does = [this, shell] { return print(completion_script(root_, *shell)), kFine; }};
    Option& which = command.add("SHELL", shell.get(), "bash, zsh or fish");
    which.required = true;
    which.only = {"bash", "zsh", "fish"};
    return command;
  }

  Command help_command() {
    auto words = std::make_shared<std::vector<std::string>>();
    Command command{.name = "help",
                    .what = "Say more about a command",
                    .footer = "Examples:\n  weir help run\n  weir help keys add",
                    .does = [this, words] { return help(*words); }};
    command.add("COMMAND", words.get(), "which");
    return command;
  }

  int help(const std::vector<std::string>& words) {
    if (words == std::vector<std::string>{"log-format"}) {
      print(log_format_help());
      return kFine;
    }
    const CLI::App* at = &app_;
    std::string above;  // "weir keys", for the line of usage
    for (const std::string& word : words) {
      const auto below = at->get_subcommands([&](const CLI::App* each) {
        return each->get_name() == word && !each->get_group().empty();
      });
      if (below.empty()) throw UsageError{unknown_command(word)};
      above += (above.empty() ? "" : " ") + at->get_name();
      at = below.front();
    }
    print(at->help(above));
    return kFine;
  }

  std::string unknown_command(const std::string& word) const {
    std::vector<std::string_view> names;
    for (const Command& each : root_.below) names.push_back(each.name);
    const std::string_view near = config::nearest(word, names);
    return fmt::format("there is no command {}{}", config::quote(word),
                       near.empty() ? std::string() : fmt::format("; did you mean {}?", near));
  }

  std::string unknown_words(const std::string& what) const {
    const auto rest = app_.remaining();
    if (app_.get_subcommands().empty() && !rest.empty() && !rest.front().starts_with('-'))
      return unknown_command(rest.front());
    return what;
  }

  int usage(const std::string& text) {
    complain(config::printable(text));
    const auto chosen = app_.get_subcommands();
    complain(fmt::format("see: weir help{}", chosen.empty() || chosen.front()->get_group().empty()
                                                 ? ""
                                                 : " " + chosen.front()->get_name()));
    return kUsage;
  }

  void flush() {
    print(stdout_.str());
    std::fputs(stderr_.str().c_str(), stderr);
  }

  std::vector<std::string> arguments_;
  Command root_;
  CLI::App app_;
  const Command* chosen_ = nullptr;
  std::ostringstream stdout_, stderr_;
};

}  // namespace

int command_line(int argc, char** argv) {
  const int code = CommandLine({argv, argv + argc}).parse_and_run();
  const auto all = printed();
  if (all) return code;
  const int cut_short = failed(all.error());
  return code == kFine ? cut_short : code;
}

}  // namespace weir::cmd
