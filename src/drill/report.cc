#include "drill/report.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/cases.h"
#include "config/node.h"
#include "control/text.h"
#include "drill/scenario.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

using config::printable;

struct Phase {
  std::string name;
  Window window;
  Summary summary;
  double seconds = 0;
  double rate() const { return seconds <= 0 ? 0 : static_cast<double>(summary.requests) / seconds; }
};

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }
double in_seconds(Nanos time) { return static_cast<double>(time.count()) / 1e9; }

std::string_view verdict_of(const RunAnswer& answer) {
  if (answer.interrupted) return "interrupted";
  if (!answer.problem.empty()) return "broken";
  if (answer.expectations.empty()) return "nothing_expected";
  return answer.good() ? "met" : "not_met";
}

// From event to event, as far as the run came. Events that come within a second are one.
std::vector<Phase> phases_of(const RunAnswer& answer) {
  std::vector<Happened> cuts = {{.what = "the beginning", .problem = {}}};
  for (const Happened& happened : answer.happened) {
    Happened& cut = cuts.back();
    if (std::max(happened.at - cut.at, happened.due - cut.due) < std::chrono::seconds(1)) {
      cut.what = cut.what == "the beginning" ? happened.what : cut.what + ", " + happened.what;
    } else {
      cuts.push_back(happened);
    }
  }
  std::vector<Phase> phases;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    const bool last = i + 1 == cuts.size();
    const Window window{.from = cuts[i].at,
                        .to = last ? Nanos::max() : cuts[i + 1].at,
                        .traffic = {},
                        .request = {}};
    const Nanos end = last ? std::max(answer.took, window.from) : window.to;
    phases.push_back({.name = cuts[i].what,
                      .window = window,
                      .summary = answer.tally.summary(window),
                      .seconds = in_seconds(end - window.from)});
  }
  return phases;
}

std::vector<std::pair<std::string, std::uint64_t>> by_count(const Summary& summary) {
  std::vector<std::pair<std::string, std::uint64_t>> all(summary.outcomes.begin(),
                                                         summary.outcomes.end());
  std::ranges::sort(all, [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return all;
}

// What went wrong, the most frequent first.
std::string failures_text(const Summary& summary) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& [word, count] : by_count(summary)) {
    if (word.size() == 3 && (word[0] == '2' || word[0] == '3')) continue;  // 2xx, 3xx
    if (shown++ == 3) return text + " …";
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : "  ", printable(word), control::grouped(count));
  }
  return text;
}

std::string row(std::string_view name, const Phase& phase) {
  const Summary& sum = phase.summary;
  const std::string failures = failures_text(sum);
  return fmt::format("  {} {:>8} {:>7} {:>8} {:>7} {:>7}{}{}\n", control::fitted(name, 22),
                     control::grouped(sum.requests), control::rate_text(phase.rate()),
                     sum.requests == 0 ? "-" : control::percent_text(sum.good_share()),
                     control::milliseconds_text(milliseconds(sum.took.quantile(0.5))),
                     control::milliseconds_text(milliseconds(sum.took.quantile(0.99))),
                     failures.empty() ? "" : "  ", failures);
}

std::string heading(std::string_view what) {
  return fmt::format("  {} {:>8} {:>7} {:>8} {:>7} {:>7}  failures\n", control::fitted(what, 22),
                     "requests", "rate", "good", "p50", "p99");
}

// A number of a process's own report; it is JSON, which is YAML.
std::string count_in(const std::string& json, std::string_view key) {
  config::Diagnostics diagnostics;
  const auto tree = config::parse(0, json, {}, diagnostics);
  if (!tree || tree->documents.empty()) return "-";
  const config::Node* counts = tree->documents[0].find("counts");
  const config::Node* count = counts == nullptr ? nullptr : counts->find(key);
  return count == nullptr ? "-" : std::string(count->text);
}

std::string processes_text(const RunAnswer& answer) {
  std::string text;
  if (!answer.upstreams.empty())
    text += fmt::format("  {} {:>9} {:>9} {:>9} {:>10} {:>9}\n", control::fitted("upstream", 40),
                        "requests", "answered", "errors", "queue full", "abandoned");
  for (const Testbed::Report& report : answer.upstreams) {
    text += fmt::format("  {} {:>9} {:>9} {:>9} {:>10} {:>9}\n",
                        control::fitted(printable(report.name + " " + report.endpoint), 40),
                        count_in(report.json, "requests"), count_in(report.json, "answered"),
                        count_in(report.json, "errors"), count_in(report.json, "queue_full"),
                        count_in(report.json, "abandoned"));
  }
  if (!answer.links.empty())
    text += fmt::format("  {} {:>9} {:>9} {:>9} {:>10}\n", control::fitted("link", 40), "turns",
                        "resets", "silenced", "corrupted");
  for (const Testbed::Report& report : answer.links) {
    text +=
        fmt::format("  {} {:>9} {:>9} {:>9} {:>10}\n",
                    control::fitted(printable(report.name + " " + report.endpoint), 40),
                    count_in(report.json, "turns"), count_in(report.json, "resets"),
                    count_in(report.json, "silenced"), count_in(report.json, "bytes_corrupted"));
  }
  return text;
}

std::string window_text(const Expectation& each) {
  const ExpectSpec& spec = *each.spec;
  std::string text =
      fmt::format("{:g} to {:g} s", in_seconds(each.window.from), in_seconds(each.window.to));
  if (spec.traffic.given()) text += ", traffic " + spec.traffic.value.text;
  if (spec.request.given()) text += ", " + spec.request.value.text;
  return spec.name.given() ? fmt::format("{} ({})", spec.name.value.text, text) : text;
}

std::string expectations_text(const RunAnswer& answer) {
  std::string text;
  for (const Expectation& each : answer.expectations) {
    text += fmt::format("  {} {}\n", each.met() ? "✓" : "✗", printable(window_text(each)));
    for (const Judged& part : each.parts) {
      const std::string place =
          part.met ? "" : fmt::format("   {}:{}", printable(answer.file), part.at.line);
      text += fmt::format("      {} {}   came {}{}\n", part.met ? " " : "✗",
                          control::fitted(printable(part.expected), 32), part.came, place);
    }
  }
  return text;
}

void summary_json(JsonWriter& json, const Phase& phase) {
  const Summary& sum = phase.summary;
  json.field("requests", sum.requests)
      .field("retries", sum.retries)
      .field("rate", phase.rate())
      .field("good", sum.good)
      .field("good_share", sum.good_share());
  json.field("p50_ms", milliseconds(sum.took.quantile(0.5)))
      .field("p99_ms", milliseconds(sum.took.quantile(0.99)));
  json.key("outcomes").begin_object();
  for (const auto& [word, count] : sum.outcomes) json.field(word, count);
  json.end_object();
}

std::vector<Phase> traffic_of(const RunAnswer& answer) {
  std::vector<Phase> all;
  for (std::size_t i = 0; i < answer.scenario.traffic.value.size(); ++i) {
    const Window window{.traffic = static_cast<std::uint16_t>(i), .request = {}};
    all.push_back({.name = answer.scenario.traffic.value[i].value.name.value.text,
                   .window = window,
                   .summary = answer.tally.summary(window),
                   .seconds = in_seconds(answer.took)});
  }
  return all;
}

void processes_json(JsonWriter& json, std::string_view key,
                    const std::vector<Testbed::Report>& reports) {
  json.key(key).begin_array();
  for (const Testbed::Report& report : reports) {
    json.begin_object().field("name", report.name).field("endpoint", report.endpoint);
    for (const char* count : {"requests", "answered", "errors", "resets", "queue_full",
                              "own_timeouts", "abandoned", "connections", "turns", "silenced",
                              "unreachable", "bytes_up", "bytes_down", "bytes_corrupted"}) {
      const std::string text = count_in(report.json, count);
      if (text != "-") json.field(count, std::strtoull(text.c_str(), nullptr, 10));
    }
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string report_text(const RunAnswer& answer) {
  const std::string_view verdict = verdict_of(answer);
  const std::string_view words = verdict == "met"           ? "MET"
                                 : verdict == "not_met"     ? "NOT MET"
                                 : verdict == "broken"      ? "BROKEN"
                                 : verdict == "interrupted" ? "INTERRUPTED"
                                                            : "DONE";
  const Phase whole{.name = "all",
                    .window = {},
                    .summary = answer.tally.summary({}),
                    .seconds = in_seconds(answer.took)};
  std::string text = fmt::format(
      "{}   {} of {} met   {}   {:.1f} s\n", words, answer.met(),
      control::counted(answer.expectations.size(), "expectation"),
      printable(answer.scenario.name.given() ? answer.scenario.name.value.text : answer.file),
      whole.seconds);
  if (!answer.problem.empty()) text += "  " + answer.problem + "\n";
  text += expectations_text(answer);
  text += heading("from");
  for (const Phase& phase : phases_of(answer))
    text += row(fmt::format("{:.1f} s {}", in_seconds(phase.window.from), printable(phase.name)),
                phase);
  text += heading("traffic");
  for (const Phase& phase : traffic_of(answer)) text += row(printable(phase.name), phase);
  if (answer.scenario.traffic.value.size() > 1) text += row("all", whole);
  text += processes_text(answer);
  if (answer.tally.dropped() > 0)
    text +=
        fmt::format("  {} requests more were not kept\n", control::grouped(answer.tally.dropped()));
  return control::within_columns(text) +
         fmt::format("next: weir drill run {} -o json\n", printable(answer.file));
}

std::string report_json(const RunAnswer& answer) {
  std::string out;
  JsonWriter json(out);
  const Phase whole{.name = "all",
                    .window = {},
                    .summary = answer.tally.summary({}),
                    .seconds = in_seconds(answer.took)};
  json.begin_object()
      .field("verdict", verdict_of(answer))
      .field("scenario", answer.file)
      .field("seconds", whole.seconds);
  if (answer.scenario.name.given()) json.field("name", answer.scenario.name.value.text);
  if (!answer.problem.empty()) json.field("problem", answer.problem);
  json.field("met", answer.met())
      .field("expected", answer.expectations.size())
      .key("expectations")
      .begin_array();
  for (const Expectation& each : answer.expectations) {
    json.begin_object()
        .field("what", window_text(each))
        .field("met", each.met())
        .field("from_s", in_seconds(each.window.from))
        .field("to_s", in_seconds(each.window.to));
    json.key("parts").begin_array();
    for (const Judged& part : each.parts)
      json.begin_object()
          .field("expected", part.expected)
          .field("came", part.came)
          .field("met", part.met)
          .field("line", part.at.line)
          .end_object();
    json.end_array().end_object();
  }
  json.end_array().key("events").begin_array();
  for (const Happened& happened : answer.happened) {
    json.begin_object().field("at_s", in_seconds(happened.at)).field("what", happened.what);
    if (!happened.problem.empty()) json.field("problem", happened.problem);
    json.end_object();
  }
  json.end_array().key("phases").begin_array();
  for (const Phase& phase : phases_of(answer)) {
    json.begin_object()
        .field("from_s", in_seconds(phase.window.from))
        .field("what", phase.name)
        .field("seconds", phase.seconds);
    summary_json(json, phase);
    json.end_object();
  }
  json.end_array().key("traffic").begin_array();
  for (const Phase& phase : traffic_of(answer)) {
    json.begin_object().field("name", phase.name);
    summary_json(json, phase);
    json.end_object();
  }
  json.end_array().key("all").begin_object();
  summary_json(json, whole);
  json.end_object();
  processes_json(json, "upstreams", answer.upstreams);
  processes_json(json, "links", answer.links);
  json.field("not_kept", answer.tally.dropped()).end_object();
  return out + "\n";
}

}  // namespace weir::drill
