#include "control/plan_job.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "base/result.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

bool recorded_anything(const std::string& data_dir) {
  std::error_code unreadable;
  for (const fs::directory_entry& each : fs::directory_iterator(fs::path(data_dir) / "segments", unreadable)) {
    if (each.path().extension() == ".weirseg") return true;
  }
  return false;
}

rollout::Prediction prediction_of(const replay::PlanReport& report) {
  const std::uint64_t judged = report.requests.judged;
  const auto of = [&](const replay::Bounded& count) { return rollout::Predicted{.low = count.low, .high = count.high, .of = judged}; };
  rollout::Prediction out{.refused = of(report.requests.newly_refused), .allowed = of(report.requests.newly_allowed), .cut = {},
                          .callers = report.by_known() ? report.callers.known_newly_refused.high : report.callers.established_newly_refused.high};
  std::uint64_t cut = 0;
  for (const replay::PlanReport::TimeoutPart& timeout : report.timeouts) cut += timeout.cut;
  if (report.input.durations) out.cut = {.low = cut, .high = cut, .of = judged};
  return out;
}

rollout::PlanOutcome outcome_of(const replay::PlanReport& report) {
  using Answer = rollout::PlanOutcome::Answer;
  rollout::PlanOutcome out;
  switch (report.verdict) {
    case replay::PlanVerdict::harm: out.answer = Answer::harm; break;
    case replay::PlanVerdict::harmless: out.answer = Answer::harmless; break;
    default: out.answer = Answer::not_enough_data; break;
  }
  out.predicted = prediction_of(report);
  out.text = fmt::format("{} requests: ", grouped(report.requests.total));
  if (report.reasons.empty()) {
    out.text += fmt::format("{} known callers newly refused", grouped(report.callers.known_newly_refused.value));
  } else {
    for (std::size_t i = 0; i < report.reasons.size(); ++i) out.text += (i > 0 ? "; " : "") + report.reasons[i];
  }
  return out;
}

rollout::PlanOutcome plan(config::Input candidate, PlanQuestion::Over over, const std::string& data_dir, const std::atomic<bool>& given_up) {
  if (!recorded_anything(data_dir)) return {.answer = rollout::PlanOutcome::Answer::not_enough_data, .text = "nothing is recorded"};
  PlanQuestion question;
  question.file = candidate.files.empty() ? std::string() : candidate.files.front().name;
  question.input = std::move(candidate);
  question.over = std::move(over);
  question.recordings = {data_dir};
  question.directories = {data_dir};
  question.given_up = &given_up;
  const auto answer = run_plan(question);
  if (!answer) return {.answer = rollout::PlanOutcome::Answer::unavailable, .text = to_string(answer.error())};
  return outcome_of(answer->report);
}

}  // namespace

PlanJob::PlanJob(config::Input candidate, PlanQuestion::Over over, std::string data_dir, std::function<void(rollout::PlanOutcome)> done)
    : thread_([this, candidate = std::move(candidate), over = std::move(over), data_dir = std::move(data_dir), done = std::move(done)]() mutable {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 19);   // Linux keeps a nice value per thread
        rollout::PlanOutcome outcome = plan(std::move(candidate), std::move(over), data_dir, given_up_);
        if (!given_up_) done(std::move(outcome));
      }) {}

PlanJob::~PlanJob() {
  give_up();
  thread_.join();
}

}  // namespace weir::control
