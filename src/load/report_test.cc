// Reports: verdicts and exit codes, what may stand in them, and that they fit their lines.
#include "load/report.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "control/text.h"
#include "load/capacity.h"

namespace weir::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Report report() {
  Report made{.subject = {.target = "http://127.0.0.1/",
                          .how = "100/s for 1s",
                          .asked = 100,
                          .connections = 256,
                          .routes = {"/"},
                          .thresholds = {},
                          .notes = {}},
              .outcome = {}};
  made.outcome.routes.resize(1);
  made.outcome.sending = made.outcome.took = made.outcome.planned = seconds(1);
  for (int i = 0; i < 99; ++i)
    made.outcome.routes[0].answered(200, milliseconds(10), milliseconds(5), 2);
  made.outcome.routes[0].answered(503, milliseconds(40), milliseconds(5), 0);
  return made;
}

TEST(Report, says_done_with_its_pace) {
  const Report made = report();
  EXPECT_EQ(judge(made), Judgement::done);
  EXPECT_EQ(headline(made), "DONE   100 calls in 1 s, 100/s as asked");
  EXPECT_EQ(answers_text(made.outcome.routes[0]), "200 99   503 1");
}

TEST(Report, a_broken_threshold_comes_before_all_else_and_is_99) {
  Report made = report();
  made.subject.thresholds = *read_thresholds("errors > 0.5%, max > 1s");
  for (int i = 0; i < 100; ++i) made.outcome.generator.late.add(seconds(1));
  EXPECT_EQ(headline(made), "BROKEN   errors > 0.5% (1 %)");
  EXPECT_EQ(exit_code(judge(made)), 99);
}

TEST(Report, a_late_generator_voids_the_figures_and_is_4) {
  Report made = report();
  for (int i = 0; i < 98; ++i) made.outcome.generator.late.add(milliseconds(1));
  made.outcome.generator.late.add(milliseconds(6));
  made.outcome.generator.late.add(milliseconds(7));
  EXPECT_TRUE(headline(made).starts_with("LATE   calls went out up to 7.0 ms late"))
      << headline(made);
  EXPECT_EQ(exit_code(judge(made)), 4);
}

// All connections are busy, so that no call counts as late, and the core is full.
Outcome out_of_cpu() {
  Outcome made = report().outcome;
  made.generator.held = 1000;
  made.generator.cpu = milliseconds(990);
  return made;
}

TEST(Report, calls_that_waited_for_a_full_core_void_the_figures_too) {
  Report made = report();
  made.outcome = out_of_cpu();
  EXPECT_TRUE(headline(made).starts_with("LATE   out of processor time")) << headline(made);
  EXPECT_EQ(exit_code(judge(made)), 4);
  EXPECT_TRUE(generator_text(made.outcome).starts_with("OUT OF PROCESSOR TIME: "));
  EXPECT_NE(report_json(made).find("\"out_of_cpu\":true"), std::string::npos);

  Report idle = made;
  idle.outcome.generator.cpu = milliseconds(500);
  EXPECT_EQ(judge(idle), Judgement::done) << "the server's doing";
  Report kept_up = made;
  kept_up.outcome.generator.held = 0;
  EXPECT_EQ(judge(kept_up), Judgement::done) << "a full core that nothing waited for";
  Report closed = made;
  closed.outcome.closed_loop = true;
  EXPECT_EQ(judge(closed), Judgement::done) << "it asks as fast as it can, and says so";
}

TEST(Report, no_answer_at_all_is_1) {
  Report made = report();
  made.outcome.routes[0] = {};
  made.outcome.routes[0].failed(Ending::connect, milliseconds(1));
  EXPECT_EQ(headline(made), "NO ANSWER   to any of 1 call: connect failed 1");
  EXPECT_EQ(exit_code(judge(made)), 1);
}

TEST(Report, hostile_names_are_printable_and_lines_fit) {
  Report made = report();
  made.outcome.routes.resize(30);
  made.subject.routes.assign(30, "/\x1b[2J\x9b" + std::string(300, 'x'));
  made.subject.notes = {"a\x1b]0;b\x07\n"};
  made.subject.target = "http://127.0.0.1/\x1b[31m" + std::string(300, 'y');
  const std::string text = report_text(made, "next: weir");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(control::width(line), 100u) << line;
    EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
  }
  const std::string page = report_html(made);
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
}

TEST(Report, a_page_calls_ended_what_failed_as_well) {
  Report made = report();
  made.outcome.seconds = {{.ended = 10, .errors = 4}};
  const std::string page = report_html(made);
  EXPECT_NE(page.find("Calls ended a second"), std::string::npos);  // as Second::ended counts
  EXPECT_EQ(page.find("Answers a second"), std::string::npos);
}

TEST(Report, a_page_obeys_no_name) {
  Report made = report();
  made.subject.target = "http://a/<script>\"'&";
  const std::string page = report_html(made);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;&quot;&#39;&amp;"), std::string::npos);
}

TEST(Capacity, a_trial_holds_when_all_does) {
  const Outcome outcome = report().outcome;  // p50 10 ms, 1 % errors
  EXPECT_TRUE(judge_trial(100, *read_thresholds("p50 < 11ms"), outcome).held);
  EXPECT_FALSE(judge_trial(100, *read_thresholds("p50 < 9ms"), outcome).held);
  EXPECT_FALSE(judge_trial(100, *read_thresholds("p50 < 11ms, errors < 1%"), outcome).held);
  Outcome worse = outcome;
  worse.routes[0].answered(500, milliseconds(1), milliseconds(1), 0);
  EXPECT_FALSE(judge_trial(100, *read_thresholds("p50 < 11ms"), worse).held)
      << "more than 1 % errors";
  EXPECT_TRUE(judge_trial(100, *read_thresholds("p50 < 11ms, errors < 5%"), worse).held);
  Outcome behind = outcome;
  behind.routes[0].failed(Ending::unsent, milliseconds(1));
  EXPECT_FALSE(judge_trial(100, *read_thresholds("errors < 50%"), behind).held);
}

TEST(Capacity, a_trial_that_a_full_core_made_wait_says_nothing) {
  const auto goals = *read_thresholds("p50 < 9ms");
  EXPECT_FALSE(judge_trial(100, goals, report().outcome).is_void);
  EXPECT_TRUE(judge_trial(100, goals, out_of_cpu()).is_void);
}

TEST(Capacity, exit_codes_and_words_say_what_was_found) {
  const auto told = [](Capacity each) {
    each.route = "/";
    if (each.holds || each.fails || each.by_generator) each.trials = {{.rate = 50}};
    const CapacityReport report{
        .target = "t", .goals = "g", .routes = {each}, .interrupted = !each.done};
    const std::string text = capacity_text(report);
    return std::pair(exit_code(report),
                     text.substr(11, text.find_last_not_of(" /", text.find('\n') - 1) - 10));
  };
  using Told = std::pair<int, std::string>;
  EXPECT_EQ(told({.holds = 100, .fails = 104, .done = true}),
            Told(0, "100/s   (104/s did not hold)"));
  EXPECT_EQ(told({.holds = 100, .done = true}), Told(4, "at least 100/s"));
  EXPECT_EQ(told({.fails = 1, .done = true}), Told(99, "none: not even 1.0/s"));
  // This machine could not tell.
  EXPECT_EQ(told({.holds = 100, .by_generator = true}),
            Told(4, "at least 100/s: this machine sends no faster"));
  EXPECT_EQ(told({.holds = 100, .fails = 200, .by_generator = true}),
            Told(4, "at least 100/s: this machine sends no faster   (200/s did not hold)"));
  EXPECT_EQ(told({.fails = 50, .by_generator = true}),
            Told(4, "not known: this machine sends no faster   (50/s did not hold)"));
  EXPECT_EQ(told({.by_generator = true}), Told(4, "not known: this machine sends no faster"));
  // Cut short.
  EXPECT_EQ(told({.holds = 100}), Told(1, "at least 100/s: cut short"));
  EXPECT_EQ(told({.fails = 50}), Told(1, "not known: cut short   (50/s did not hold)"));
  EXPECT_EQ(told({}), Told(1, "not tried"));
}

}  // namespace
}  // namespace weir::load
