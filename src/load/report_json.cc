// A run as JSON: times in milliseconds, rates a second, shares of one.
#include "base/json.h"
#include "load/report.h"

namespace weir::load {
namespace {

double ms(Nanos time) { return static_cast<double>(time.count()) / 1e6; }
double seconds(Nanos time) { return static_cast<double>(time.count()) / 1e9; }

void write_times(JsonWriter& json, std::string_view name, const Times& times) {
  json.key(name).begin_object().field("count", times.histogram.count());
  for (const double q : kQuantiles) json.field(quantile_name(q), ms(times.quantile(q)));
  json.field("max", ms(times.longest)).field("mean", ms(times.mean())).end_object();
}

void write_tally(JsonWriter& json, const Tally& tally) {
  json.field("calls", tally.calls).field("sent", tally.sent()).field("errors", tally.errors);
  json.field("error_share", tally.error_share()).field("body_bytes", tally.bytes);
  write_times(json, "latency_ms", tally.latency);
  write_times(json, "service_ms", tally.service);
  json.key("statuses").begin_object();
  for (std::size_t i = 0; i < tally.statuses.size(); ++i)
    if (tally.statuses[i] > 0) json.field(std::to_string(i), tally.statuses[i]);
  json.end_object().key("endings").begin_object();
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Ending::count_)> kNames = {
      "answered", "timeout",    "connect_failed", "closed_early",
      "not_http", "unfinished", "never_sent"};
  for (std::size_t i = 0; i < kNames.size(); ++i) json.field(kNames[i], tally.endings[i]);
  json.end_object();
}

}  // namespace

std::string report_json(const Report& report) {
  static constexpr std::array<std::string_view, 4> kVerdicts = {"done", "broken", "late",
                                                                "no_answer"};
  const Outcome& outcome = report.outcome;
  const Judgement judgement = judge(report);
  const Tally all = outcome.all();
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("verdict", kVerdicts[static_cast<std::size_t>(judgement)])
      .field("exit", exit_code(judgement))
      .field("target", report.subject.target)
      .field("asked", report.subject.how)
      .field("closed_loop", outcome.closed_loop)
      .field("interrupted", outcome.interrupted);
  json.key("rate").begin_object().key("asked");
  if (report.subject.asked) {
    json.value(*report.subject.asked);
  } else {
    json.null();
  }
  json.field("sent", outcome.per_second(all.sent()))
      .field("answered", outcome.per_second(all.of(Ending::answered)));
  json.end_object()
      .field("sending_s", seconds(outcome.sending))
      .field("took_s", seconds(outcome.took));
  write_tally(json, all);
  json.key("routes").begin_array();
  for (std::size_t i = 0; i < outcome.routes.size(); ++i) {
    json.begin_object().field("name", report.subject.routes[i]);
    write_tally(json, outcome.routes[i]);
    json.end_object();
  }
  json.end_array().key("thresholds").begin_array();
  for (const Threshold& each : report.subject.thresholds) {
    const double value = found(each, outcome);
    json.begin_object().field("text", each.text).field("found", found_text(each, outcome));
    json.field("broken", each.holds(value)).end_object();
  }
  json.end_array()
      .key("generator")
      .begin_object()
      .field("fell_behind", outcome.generator.fell_behind())
      .field("out_of_cpu", outcome.is_out_of_cpu());
  write_times(json, "late_ms", outcome.generator.late);
  json.field("held", outcome.generator.held).field("cpu_share", outcome.cpu_share()).end_object();
  json.key("connections").begin_object().field("most", report.subject.connections);
  json.field("at_once", outcome.most_open)
      .field("opened", outcome.opened)
      .field("reopened", outcome.reopened);
  json.end_object().key("seconds").begin_array();
  for (const Second& each : outcome.seconds) {
    json.begin_object()
        .field("ended", each.ended)
        .field("errors", each.errors)
        .field("in_flight", each.in_flight);
    json.field("p50_ms", ms(each.p50))
        .field("p99_ms", ms(each.p99))
        .field("max_ms", ms(each.longest));
    json.field("behind_ms", ms(each.behind)).end_object();
  }
  json.end_array().key("notes").begin_array();
  for (const std::string& note : report.subject.notes) json.value(note);
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::load
