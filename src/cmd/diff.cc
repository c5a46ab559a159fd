// `weir diff`: what changes between two configurations, by meaning. Each is a file, a revision, or what is live.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "config/difference.h"
#include "control/load.h"
#include "control/overrides_text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct DiffOptions {
  std::string from, to;  // a file, "r42" or "live"; "": live against the file
  Where where;
  Output output = Output::text;
};

constexpr std::string_view kLive = "live";

// "r42": letters of a file's name would follow.
bool is_revision(std::string_view word) {
  return word.size() > 1 && word.size() < 12 && word.front() == 'r' &&
         word.find_first_not_of("0123456789", 1) == std::string_view::npos;
}

struct Side {
  std::string name;
  config::Input input;
  boost::json::array laid_over = {};   // overrides, where it is what is live
  int code = kFine;   // else it was complained about
};

Side side_of(const std::string& word, const Where& where) {
  Side side{.name = word};
  if (word != kLive && !is_revision(word)) {
    auto input = control::read_configuration(word);
    if (!input) side.code = failed(input.error());
    else side.input = std::move(*input);
    return side;
  }
  if (word == kLive) {
    const Asked status = ask_gateway(where, {.path = "/api/v1/status"});
    if (!status.ok()) {
      side.code = status.code;
      return side;
    }
    boost::json::value told = boost::json::parse(status.body);
    side.name = told.at("revision").as_string();
    side.laid_over = std::move(told.at("overrides").as_array());
  }
  const Asked asked = ask_gateway(where, {.path = "/api/v1/revisions/" + side.name});
  side.code = asked.code;
  if (!asked.ok()) return side;
  const boost::json::value revision = boost::json::parse(asked.body);
  side.input.directory = revision.at("directory").as_string();
  for (const boost::json::value& file : revision.at("files").as_array()) {
    side.input.files.push_back(
        {.name = std::string(file.at("name").as_string()), .text = std::string(file.at("text").as_string())});
  }
  return side;
}

constexpr std::array<std::string_view, 4> kKinds = {"added", "removed", "changed", "moved"};

std::string text_of(const Side& from, const Side& to, const config::Comparison& comparison) {
  constexpr std::array<char, 4> kSigns = {'+', '-', '~', '~'};
  std::string out =
      fmt::format("{} → {}   {}\n", config::printable(from.name), config::printable(to.name),
                  comparison.differences.empty() ? "no change" : fmt::format("{} change{}", comparison.differences.size(), comparison.differences.size() == 1 ? "" : "s"));
  std::size_t width = 0;
  for (const config::Difference& each : comparison.differences) width = std::max(width, std::min<std::size_t>(each.path.size(), 50));
  for (const config::Difference& each : comparison.differences) {
    const std::string before = config::printable(each.before), after = config::printable(each.after);
    out += fmt::format("  {} {:<{}}  {}\n", kSigns[static_cast<std::size_t>(each.kind)], config::printable(each.path), width,
                       each.kind == config::Difference::Kind::changed ? fmt::format("{} → {}", before, after)
                       : each.kind == config::Difference::Kind::moved ? "another order"
                                                                      : before + after);
  }
  for (const std::string& limit : comparison.starts_anew) out += fmt::format("  limit {} starts anew: its buckets are full once\n", config::printable(limit));
  for (const Side* side : {&from, &to}) {
    for (const boost::json::value& each : side->laid_over)
      out += fmt::format("  over {}: {}\n", config::printable(side->name), control::override_line(each));
  }
  return out;
}

std::string json_of(const Side& from, const Side& to, const config::Comparison& comparison) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("from", from.name).field("to", to.name).key("changes").begin_array();
  for (const config::Difference& each : comparison.differences) {
    json.begin_object().field("kind", kKinds[static_cast<std::size_t>(each.kind)]).field("path", each.path);
    json.field("before", each.before).field("after", each.after).end_object();
  }
  json.end_array().key("starts_anew").begin_array();
  for (const std::string& limit : comparison.starts_anew) json.value(limit);
  json.end_array().key("laid_over").begin_array();
  for (const Side* side : {&from, &to}) {
    for (const boost::json::value& each : side->laid_over) {
      json.begin_object().field("revision", side->name);
      for (const std::string_view key : {"override", "what", "author", "reason", "until", "idle"}) json.field(key, std::string_view(each.at(key).as_string()));
      json.end_object();
    }
  }
  json.end_array().end_object();
  return out + "\n";
}

int diff(const DiffOptions& options) {
  std::string from = options.from, to = options.to;
  if (to.empty()) {   // one word: a file is what may come, a revision what was
    const bool past = is_revision(from);
    to = past ? std::string(kLive) : from;
    if (!past) from = kLive;
  }
  if (to.empty()) {
    auto path = find_configuration(options.where.config);
    if (!path) return failed(path.error());
    to = std::move(*path);
  }
  const Side before = side_of(from, options.where);
  if (before.code != kFine) return before.code;
  const Side after = side_of(to, options.where);
  if (after.code != kFine) return after.code;
  const auto comparison = config::compare(before.input, after.input);
  if (!comparison) return failed(comparison.error());
  print(options.output == Output::json ? json_of(before, after, *comparison) : text_of(before, after, *comparison));
  return kFine;
}

}  // namespace

Command diff_command() {
  auto options = std::make_shared<DiffOptions>();
  Command command{.name = "diff",
                  .what = "Say what changes between two configurations, by meaning",
                  .footer =
                      "Examples:\n  weir diff                     from what is live to the file\n"
                      "  weir diff new.yaml            from what is live to another file\n"
                      "  weir diff r42                 from r42 to what is live\n"
                      "  weir diff r41 r42\n  weir diff old.yaml new.yaml",
                  .does = [options] { return diff(*options); }};
  command.add("FROM", &options->from, "a file, a revision, or: live");
  command.add("TO", &options->to, "the same");
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
