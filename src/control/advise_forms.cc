// A review as JSON, as Markdown and as SARIF.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "config/diagnostic.h"
#include "config/values.h"
#include "control/advise_text.h"
#include "control/forms.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using replay::Level;
using replay::Measure;

void write_words(JsonWriter& json, std::string_view name, const std::vector<std::string>& words) {
  json.key(name).begin_array();
  for (const std::string& word : words) json.value(word);
  json.end_array();
}

void write_proposal(JsonWriter& json, std::string_view name,
                    const std::optional<Proposal>& proposal) {
  json.key(name);
  if (!proposal) {
    json.null();
    return;
  }
  json.begin_object();
  write_words(json, "set", proposal->sets);
  write_words(json, "unset", proposal->unsets);
  json.key("plan")
      .begin_object()
      .field("verdict", replay::to_string(proposal->verdict))
      .field("requests", proposal->requests)
      .field("newly_refused", proposal->newly_refused)
      .field("known_newly_refused", proposal->known_newly_refused)
      .end_object()
      .end_object();
}

void write_finding(JsonWriter& json, const AdviseAnswer& answer, const Advised& advised) {
  const replay::Finding& finding = advised.finding;
  json.begin_object()
      .field("check", replay::to_string(finding.check))
      .field("level", replay::to_string(finding.level));
  json.key("subject")
      .begin_object()
      .field("kind", replay::to_string(finding.subject.kind))
      .field("name", finding.subject.name);
  if (!finding.subject.part.empty()) json.field("part", finding.subject.part);
  json.end_object().key("place");
  if (finding.source.line > 0 && finding.source.file < answer.plan.files.size()) {
    json.begin_object()
        .field("file", answer.plan.files[finding.source.file])
        .field("line", finding.source.line)
        .field("column", finding.source.column)
        .end_object();
  } else {
    json.null();
  }
  json.key("numbers").begin_object();
  for (const Measure& measure : finding.measures) {
    json.key(measure.name);
    if (measure.unit == Measure::Unit::text)
      json.value(measure.text);
    else if (measure.unit == Measure::Unit::count)
      json.value(static_cast<std::uint64_t>(measure.value));
    else
      json.value(measure.value);
  }
  json.end_object().field("text", finding_text(finding));
  write_proposal(json, "proposal", advised.proposal);
  json.key("nothing_proposed");
  advised.proposal ? json.null() : json.value(advised.nothing);
  json.end_object();
}

std::string_view sarif_level(Level level) {
  return level == Level::hurts ? "error" : level == Level::soon ? "warning" : "note";
}

}  // namespace

std::string advise_json(const AdviseAnswer& answer) {
  const auto& input = answer.plan.report.input;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("verdict", !answer.findings.empty()      ? "found"
                                       : answer.cannot_judge.empty() ? "nothing_found"
                                                                     : "not_enough_data");
  json.key("findings").begin_array();
  for (const Advised& advised : answer.findings) write_finding(json, answer, advised);
  json.end_array().key("cannot_judge").begin_array();
  for (const auto& cannot : answer.cannot_judge) {
    json.begin_object()
        .field("topic", replay::to_string(cannot.topic))
        .field("why", cannot.why)
        .field("hint", cannot.hint)
        .end_object();
  }
  json.end_array();
  json.key("headroom").begin_array();
  const auto number_or_null = [&](std::string_view name, const std::optional<double>& number) {
    json.key(name);
    number ? json.value(*number) : json.null();
  };
  for (const auto& headroom : answer.headroom) {
    json.begin_object()
        .field("upstream", headroom.upstream)
        .field("peak_per_s", headroom.peak_per_s);
    number_or_null("sustained_per_s", headroom.sustained_per_s > 0
                                          ? std::optional(headroom.sustained_per_s)
                                          : std::nullopt);
    number_or_null("growth_per_week", headroom.growth_per_week);
    number_or_null("weeks_left", headroom.weeks_left);
    json.end_object();
  }
  json.end_array().key("busiest").begin_array();
  for (const auto& key : answer.busiest) {
    json.begin_object()
        .field("caller", key.caller)
        .field("requests", key.requests)
        .field("share", key.share)
        .end_object();
  }
  json.end_array();
  write_proposal(json, "together", answer.together);
  json.key("skipped").begin_array();
  for (const replay::Topic topic : answer.skipped) json.value(replay::to_string(topic));
  json.end_array();
  json.key("input")
      .begin_object()
      .field("kind", answer.plan.input)
      .field("rows", input.rows)
      .field("skipped", input.skipped)
      .field("late", input.late);
  json.key("from");
  input.from ? json.value(time_text(*input.from)) : json.null();
  json.key("to");
  input.to ? json.value(time_text(*input.to)) : json.null();
  write_words(json, "notes", answer.plan.notes);
  json.end_object()
      .field("subject", answer.plan.subject)
      .field("exit", advise_exit_code(answer))
      .end_object();
  return out + "\n";
}

std::string advise_markdown(const AdviseAnswer& answer) {
  std::string out = fmt::format("### weir advise: {}\n\n{}\n\n",
                                !answer.findings.empty()      ? counts_text(answer)
                                : answer.cannot_judge.empty() ? "nothing found"
                                                              : "not enough data",
                                markdown_cell(answer.plan.subject));
  if (!answer.findings.empty())
    out += "| | subject | found | proposed | |\n|---|---|---|---|---|\n";
  for (const Advised& advised : answer.findings) {
    out += fmt::format(
        "| {} | {} | {} | {} | {} |\n", replay::to_string(advised.finding.level),
        markdown_cell(subject_text(advised.finding.subject)),
        markdown_cell(finding_text(advised.finding)),
        advised.proposal ? markdown_cell(proposal_text(*advised.proposal)) : "nothing",
        advised.proposal ? judged_text(*advised.proposal) : markdown_cell(advised.nothing));
  }
  for (const auto& cannot : answer.cannot_judge)
    out += fmt::format("\nCannot judge {}: {}.\n", replay::to_string(cannot.topic),
                       markdown_cell(cannot.why));
  return out;
}

std::string advise_sarif(const AdviseAnswer& answer, std::string_view version) {
  std::vector<SarifResult> results;
  for (const Advised& advised : answer.findings) {
    const replay::Finding& finding = advised.finding;
    std::string text = fmt::format("{}: {}", subject_text(finding.subject), finding_text(finding));
    text += advised.proposal ? fmt::format("; {} ({})", proposal_text(*advised.proposal),
                                           judged_text(*advised.proposal))
                             : "; nothing proposed: " + config::printable(advised.nothing);
    results.push_back({.rule = std::string(replay::to_string(finding.check)),
                       .level = std::string(sarif_level(finding.level)),
                       .text = std::move(text),
                       .at = finding.source});
  }
  return sarif_text("weir advise", version, answer.plan.files, results);
}

}  // namespace weir::control
