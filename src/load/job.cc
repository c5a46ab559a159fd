#include "load/job.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <utility>

#include "config/diagnostic.h"
#include "config/values.h"
#include "control/text.h"
#include "fmt/core.h"
#include "http/fields.h"

namespace weir::load {
namespace {

constexpr std::size_t kMostRequests = 64, kMostBody = 128 << 10, kMostHead = 64 << 10,
                      kMostSteps = 1000;
constexpr std::uint32_t kMostConnections = 20'000, kUsualConnections = 256, kUsualClosed = 64;

std::unexpected<Error> wrong(std::string_view option, std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("{}: {}", option, what), Origin::config);
}
template <class T>
Result<T> said(std::string_view option, config::Read<T> read) {
  if (read) return std::move(*read);
  return wrong(option, read.error().message + ": " + read.error().remedy);
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// 1000/s, 30/min, or a bare number a second.
Result<double> read_rate(std::string_view option, std::string_view text) {
  const std::string spelled =
      text.find('/') == std::string_view::npos ? std::string(text) + "/s" : std::string(text);
  const auto rate = said(option, config::read_rate(spelled));
  if (!rate) return std::unexpected(rate.error());
  return rate->per_second();
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// What frames a message or keeps its connection.
bool is_ours(std::string_view name) {
  static constexpr std::array kOurs = {http::FieldId::content_length,
                                       http::FieldId::transfer_encoding, http::FieldId::connection,
                                       http::FieldId::upgrade, http::FieldId::expect};
  return std::ranges::find(kOurs, http::field_id(name)) != kOurs.end();
}

Result<std::pair<std::string, std::string>> read_field(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    return wrong("--header",
                 fmt::format("{} has no colon: write 'Name: value'", config::quote(text)));
  auto name = said("--header", config::read_header_name(text.substr(0, colon)));
  if (!name) return std::unexpected(name.error());
  const std::size_t begin = text.find_first_not_of(' ', colon + 1);
  auto value =
      said("--header",
           config::read_header_value(begin == std::string_view::npos ? "" : text.substr(begin)));
  if (!value) return std::unexpected(value.error());
  if (is_ours(*name))
    return wrong("--header", fmt::format("{} is made by load itself: leave it out", *name));
  return std::pair(std::move(*name), std::move(*value));
}

class Reading {
 public:
  explicit Reading(const Words& words) : words_(words) {}

  Result<Job> read() {
    auto target = read_target(words_.url);
    if (!target) return std::unexpected(target.error());
    job_.target = std::move(*target);
    for (const auto step :
         {&Reading::fields, &Reading::requests, &Reading::callers, &Reading::sessions,
          &Reading::times, &Reading::pace, &Reading::judged}) {
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    }
    return std::move(job_);
  }

 private:
  Result<> fields() {
    if (words_.headers.size() > kMostRequests)
      return wrong("--header", fmt::format("{} at most", kMostRequests));
    for (const std::string& each : words_.headers) {
      auto field = read_field(each);
      if (!field) return std::unexpected(field.error());
      job_.fields.push_back(std::move(*field));
    }
    if (words_.host.empty()) return {};
    auto host = said("--host", config::read_header_value(words_.host));
    if (!host) return std::unexpected(host.error());
    job_.host = std::move(*host);
    return {};
  }

  Result<> requests() {
    if (words_.data.size() > kMostBody) return wrong("--data", "128 KiB at most");
    if (words_.routes.size() > kMostRequests)
      return wrong("--route", fmt::format("{} at most", kMostRequests));
    if (words_.routes.empty()) return add_request(words_.method, job_.target.path, 1, "");
    for (const std::string& each : words_.routes) {
      const std::size_t equals = each.rfind('='), blank = each.find(' ');
      const auto weight = equals == std::string::npos
                              ? std::nullopt
                              : number(std::string_view(each).substr(equals + 1));
      if (!weight || *weight <= 0 || *weight > 1e9) {
        return wrong("--route", fmt::format("{} has no weight: write '/path=3', or 'POST /path=1'",
                                            config::quote(each)));
      }
      const bool has_method = blank < equals;
      const std::string target =
          has_method ? each.substr(blank + 1, equals - blank - 1) : each.substr(0, equals);
      if (!is_sendable_target(target))
        return wrong("--route",
                     fmt::format("{} is no path to send: it begins with / and has no blanks",
                                 config::quote(target)));
      auto added = add_request(has_method ? each.substr(0, blank) : words_.method, target, *weight,
                               each.substr(0, equals));
      if (!added) return added;
    }
    return {};
  }

  Result<> add_request(const std::string& method, const std::string& target, double weight,
                       std::string name) {
    RequestParts parts{.method = !method.empty()       ? method
                                 : words_.data.empty() ? "GET"
                                                       : "POST",
                       .target = target,
                       .host = job_.host.empty() ? job_.target.authority : job_.host,
                       .fields = job_.fields,
                       .body = words_.data};
    auto checked = said("--method", config::read_method(parts.method));
    if (!checked) return std::unexpected(checked.error());
    if (parts.method == "CONNECT")
      return wrong("--method", "CONNECT makes a tunnel; load measures answers");
    std::string head = head_of(parts);
    if (head.size() > kMostHead) return wrong("--header", "a head has 64 KiB at most");
    job_.requests.push_back({.name = name.empty() ? target : std::move(name),
                             .head = std::move(head),
                             .body = words_.data,
                             .weight = weight,
                             .is_head = parts.method == "HEAD",
                             .is_safe = is_safe_method(parts.method)});
    return {};
  }

  Result<> callers() {
    Callers& callers = job_.callers;
    const bool any = words_.callers > 0 || !words_.caller_values.empty();
    callers.field =
        words_.caller_header.empty() ? (any ? "X-Forwarded-For" : "") : words_.caller_header;
    if (!callers.field.empty()) {
      const auto name = said("--caller-header", config::read_header_name(callers.field));
      if (!name) return std::unexpected(name.error());
      if (is_ours(*name) || http::field_id(*name) == http::FieldId::host)
        return wrong("--caller-header", fmt::format("{} cannot tell callers apart", *name));
    }
    if (!any) {
      if (words_.zipf != 0)
        return wrong("--zipf", "shares whom? say --callers N, or --caller-values FILE");
      if (!callers.field.empty() && !words_.is_replay)
        return wrong("--caller-header", "of whom? say --callers N, or --caller-values FILE");
      return {};
    }
    if (words_.is_replay)
      return wrong("--callers",
                   "a log or recording has its own callers: --caller-header NAME sends them");
    if (words_.callers > Pick::kMost)
      return wrong("--callers", fmt::format("{} at most", Pick::kMost));
    if (!(words_.zipf >= 0) || words_.zipf > 10)
      return wrong("--zipf", "an exponent from 0 (all alike) to 10");
    callers.values = words_.caller_values;
    callers.count = words_.callers > 0 ? words_.callers : callers.values.size();
    callers.zipf = words_.zipf;
    if (!callers.values.empty() && callers.count > callers.values.size()) {
      return wrong("--callers", fmt::format("{} are more than the {} lines of --caller-values",
                                            callers.count, callers.values.size()));
    }
    for (const std::string& value : callers.values) {
      const auto checked = said("--caller-values", config::read_header_value(value));
      if (!checked) return std::unexpected(checked.error());
    }
    if (callers.values.empty() && http::field_id(callers.field) != http::FieldId::x_forwarded_for) {
      for (std::size_t i = 0; i < callers.count; ++i)
        callers.values.push_back(fmt::format("caller-{}", i + 1));
    }
    return {};
  }

  Result<> sessions() {
    if (words_.session == 1) return {};
    if (!(words_.session > 1) || words_.session > 10'000)
      return wrong("--session", "calls of a session on average, above 1");
    const auto pause = said("--pause", config::read_duration(words_.pause));
    if (!pause) return std::unexpected(pause.error());
    job_.sessions = {.calls = words_.session, .pause = *pause};
    return {};
  }

  Result<> times() {
    const auto timeout = said("--timeout", config::read_duration(words_.timeout));
    if (!timeout) return std::unexpected(timeout.error());
    job_.timeout = *timeout;
    if (!words_.length.empty()) {
      const auto length = said("--for", config::read_duration(words_.length));
      if (!length) return std::unexpected(length.error());
      job_.length = *length;
    } else if (!words_.is_replay) {
      job_.length = std::chrono::seconds(words_.find_capacity.empty() ? 10 : 5);
    }
    if (!words_.is_replay) {  // a log ends by itself
      if (const auto fits = Profile::constant(kMostRate, job_.length); !fits)
        return wrong("--for", fits.error().context);
    }
    const auto speed =
        number(words_.speed.ends_with('x')
                   ? std::string_view(words_.speed).substr(0, words_.speed.size() - 1)
                   : std::string_view(words_.speed));
    if (!speed || *speed <= 0 || *speed > 1e6)
      return wrong("--speed", "how much faster than it was: 2, or 0.5");
    job_.speed = *speed;
    return {};
  }

  Result<> pace() {
    job_.schedule.seed = {.k0 = words_.seed, .k1 = 0x6c6f6164};  // "load"
    const bool is_open = !words_.rate.empty() || !words_.steps.empty();
    if (words_.is_replay) {
      if (is_open || !words_.ramp.empty())
        return wrong("--rate", "a log or recording says itself when: --speed 2 makes it faster");
      job_.how = fmt::format("as it came{}", job_.speed == 1
                                                 ? std::string()
                                                 : fmt::format(", {:g} times as fast", job_.speed));
    } else if (is_open) {
      if (auto done = open_loop(); !done) return done;
    } else if (words_.find_capacity.empty()) {
      if (!words_.ramp.empty()) return wrong("--ramp", "from where? say --rate too");
      if (job_.sessions.calls > 1 || words_.arrivals != "constant")
        return wrong("--rate",
                     "is missing: without it each connection asks when it has its answer");
      job_.closed_loop = true;
      job_.how = fmt::format("closed loop for {}", config::print_duration(job_.length));
    }
    if (auto done = arrivals_alone(); !done) return done;
    const std::uint32_t connections =
        words_.connections.value_or(job_.closed_loop ? kUsualClosed : kUsualConnections);
    if (connections < 1 || connections > kMostConnections)
      return wrong("--connections", fmt::format("1 to {}", kMostConnections));
    job_.connections = connections;
    return {};
  }

  // constant, poisson, pareto[:TAIL], on-off:ON,OFF
  Result<> arrivals_alone() {
    const std::string_view word = words_.arrivals;
    if (word == "constant" || word.starts_with("on-off:")) return {};
    if (word == "poisson") {
      job_.schedule.arrivals = Arrivals::poisson;
      return {};
    }
    if (word == "pareto" || word.starts_with("pareto:")) {
      const auto tail = word == "pareto" ? std::optional(1.5) : number(word.substr(7));
      if (!tail || *tail <= 1 || *tail > 100)
        return wrong("--arrivals", "the tail of pareto lies above 1, such as pareto:1.5");
      job_.schedule.arrivals = Arrivals::pareto;
      job_.schedule.tail = *tail;
      return {};
    }
    return wrong("--arrivals",
                 fmt::format("{} is not constant, poisson, pareto:1.5 or on-off:1s,4s",
                             config::quote(word)));
  }

  Result<> open_loop() {
    Result<Profile> profile = words_.steps.empty() ? over_time() : in_steps();
    if (!profile) return std::unexpected(profile.error());
    if (job_.sessions.calls > 1 && profile->calls() /
                                           static_cast<double>(profile->length().count()) *
                                           static_cast<double>(job_.sessions.pause.count()) >
                                       static_cast<double>(Sessions::kMost)) {
      return wrong("--session",
                   fmt::format("more than {} would be under way: a lower --rate or --pause",
                               Sessions::kMost));
    }
    job_.profile = std::move(*profile);
    job_.how += fmt::format("{} for {}", words_.arrivals == "constant" ? "" : " " + words_.arrivals,
                            config::print_duration(job_.length));
    if (job_.sessions.calls > 1)
      job_.how += fmt::format(", sessions of {:g} calls, {} apart", job_.sessions.calls,
                              config::print_duration(job_.sessions.pause));
    if (job_.callers.count > 0)
      job_.how += fmt::format(", {} callers, zipf {:g}", control::grouped(job_.callers.count),
                              job_.callers.zipf);
    return {};
  }

  Result<Profile> over_time() {
    const auto rate = read_rate("--rate", words_.rate);
    if (!rate) return std::unexpected(rate.error());
    job_.how = control::rate_text(*rate);
    if (words_.arrivals.starts_with("on-off:")) {
      const auto parts = split(std::string_view(words_.arrivals).substr(7), ',');
      if (parts.size() != 2 || !words_.ramp.empty())
        return wrong("--arrivals", "on-off takes two times and no ramp: on-off:1s,4s");
      const auto on = said("--arrivals", config::read_duration(parts[0]));
      const auto off = said("--arrivals", config::read_duration(parts[1]));
      if (!on) return std::unexpected(on.error());
      if (!off) return std::unexpected(off.error());
      return Profile::on_off(*rate, *on, *off, job_.length);
    }
    if (words_.ramp.empty()) return Profile::constant(*rate, job_.length);
    const auto to = read_rate("--ramp", words_.ramp);
    if (!to) return std::unexpected(to.error());
    job_.how += " → " + control::rate_text(*to);
    return Profile::of({{.length = job_.length, .from = *rate, .to = *to}});
  }

  Result<Profile> in_steps() {
    if (!words_.rate.empty() || !words_.ramp.empty())
      return wrong("--steps", "takes the place of --rate and --ramp");
    if (words_.arrivals.starts_with("on-off:")) return wrong("--steps", "does not go with on-off");
    std::vector<double> rates;
    for (const std::string_view each : split(words_.steps, ',')) {
      const auto rate = read_rate("--steps", each);
      if (!rate) return std::unexpected(rate.error());
      rates.push_back(*rate);
      if (rates.size() > kMostSteps) return wrong("--steps", fmt::format("{} at most", kMostSteps));
      job_.how += (job_.how.empty() ? "" : ", ") + control::rate_text(*rate);
    }
    return Profile::steps(rates, job_.length);
  }

  Result<> judged() {
    for (const std::string& each : words_.fail_if) {
      auto read = read_thresholds(each);
      if (!read) return wrap(read.error(), "--fail-if");
      job_.thresholds.insert(job_.thresholds.end(), read->begin(), read->end());
    }
    if (job_.thresholds.size() > Threshold::kMost)
      return wrong("--fail-if", fmt::format("{} at most", Threshold::kMost));
    if (words_.find_capacity.empty()) return {};
    if (words_.is_replay || !words_.steps.empty() || !words_.ramp.empty() ||
        words_.arrivals.starts_with("on-off:") || job_.sessions.calls > 1 ||
        !words_.fail_if.empty()) {
      return wrong("--find-capacity",
                   "chooses its own rates: not with --log, --recording, --ramp, --steps, on-off, "
                   "--session or --fail-if");
    }
    auto goals = read_thresholds(words_.find_capacity);
    if (!goals) return wrap(goals.error(), "--find-capacity");
    job_.goals = std::move(*goals);
    return {};
  }

  const Words& words_;
  Job job_;
};

}  // namespace

Mix Job::mix() const {
  // In a closed loop the answers say when: the source has only to be faster than any of them.
  return Mix(
      profile ? *profile : *Profile::constant(kMostRate, length),
      {.requests = requests, .callers = callers, .sessions = sessions, .schedule = schedule});
}

Mix Job::trial(std::size_t route, double rate) const {
  return Mix(
      *Profile::constant(rate, length),
      {.requests = {requests[route]}, .callers = callers, .sessions = {}, .schedule = schedule});
}

Result<Job> read_job(const Words& words) { return Reading(words).read(); }

}  // namespace weir::load
