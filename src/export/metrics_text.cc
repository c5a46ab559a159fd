#include "export/metrics_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

#include "fmt/core.h"
#include "http/violation.h"

namespace weir::exporting {
namespace {

// The boundaries are edges of Histogram, so every bucket is exact. Written alike in both formats, or a change of format
// would begin new series; OpenMetrics wants floats.
struct Edge {
  Nanos value;
  std::string_view text;
};
constexpr std::array<Edge, 16> kEdges = {{
    {std::chrono::microseconds(100), "0.0001"}, {std::chrono::microseconds(250), "0.00025"},
    {std::chrono::microseconds(500), "0.0005"}, {std::chrono::milliseconds(1), "0.001"},
    {std::chrono::microseconds(2500), "0.0025"}, {std::chrono::milliseconds(5), "0.005"},
    {std::chrono::milliseconds(10), "0.01"}, {std::chrono::milliseconds(25), "0.025"},
    {std::chrono::milliseconds(50), "0.05"}, {std::chrono::milliseconds(100), "0.1"},
    {std::chrono::milliseconds(250), "0.25"}, {std::chrono::milliseconds(500), "0.5"},
    {std::chrono::seconds(1), "1.0"}, {std::chrono::milliseconds(2500), "2.5"},
    {std::chrono::seconds(5), "5.0"}, {std::chrono::seconds(10), "10.0"},
}};

constexpr std::array<std::string_view, 7> kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"};

struct Label {
  std::string_view name, value;
};

// Writes families one after the other, all samples of one together, as both formats demand.
class Page {
 public:
  explicit Page(MetricsFormat format) : format_(format) {}

  enum class Type : std::uint8_t { counter, gauge, histogram, info };

  // `name` as the samples have it: counters with _total, info with _info.
  void family(std::string_view name, Type type, std::string_view help) {
    name_ = name;
    const bool open = format_ == MetricsFormat::openmetrics;
    std::string_view base = name;
    if (open && type == Type::counter) base.remove_suffix(std::string_view("_total").size());
    if (open && type == Type::info) base.remove_suffix(std::string_view("_info").size());
    static constexpr std::array<std::string_view, 4> kTypes = {"counter", "gauge", "histogram", "info"};
    std::string_view type_name = kTypes[static_cast<std::size_t>(type)];
    if (!open && type == Type::info) type_name = "gauge";
    out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", base, help, base, type_name);
  }

  template <class Value>
  void sample(std::initializer_list<Label> labels, Value value) { line("", labels, value); }

  void histogram(std::initializer_list<Label> labels, const Histogram& histogram) {
    for (const Edge& edge : kEdges) line("_bucket", labels, histogram.at_most(edge.value), edge.text);
    line("_bucket", labels, histogram.count(), "+Inf");
    line("_sum", labels, static_cast<double>(histogram.sum().count()) / 1e9);
    line("_count", labels, histogram.count());
  }

  std::string finish() {
    if (format_ == MetricsFormat::openmetrics) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  template <class Value>
  void line(std::string_view suffix, std::initializer_list<Label> labels, Value value, std::string_view le = {}) {
    out_ += name_;
    out_ += suffix;
    char open = '{';
    for (const Label& label : labels) {
      out_ += open;
      open = ',';
      out_ += label.name;
      out_ += "=\"";
      escape(label.value);
      out_ += '"';
    }
    if (!le.empty()) {
      out_ += open;
      open = ',';
      out_ += "le=\"";
      out_ += le;
      out_ += '"';
    }
    if (open == ',') out_ += '}';
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value);
    out_ += ' ';
    out_.append(text.data(), end.ptr);
    out_ += '\n';
  }

  // Both formats: backslash, quote and line feed. Other control bytes cannot come from a configuration.
  void escape(std::string_view value) {
    for (const char c : value) {
      if (c == '\\' || c == '"') (out_ += '\\') += c;
      else if (c == '\n') out_ += "\\n";
      else out_ += c;
    }
  }

  MetricsFormat format_;
  std::string name_;
  std::string out_;
};

using Type = Page::Type;

class Renderer {
 public:
  Renderer(const MetricsSnapshot& snapshot, const MetricsContext& context, MetricsFormat format)
      : s_(snapshot), c_(context), page_(format) {}

  std::string render() {
    requests();
    upstreams();
    auth();
    shares();
    health();
    admission();
    own_load();
    limits();
    connections();
    records();
    about();
    process();
    return page_.finish();
  }

 private:
  std::string_view name(NameId id, bool overflow) const { return overflow ? "(other)" : c_.names.text(id); }

  void requests() {
    page_.family("weir_requests_total", Type::counter, "Exchanges finished, by what became of them.");
    for (const auto& r : s_.requests) {
      page_.sample({{"route", name(r.route, r.overflow)}, {"upstream", name(r.upstream, r.overflow)},
                    {"code_class", r.overflow ? "(other)" : kClasses[std::min<std::size_t>(r.code_class, 6)]},
                    {"cause", r.overflow ? "(other)" : info(r.cause).name}}, r.count);
    }
    page_.family("weir_request_seconds", Type::histogram, "Head complete until the exchange ended.");
    for (const auto& r : s_.routes) page_.histogram({{"route", name(r.route, r.overflow)}}, r.seconds);
    page_.family("weir_request_bytes_total", Type::counter, "Bytes of bodies received from clients.");
    page_.sample({}, s_.bytes_in);
    page_.family("weir_response_bytes_total", Type::counter, "Bytes of bodies sent to clients.");
    page_.sample({}, s_.bytes_out);
    page_.family("weir_violations_total", Type::counter, "Messages that broke HTTP, by what was wrong and by whom.");
    for (const auto& v : s_.violations) {
      const bool known = v.violation < static_cast<std::uint8_t>(http::Violation::count_);
      page_.sample({{"violation", known ? http::info(static_cast<http::Violation>(v.violation)).name : "(other)"},
                    {"side", to_string(v.side)}}, v.count);
    }
  }

  void upstreams() {
    page_.family("weir_upstream_seconds", Type::histogram, "Request head complete until the upstream's answer head.");
    for (const auto& u : s_.upstreams) page_.histogram({{"upstream", name(u.upstream, u.overflow)}}, u.seconds);
    page_.family("weir_upstream_connects_total", Type::counter, "Exchanges that needed a new connection.");
    for (const auto& u : s_.upstreams) page_.sample({{"upstream", name(u.upstream, u.overflow)}}, u.fresh);
    page_.family("weir_upstream_reuses_total", Type::counter, "Exchanges that went over a connection that was open already.");
    for (const auto& u : s_.upstreams) page_.sample({{"upstream", name(u.upstream, u.overflow)}}, u.reused);
    page_.family("weir_upstream_retries_total", Type::counter, "Attempts after the first one.");
    for (const auto& u : s_.upstreams) page_.sample({{"upstream", name(u.upstream, u.overflow)}}, u.retries);
    page_.family("weir_late_answers_total", Type::counter, "Timeouts after which the answer was still waited for, by what came.");
    for (const auto& l : s_.late) {
      page_.sample({{"upstream", name(l.upstream, l.overflow)}, {"result", l.overflow ? "(other)" : to_string(l.result)}}, l.count);
    }
    page_.family("weir_retry_amplification", Type::gauge,
                 "Attempts by first attempts of the last 60 s; no sample where nothing was sent.");
    for (const auto& u : c_.health) {
      if (u.amplification) page_.sample({{"upstream", name(u.upstream, false)}}, *u.amplification);
    }
    page_.family("weir_endpoint_requests_total", Type::counter, "Attempts by the endpoint that they went to.");
    for (const auto& e : s_.endpoints) {
      page_.sample({{"upstream", name(e.upstream, e.overflow)}, {"endpoint", name(e.endpoint, e.overflow)}}, e.count);
    }
  }

  void auth() {
    page_.family("weir_auth_requests_total", Type::counter, "What auth services said of requests; kept: said before, and not asked again.");
    for (const auto& a : s_.auth) {
      page_.sample({{"upstream", name(a.upstream, a.overflow)},
                    {"result", a.overflow ? "(other)" : to_string(a.result)},
                    {"kept", a.kept ? "true" : "false"}}, a.count);
    }
    page_.family("weir_auth_seconds", Type::histogram, "A call to an auth service, until its whole answer or until it was given up.");
    for (const auto& a : s_.auth_calls) page_.histogram({{"upstream", name(a.upstream, a.overflow)}}, a.seconds);
  }

  void shares() {
    page_.family("weir_upstream_share_ratio", Type::gauge,
                 "Share of its tier's attempts that the endpoint took in the last minute, by its share of weight: 1 is as configured.");
    for (const auto& s : c_.shares) page_.sample({{"upstream", name(s.upstream, false)}, {"endpoint", name(s.endpoint, false)}}, s.ratio);
    page_.family("weir_dns_lookups_total", Type::counter, "Names of endpoints that were asked about.");
    page_.sample({{"result", "ok"}}, c_.dns.answers);
    page_.sample({{"result", "failed"}}, c_.dns.failures);
    page_.family("weir_dns_names", Type::gauge, "Names that endpoints are given by.");
    page_.sample({}, c_.dns.names);
    page_.family("weir_dns_stale_names", Type::gauge, "Of these, those that do not resolve now: what they had before is kept.");
    page_.sample({}, c_.dns.stale);
  }

  void own_load() {
    if (c_.own[0].resource.empty()) return;
    page_.family("weir_overload_level", Type::gauge, "How far the gateway refuses for what it is short of itself: 0 not at all, 6 all.");
    for (const auto& o : c_.own) page_.sample({{"resource", o.resource}}, o.level);
    page_.family("weir_overload_share", Type::gauge, "Share of it that is taken.");
    for (const auto& o : c_.own) {
      if (o.resource != "loop") page_.sample({{"resource", o.resource}}, o.share);
    }
    page_.family("weir_loop_wait_seconds", Type::gauge, "How long a request waits for a worker, the slowest, as measured last.");
    page_.sample({}, c_.loop_wait_seconds);
  }

  void admission() {
    const auto sample = [&](std::string_view family, std::string_view help, const auto& value) {
      page_.family(family, Type::gauge, help);
      for (const auto& u : c_.health) {
        if (u.admits) page_.sample({{"upstream", name(u.upstream, false)}}, static_cast<std::uint64_t>(value(u)));
      }
    };
    sample("weir_upstream_in_flight", "Exchanges under way at an upstream with a breaker or an adaptive limit.", [](const auto& u) { return u.in_flight; });
    sample("weir_upstream_limit", "The adaptive limit on them; 0: none.", [](const auto& u) { return u.limit; });
    sample("weir_upstream_breaker", "0 closed, 1 half open, 2 open.", [](const auto& u) { return u.breaker; });
  }

  void health() {
    page_.family("weir_upstream_endpoints", Type::gauge, "Endpoints of the upstream with a weight.");
    for (const auto& u : c_.health) page_.sample({{"upstream", name(u.upstream, false)}}, u.endpoints);
    page_.family("weir_upstream_healthy_endpoints", Type::gauge, "Of these, those that neither a check nor their traffic speaks against.");
    for (const auto& u : c_.health) page_.sample({{"upstream", name(u.upstream, false)}}, u.healthy);
    page_.family("weir_upstream_panic", Type::gauge, "1 while so few endpoints are healthy that checks are not believed.");
    for (const auto& u : c_.health) page_.sample({{"upstream", name(u.upstream, false)}}, u.panics ? 1 : 0);
    page_.family("weir_health_probes_total", Type::counter, "Active health checks made.");
    for (const auto& u : c_.health) {
      page_.sample({{"upstream", name(u.upstream, false)}, {"result", "good"}}, u.probes_good);
      page_.sample({{"upstream", name(u.upstream, false)}, {"result", "bad"}}, u.probes_bad);
    }
    page_.family("weir_ejections_total", Type::counter, "Endpoints taken out because of their own traffic.");
    static constexpr std::array<std::string_view, 3> kReasons = {"consecutive", "ratio", "latency"};
    for (const auto& u : c_.health) {
      for (std::size_t i = 0; i < kReasons.size(); ++i) {
        page_.sample({{"upstream", name(u.upstream, false)}, {"reason", kReasons[i]}}, u.ejections[i]);
      }
    }
  }

  void limits() {
    page_.family("weir_limit_decisions_total", Type::counter, "What limits said to requests.");
    for (const auto& l : s_.limits) {
      page_.sample({{"limit", name(l.limit, l.overflow)}, {"verdict", l.verdict == LimitVerdict::passed ? "passed" : "refused"},
                    {"mode", l.mode == LimitMode::enforce ? "enforce" : "observe"}}, l.count);
    }
  }

  void connections() {
    page_.family("weir_connections", Type::gauge, "Client connections that are open.");
    for (const auto& l : s_.listeners) {
      page_.sample({{"listener", name(l.listener, l.overflow)}}, l.opened - std::min(l.opened, l.closed));
    }
    page_.family("weir_connection_events_total", Type::counter, "What happened to client connections.");
    for (const auto& l : s_.listeners) {
      const std::string_view listener = name(l.listener, l.overflow);
      page_.sample({{"listener", listener}, {"event", "opened"}}, l.opened);
      page_.sample({{"listener", listener}, {"event", "closed"}}, l.closed);
      page_.sample({{"listener", listener}, {"event", "refused"}}, l.refused);
      page_.sample({{"listener", listener}, {"event", "accept_failed"}}, l.failed);
    }
  }

  void records() {
    page_.family("weir_recorded_arrivals_total", Type::counter, "Arrivals handed to segment files.");
    page_.sample({}, c_.recorded_arrivals);
    page_.family("weir_recorded_bytes_total", Type::counter, "Bytes written to segment files.");
    page_.sample({}, c_.recorded_bytes);
    page_.family("weir_access_log_bytes_total", Type::counter, "Bytes written to the access log.");
    page_.sample({}, c_.log_bytes);
    page_.family("weir_records_dropped_total", Type::counter, "Records lost because no buffer was free or nothing could be written.");
    static constexpr std::array<std::string_view, 4> kWhat = {"log_line", "arrival", "shape", "flight"};
    for (std::size_t i = 0; i < kWhat.size(); ++i) page_.sample({{"what", kWhat[i]}}, s_.dropped[i]);
    page_.sample({{"what", "log_buffer"}}, c_.log_buffers_dropped);
    page_.sample({{"what", "record_buffer"}}, c_.record_buffers_dropped);
    page_.family("weir_recording_stopped", Type::gauge, "1 while the disk has too little room for recording.");
    page_.sample({}, c_.disk_low ? 1 : 0);
    const MetricsContext::Followed& followed = c_.followed;
    page_.family("weir_replay_judged_total", Type::counter, "Recorded verdicts that were decided again and compared.");
    page_.sample({}, followed.judged);
    page_.family("weir_replay_mismatch_total", Type::counter, "Of these, those that came out otherwise without an excuse.");
    page_.sample({}, followed.mismatches);
    page_.family("weir_replay_reordered_total", Type::counter,
                 "Of these, those that two workers charged to one limit within a millisecond in another order.");
    page_.sample({}, followed.reordered);
    page_.family("weir_replay_carried_over_total", Type::counter,
                 "Of these, those refused for admission: that is fed from the recording, not decided again.");
    page_.sample({}, followed.carried_over);
    page_.family("weir_replay_unjudged_total", Type::counter, "Recorded verdicts that could not be compared.");
    for (const auto& [why, count] : followed.unjudged) page_.sample({{"why", why}}, count);
    page_.family("weir_metric_series_overflow_total", Type::counter, "Observations counted as (other): the budget of series was spent.");
    page_.sample({}, s_.overflowed);
  }

  void about() {
    page_.family("weir_build_info", Type::info, "What is running.");
    page_.sample({{"version", c_.version}}, 1);
    page_.family("weir_revision_info", Type::info, "The revision of the configuration that is live.");
    page_.sample({{"revision", fmt::format("r{}", c_.revision)}, {"hash", c_.revision_hash}}, 1);
    page_.family("weir_revision_drift", Type::gauge, "1: the configuration's file is not what is live.");
    page_.sample({}, c_.drifts ? 1 : 0);
    page_.family("weir_apply_total", Type::counter, "Changes of the configuration, taken or refused, by HUP and by apply.");
    page_.sample({{"result", "ok"}}, c_.changes_applied);
    page_.sample({{"result", "refused"}}, c_.changes_refused);
    page_.family("weir_workers", Type::gauge, "Threads that carry traffic.");
    page_.sample({}, c_.workers);
  }

  void process() {
    const ProcessStats& p = c_.process;
    page_.family("process_cpu_seconds_total", Type::counter, "Processor time spent, user and system.");
    page_.sample({}, p.cpu_seconds);
    page_.family("process_resident_memory_bytes", Type::gauge, "Memory resident.");
    page_.sample({}, p.resident_bytes);
    page_.family("process_virtual_memory_bytes", Type::gauge, "Memory mapped.");
    page_.sample({}, p.virtual_bytes);
    page_.family("process_open_fds", Type::gauge, "Descriptors open.");
    page_.sample({}, p.open_fds);
    page_.family("process_max_fds", Type::gauge, "Descriptors allowed.");
    page_.sample({}, p.max_fds);
    page_.family("process_start_time_seconds", Type::gauge, "Start of the process since 1970.");
    page_.sample({}, p.start_time_seconds);
  }

  const MetricsSnapshot& s_;
  const MetricsContext& c_;
  Page page_;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

}  // namespace

MetricsFormat negotiate(std::string_view accept) {
  double open = 0, plain = 0;
  while (!accept.empty()) {
    std::string_view range = next_part(accept, ',');
    const std::string_view type = next_part(range, ';');
    double q = 1;
    bool version_fits = true;
    while (!range.empty()) {
      const std::string_view parameter = next_part(range, ';');
      if (parameter.starts_with("q=")) {
        const std::string_view number = parameter.substr(2);
        q = 0;
        std::from_chars(number.data(), number.data() + number.size(), q);
      }
      if (parameter.starts_with("version=")) version_fits = parameter == "version=1.0.0";
    }
    if (type == "application/openmetrics-text" && version_fits) open = std::max(open, q);
    if (type == "text/plain" || type == "text/*" || type == "*/*") plain = std::max(plain, q);
  }
  return open > 0 && open >= plain ? MetricsFormat::openmetrics : MetricsFormat::prometheus;
}

std::string_view content_type(MetricsFormat format) {
  return format == MetricsFormat::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                              : "text/plain; version=0.0.4; charset=utf-8";
}

std::string render_metrics(const MetricsSnapshot& snapshot, const MetricsContext& context, MetricsFormat format) {
  return Renderer(snapshot, context, format).render();
}

}  // namespace weir::exporting
