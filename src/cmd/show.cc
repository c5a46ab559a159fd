// `weir show`: the configuration that runs, as it was written; `weir show r42`: an earlier one;
// `--effective`: the file's, with every default filled in; `--schema`: the JSON Schema of
// configurations, for editors.
#include <boost/json/parse.hpp>
#include <memory>
#include <string>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/compile.h"
#include "config/reference.h"
#include "control/history_text.h"
#include "control/load.h"

namespace weir::cmd {
namespace {

struct ShowOptions {
  Where where;
  std::string revision;    // "r42"; "": what is live
  bool effective = false;  // of the file; else what runs
  bool schema = false;
  Output output = Output::text;
};

int show_effective(const ShowOptions& options) {
  const auto path = find_configuration(options.where.config);
  if (!path) return failed(path.error());
  const auto input = control::read_configuration(*path);
  if (!input) return failed(input.error());
  const auto text = config::effective(*input);
  if (!text) return failed(text.error());
  if (options.output != Output::json) {
    print(*text);
    return kFine;
  }
  std::string out;
  JsonWriter(out).begin_object().field("text", *text).end_object();
  print(out + "\n");
  return kFine;
}

int show_revision(const ShowOptions& options) {
  const Asked asked =
      ask_gateway(options.where, {.path = "/api/v1/revisions/" + options.revision});
  if (!asked.ok()) return asked.code;
  if (options.output == Output::json) {
    print(asked.body);
  } else {
    const boost::json::value revision = boost::json::parse(asked.body);
    print(options.output == Output::md ? control::revision_markdown(revision) : control::revision_text(revision));
  }
  return kFine;
}

int show(const ShowOptions& options) {
  if (options.schema) {
    print(config::json_schema());
    return kFine;
  }
  if (options.effective) return show_effective(options);
  if (!options.revision.empty()) return show_revision(options);
  const Asked asked = ask_gateway(options.where, {.path = "/api/v1/config"});
  if (!asked.ok()) return asked.code;
  if (options.output == Output::json) {
    print(asked.body);
  } else {
    print(boost::json::parse(asked.body).at("text").as_string());
  }
  return kFine;
}

}  // namespace

Command show_command() {
  auto options = std::make_shared<ShowOptions>();
  Command command{
      .name = "show",
      .what = "Print the configuration that runs, or a file with every default filled in",
      .footer =
          "Examples:\n  weir show                                what runs now, as it was written\n"
          "  weir show r42                            what r42 was, by whom and why\n"
          "  weir show --effective -c gateway.yaml",
      .does = [options] { return show(*options); }};
  command.add("REVISION", &options->revision, "r42, as weir history names it");
  command.add("--effective", &options->effective, "of the file, with every default filled in");
  command.add("--schema", &options->schema, "the JSON Schema of configurations, for editors");
  where_options(command, options->where);
  output_option(command, options->output, {"text", "json", "md"});
  return command;
}

}  // namespace weir::cmd
