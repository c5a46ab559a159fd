#include "cmd/load_run.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "cmd/terminal.h"
#include "control/text.h"
#include "fmt/core.h"
#include "foreign/field_map.h"
#include "io/epoll_kernel.h"
#include "load/capacity.h"
#include "load/reach.h"
#include "load/replayed.h"
#include "load/report.h"
#include "load/runner.h"
#include "store/files.h"

namespace weir::cmd {
namespace {

constexpr rlim_t kSpareFiles = 64;
// Rates begin here and are doubled: a server is not met with its end.
constexpr double kFirstTrial = 50;
constexpr int kMostInVain = 3;

// The first of these ends the run with a report; they are taken when the runner asks, so no code of
// ours runs in a signal handler. From the second on they do what they always do.
class Interrupt {
 public:
  Interrupt() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  bool came() {
    const timespec none{};
    if (!came_ && ::sigtimedwait(&signals_, nullptr, &none) > 0) {
      came_ = true;
      pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    }
    return came_;
  }

 private:
  sigset_t signals_{};
  bool came_ = false;
};

// One line of standard error, drawn anew each second; on a terminal alone.
class Live {
 public:
  explicit Live(bool wanted) : on_(wanted && ::isatty(STDERR_FILENO) != 0 && is_lively()) {}
  ~Live() { clear(); }
  void show(const load::Second& second, Nanos since, std::string_view what) {
    if (!on_) return;
    const auto ms = [](Nanos time) {
      return control::milliseconds_text(static_cast<double>(time.count()) / 1e6);
    };
    fmt::print(stderr, "\r{}{}   {}   p50 {}   p99 {}   {} errors   {} in flight{}\x1b[K",
               control::span_text(static_cast<double>(since.count()) / 1e9), what,
               control::rate_text(second.ended), ms(second.p50), ms(second.p99), second.errors,
               second.in_flight,
               second.behind > std::chrono::milliseconds(100) ? "   behind " + ms(second.behind)
                                                              : std::string());
    std::fflush(stderr);
    drawn_ = true;
  }
  void clear() {
    if (std::exchange(drawn_, false)) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  bool on_, drawn_ = false;
};

Result<> make_room(std::size_t connections) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = connections + kSpareFiles;
  if (limit.rlim_cur >= wanted) return {};
  if (limit.rlim_max < wanted) {
    return fail(ErrorKind::full,
                fmt::format("{} connections need more open files than the {} allowed: ulimit -n, "
                            "or fewer --connections",
                            connections, limit.rlim_max),
                Origin::system);
  }
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return {};
}

class Load {
 public:
  Load(const LoadOptions& options, load::Job job)
      : options_(options),
        job_(std::move(job)),
        loop_(kernel_),
        live_(options.output == Output::text) {
    ::signal(SIGPIPE, SIG_IGN);
    // Sleeps end when they should: the usual slack of 50 µs would be a part of every latency.
    ::prctl(PR_SET_TIMERSLACK, 1);
  }

  int run() {
    if (auto room = make_room(job_.connections); !room) return failed(room.error());
    auto address = load::reach(loop_, job_.target, options_.anywhere);
    if (!address)
      return failed(address.error(),
                    address.error().kind == ErrorKind::permission ? kUsage : kUnreachable);
    address_ = *address;
    if (!job_.goals.empty()) return find_capacity();
    if (!options_.logs.empty()) return replay_logs();
    if (!options_.recordings.empty()) return replay_recording();
    load::Mix mix = job_.mix();
    return tell(measure(mix, job_.requests.size(), job_.length, ""), {});
  }

 private:
  load::Outcome measure(load::Source& source, std::size_t routes, Nanos planned, std::string what) {
    load::Runner runner(
        loop_, source,
        {.address = address_,
         .routes = routes,
         .connections = job_.connections,
         .timeout = job_.timeout,
         .closed_loop = job_.closed_loop,
         .planned = planned,
         .interrupted = [this] { return interrupt_.came(); },
         .each_second = [this, what](const load::Second& second,
                                     Nanos since) { live_.show(second, since, what); }});
    load::Outcome outcome = runner.run();
    live_.clear();
    return outcome;
  }

  int tell(load::Outcome outcome, std::vector<std::string> notes) {
    load::Report report{.subject = {.target = options_.words.url,
                                    .how = job_.how,
                                    .asked = std::nullopt,
                                    .connections = job_.connections,
                                    .routes = {},
                                    .thresholds = job_.thresholds,
                                    .notes = std::move(notes)},
                        .outcome = std::move(outcome)};
    if (job_.profile)
      report.subject.asked = job_.profile->calls() * 1e9 / static_cast<double>(job_.length.count());
    if (report.outcome.routes.size() == job_.requests.size()) {
      for (const load::Request& each : job_.requests) report.subject.routes.push_back(each.name);
    } else {
      report.subject.routes = {"replayed"};
    }
    if (!options_.html.empty()) {
      if (auto written = store::write_file(options_.html, load::report_html(report), 0644);
          !written)
        return failed(written.error());
    }
    print(options_.output == Output::json ? load::report_json(report)
                                          : load::report_text(report, next_command(report)));
    return load::exit_code(load::judge(report));
  }

  std::string next_command(const load::Report& report) const {
    if (report.outcome.closed_loop) return "next: weir load … --rate 1000/s";
    return "next: weir load … --find-capacity 'p99 < 100ms'";
  }

  int replay_logs() {
    foreign::FormatOptions reading;
    for (const std::string& field : options_.fields) {
      auto map = foreign::parse_field_map(field);
      if (!map) return failed(map.error(), kUsage);
      reading.fields.push_back(std::move(*map));
    }
    auto logs = control::PlanLogs::open({.paths = options_.logs,
                                         .format = options_.log_format,
                                         .reading = reading,
                                         .progress = {}});
    if (!logs) return failed(logs.error());
    load::LogCalls calls(std::move(*logs), replay_options());
    load::Outcome outcome = measure(calls, 1, Nanos(0), "");
    auto notes = calls.logs().notes();
    if (const std::uint64_t skipped = calls.logs().report().skipped_lines(); skipped > 0)
      notes.push_back(fmt::format("{} could not be read", control::counted(skipped, "line")));
    return tell(std::move(outcome), with_count(calls.count(), std::move(notes)));
  }

  int replay_recording() {
    auto input = control::RecordingInput::open(options_.recordings);
    if (!input) return failed(input.error());
    load::RecordedCalls calls(std::move(*input), job_.schedule.seed, replay_options());
    load::Outcome outcome = measure(calls, 1, Nanos(0), "");
    return tell(std::move(outcome), with_count(calls.count(), calls.input().left_out()));
  }

  load::ReplayOptions replay_options() const {
    return {.speed = job_.speed,
            .most = job_.length,
            .host = job_.host,
            .authority = job_.target.authority,
            .fields = job_.fields,
            .caller_field = job_.callers.field,
            .all_methods = options_.all_methods};
  }

  static std::vector<std::string> with_count(const load::ReplayCount& count,
                                             std::vector<std::string> notes) {
    if (count.unsafe > 0) {
      notes.push_back(
          fmt::format("{} left out for a method that changes something: --all-methods sends them, "
                      "without bodies",
                      control::counted(count.unsafe, "request")));
    }
    if (count.unsendable > 0)
      notes.push_back(fmt::format("{} without a method or path that can be sent",
                                  control::counted(count.unsendable, "request")));
    return notes;
  }

  int find_capacity() {
    load::CapacityReport report{
        .target = options_.words.url, .goals = options_.words.find_capacity, .routes = {}};
    for (std::size_t route = 0; route < job_.requests.size() && !report.interrupted; ++route) {
      report.routes.push_back(
          {.route = job_.requests[route].name, .trials = {}, .holds = {}, .fails = {}});
      load::Capacity& each = report.routes.back();
      search(route, each);
      report.interrupted = !each.done && !each.by_generator;
    }
    live_.clear();
    print(options_.output == Output::json ? load::capacity_json(report)
                                          : load::capacity_text(report));
    return load::exit_code(report);
  }

  // Until it is done, or interrupted. A trial that this machine could not send in time says
  // nothing, and is made again some times.
  void search(std::size_t route, load::Capacity& into) {
    load::Search search({.start = kFirstTrial});
    for (int in_vain = 0; const auto rate = search.next();) {
      load::Mix calls = job_.trial(route, *rate);
      const load::Outcome outcome =
          measure(calls, 1, job_.length, fmt::format("   trial at {}", control::rate_text(*rate)));
      if (outcome.interrupted) return;
      const load::Trial trial =
          into.trials.emplace_back(load::judge_trial(*rate, job_.goals, outcome));
      if (!trial.is_void) {
        search.judge(trial.held);
        into.holds = search.holds();
        into.fails = search.fails();
        in_vain = 0;
      } else if (++in_vain == kMostInVain) {
        into.by_generator = true;
        return;
      }
    }
    into.done = true;
  }

  const LoadOptions& options_;
  load::Job job_;
  io::EpollKernel kernel_;
  io::Loop loop_;
  Interrupt interrupt_;
  Live live_;
  SocketAddress address_;
};

}  // namespace

int run_load(const LoadOptions& options, load::Job job) {
  return Load(options, std::move(job)).run();
}

}  // namespace weir::cmd
