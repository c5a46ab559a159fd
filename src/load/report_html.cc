// A run as one page: its style is in it, its pictures are SVG, there is no script and nothing to
// load.
#include <algorithm>
#include <functional>

#include "config/diagnostic.h"
#include "control/text.h"
#include "fmt/core.h"
#include "load/report.h"

namespace weir::load {
namespace {

constexpr double kWidth = 880, kHeight = 120;
constexpr std::size_t kMostPoints = 880;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : config::printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string time_text(Nanos time) {
  return control::milliseconds_text(static_cast<double>(time.count()) / 1e6);
}

// One figure of every second as a line; of several seconds on one point the highest.
std::string picture(std::string_view title, const Outcome& outcome,
                    const std::function<double(const Second&)>& value,
                    const std::function<std::string(double)>& words) {
  const std::vector<Second>& seconds = outcome.seconds;
  const std::size_t count = std::min(seconds.size(), kMostPoints);
  if (count == 0) return "";
  std::vector<double> points(count);
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    double& point = points[i * count / seconds.size()];
    point = std::max(point, value(seconds[i]));
  }
  const double most = std::max(1e-9, *std::ranges::max_element(points));
  std::string line;
  for (std::size_t i = 0; i < count; ++i) {
    const double x =
        count == 1 ? 0 : kWidth * static_cast<double>(i) / static_cast<double>(count - 1);
    line += fmt::format("{:.1f},{:.1f} ", x, kHeight - kHeight * points[i] / most);
  }
  if (count == 1)
    line += fmt::format("{:.1f},{:.1f}", kWidth, kHeight - kHeight * points[0] / most);
  return fmt::format(
      "<h2>{} <small>at most {}</small></h2>\n<svg viewBox=\"0 -2 {:.0f} {:.0f}\" role=\"img\">"
      "<polyline points=\"{}\"/></svg>\n",
      title, words(most), kWidth, kHeight + 4, line);
}

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escaped(name), escaped(value));
}

std::string quantile_table(const Outcome& outcome, const Tally& all) {
  std::string text = "<table><tr><th></th><th>latency</th><th>service</th></tr>\n";
  const auto line = [&](std::string_view name, Nanos latency, Nanos service) {
    text += fmt::format("<tr><th>{}</th><td>{}</td><td>{}</td></tr>\n", name, time_text(latency),
                        time_text(service));
  };
  for (const double q : kQuantiles)
    line(quantile_name(q), all.latency.quantile(q), all.service.quantile(q));
  line("max", all.latency.longest, all.service.longest);
  line("mean", all.latency.mean(), all.service.mean());
  return text + "</table>\n<p>" +
         (outcome.closed_loop
              ? "Closed loop: a stalled server is asked less, so its stalls hardly show."
              : "Latency counts from when a call was due, service from when it was sent.") +
         "</p>\n";
}

std::string route_table(const Report& report) {
  std::string text =
      "<table><tr><th>route</th><th>calls</th><th>p50</th><th>p99</th><th>max</th><th>errors</th></"
      "tr>\n";
  for (std::size_t i = 0; i < report.outcome.routes.size(); ++i) {
    const Tally& each = report.outcome.routes[i];
    text += fmt::format(
        "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.3g} %</td></tr>\n",
        escaped(report.subject.routes[i]), control::grouped(each.calls),
        time_text(each.latency.quantile(0.5)), time_text(each.latency.quantile(0.99)),
        time_text(each.latency.longest), each.error_share() * 100);
  }
  return text + "</table>\n";
}

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 "
    "1em;color:#222;background:#fff}"
    "h1{font-size:1.3em}h2{font-size:1em;margin:1.5em 0 .3em}small{color:#666;font-weight:normal}"
    "table{border-collapse:collapse;margin:.5em 0}th,td{padding:.2em "
    ".8em;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child{text-align:left}svg{width:100%;background:#f6f6f4}polyline{fill:none;stroke:#"
    "246;stroke-width:1.5}"
    ".broken{color:#a00;font-weight:bold}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}svg{background:#222}"
    "polyline{stroke:#8bf}"
    "th,td{border-color:#444}.broken{color:#f77}}";

}  // namespace

std::string report_html(const Report& report) {
  const Outcome& outcome = report.outcome;
  const Tally all = outcome.all();
  const bool fine = judge(report) == Judgement::done;
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>weir load "
      "{0}</title>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n"
      "<style>{1}</style></head><body>\n<h1>{0}</h1>\n<p{2}>{3}</p>\n",
      escaped(report.subject.target), kStyle, fine ? "" : " class=\"broken\"",
      escaped(headline(report)));
  page += "<table>\n" + row("asked", report.subject.how) +
          row("sent", control::rate_text(outcome.per_second(all.sent()))) +
          row("answers", answers_text(all)) +
          row("errors", fmt::format("{:.3g} %", all.error_share() * 100)) +
          row("generator", generator_text(outcome));
  for (const Threshold& each : report.subject.thresholds) {
    const bool broken = each.holds(found(each, outcome));
    page += row("fail if " + each.text, found_text(each, outcome) + (broken ? " BROKEN" : ""));
  }
  for (const std::string& note : report.subject.notes) page += row("note", note);
  page += "</table>\n" + quantile_table(outcome, all);
  if (outcome.routes.size() > 1) page += route_table(report);
  page += picture(
      "Calls ended a second", outcome, [](const Second& s) { return static_cast<double>(s.ended); },
      [](double value) { return control::rate_text(value); });
  page += picture(
      "Latency, p99 of each second", outcome,
      [](const Second& s) { return static_cast<double>(s.p99.count()) / 1e6; },
      [](double value) { return control::milliseconds_text(value); });
  page += picture(
      "Errors a second", outcome, [](const Second& s) { return static_cast<double>(s.errors); },
      [](double value) { return value < 1 ? std::string("0/s") : control::rate_text(value); });
  return page + "</body></html>\n";
}

}  // namespace weir::load
