// The history of changes that go through stages, and what a process that was killed between two of them leaves.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/temp_folder_for_tests.h"
#include "store/revisions.h"
#include "store/sqlite.h"

namespace weir::store {
namespace {

using State = Revision::State;
using Mark = Revisions::Mark;

WallTime at(std::int64_t second) { return wall_from_nanos(second * 1'000'000'000); }
Step step(std::int64_t second, std::string stage, std::string verdict = "passed") {
  return {.at = at(second), .stage = std::move(stage), .verdict = std::move(verdict), .text = "text", .json = "{}"};
}

class Stages : public testing::Test {
 protected:
  Revisions open(const std::string& path) {
    auto opened = Revisions::open(path, Revisions::Mode::write);
    EXPECT_TRUE(opened) << to_string(opened.error());
    return std::move(*opened);
  }
  static Revision row(const std::string& text, std::int64_t second) {
    return {.hash = "hash of " + text, .directory = "/etc", .at = at(second), .author = "ops", .reason = "why"};
  }
  static std::uint32_t live(Revisions& revisions, const std::string& text, std::int64_t second) {
    return revisions.go_live(row(text, second), {{.name = "gateway.yaml", .text = text}}).value();
  }
  static std::uint32_t propose(Revisions& revisions, const std::string& text, std::int64_t second) {
    return revisions.propose(row(text, second), {{.name = "gateway.yaml", .text = text}}).value();
  }
  static State state(Revisions& revisions, std::uint32_t number) { return revisions.find(number).value().value().state; }

  const TempFolder folder_;
  const std::string root_ = folder_.path(), path_ = root_ + "/revisions.db";
};

TEST_F(Stages, TellsWhatWasTakenBackLast) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  EXPECT_FALSE(*revisions.taken_back());
  live(revisions, "two", 20);
  ASSERT_TRUE(revisions.take_back(1, at(30), "weir", "harm"));
  live(revisions, "three", 40);
  ASSERT_TRUE(revisions.take_back(1, at(50), "ops", "why"));
  EXPECT_EQ(open(path_).taken_back()->value().number, 3u);
  EXPECT_EQ(open(path_).taken_back()->value().ended_at, at(50));
}

TEST_F(Stages, ACandidateGoesLiveAndSettlesStepByStep) {
  Revisions revisions = open(path_);
  ASSERT_EQ(live(revisions, "one", 10), 1u);
  Revision two = row("two", 20);
  two.forced = two.protect = two.person = true;
  ASSERT_EQ(revisions.propose(two, {{.name = "gateway.yaml", .text = "two"}}).value(), 2u);
  EXPECT_EQ(revisions.live().value()->number, 1u);
  EXPECT_EQ(state(revisions, 2), State::candidate);
  ASSERT_TRUE(revisions.add_step(2, step(21, "plan")));
  ASSERT_TRUE(revisions.add_step(2, step(22, "shadow")));
  ASSERT_TRUE(revisions.make_live(2, step(23, "live")));
  EXPECT_EQ(revisions.live().value()->number, 2u);
  EXPECT_EQ(state(revisions, 1), State::replaced);
  EXPECT_EQ(revisions.find(1).value()->ended_at, at(23));
  EXPECT_EQ(revisions.find(2).value()->settled_at, WallTime());
  ASSERT_TRUE(revisions.settle(2, step(24, "watch")));
  const Revision settled = open(path_).find(2).value().value();
  EXPECT_EQ(settled.settled_at, at(24));
  EXPECT_TRUE(settled.forced && settled.protect && settled.person);
  const auto steps = revisions.steps(2).value();
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_EQ(steps[0].stage + steps[1].stage + steps[2].stage + steps[3].stage, "planshadowlivewatch");
  EXPECT_EQ(steps[1].at, at(22));
  EXPECT_EQ(steps[1].text + steps[1].json, "text{}");
}

TEST_F(Stages, WhatIsNotInAStateDoesNotLeaveIt) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  EXPECT_EQ(revisions.make_live(1, step(11, "live")).error().kind, ErrorKind::not_found);   // it is no candidate
  EXPECT_EQ(state(revisions, 1), State::live) << "nothing of a step that failed is kept";
  EXPECT_TRUE(revisions.steps(1).value().empty());
  EXPECT_EQ(revisions.stop(1, Mark::yes, step(11, "shadow"), "weir", "harm").error().kind, ErrorKind::not_found);
  propose(revisions, "two", 20);
  EXPECT_EQ(revisions.settle(2, step(21, "watch")).error().kind, ErrorKind::not_found);
}

TEST_F(Stages, RefusedMarksTheTextStoppedDoesNot) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  ASSERT_TRUE(revisions.stop(propose(revisions, "two", 20), Mark::yes, step(21, "shadow", "failed"), "weir", "31 callers refused"));
  const Revision refused = revisions.marked("hash of two").value().value();
  EXPECT_EQ(refused.number, 2u);
  EXPECT_EQ(refused.state, State::refused);
  EXPECT_EQ(refused.ended_by + ": " + refused.ended_reason, "weir: 31 callers refused");
  // Another try that comes to nothing leaves the mark, one that goes live takes it away.
  ASSERT_TRUE(revisions.stop(propose(revisions, "two", 30), Mark::no, step(31, "shadow", "ended"), "weir", "not enough data"));
  EXPECT_EQ(revisions.of_hash("hash of two").value()->state, State::stopped);
  EXPECT_EQ(revisions.marked("hash of two").value()->number, 2u);
  ASSERT_TRUE(revisions.make_live(propose(revisions, "two", 40), step(41, "live")));
  EXPECT_FALSE(revisions.marked("hash of two").value());
  ASSERT_TRUE(revisions.take_back(1, at(50), "weir", "harm", step(50, "watch", "failed")));
  EXPECT_EQ(revisions.marked("hash of two").value()->number, 4u);
  EXPECT_EQ(revisions.steps(4).value().back().verdict, "failed");
  EXPECT_FALSE(revisions.marked("hash of one").value());
}

TEST_F(Stages, ATextThatIsPresentedAgainAndAgainIsANumberAndNotRows) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  const std::uint32_t refused = propose(revisions, "two", 20);
  ASSERT_TRUE(revisions.stop(refused, Mark::yes, step(21, "shadow", "failed"), "weir", "harm"));
  for (std::int64_t second = 30; second < 330; second += 10) ASSERT_TRUE(revisions.presented(refused, at(second)));
  const Revision row = revisions.find(refused).value().value();
  EXPECT_EQ(row.presented, 30u);
  EXPECT_EQ(row.presented_at, at(320));
  EXPECT_EQ(revisions.list(0, 10).value().size(), 2u);
}

TEST_F(Stages, ARollbackLeadsToWhatSettledBeforeWhatWasOnlyLive) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  ASSERT_TRUE(revisions.settle(1, step(11, "watch")));
  live(revisions, "two", 20);
  live(revisions, "three", 30);
  EXPECT_EQ(revisions.before(3).value()->number, 1u);
  live(revisions, "four", 40);
  ASSERT_TRUE(revisions.settle(4, step(41, "watch")));
  live(revisions, "five", 50);
  EXPECT_EQ(revisions.before(5).value()->number, 4u);
}

TEST_F(Stages, WhereNothingSettledItLeadsToTheOneBefore) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  live(revisions, "two", 20);
  live(revisions, "three", 30);
  EXPECT_EQ(revisions.before(3).value()->number, 2u);
}

TEST_F(Stages, OneCandidateAtATime) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  propose(revisions, "two", 20);
  propose(revisions, "three", 30);
  EXPECT_EQ(state(revisions, 2), State::stopped);
  EXPECT_EQ(state(revisions, 3), State::candidate);
}

TEST_F(Stages, StepsAreBounded) {
  Revisions revisions = open(path_);
  live(revisions, "one", 10);
  for (int i = 0; i < 120; ++i) ASSERT_TRUE(revisions.add_step(1, step(i, std::to_string(i))));
  const auto steps = revisions.steps(1).value();
  ASSERT_EQ(steps.size(), Revisions::kMostSteps);
  EXPECT_EQ(steps.front().stage, "20");
  EXPECT_EQ(steps.back().stage, "119");
  EXPECT_EQ(revisions.add_step(1, {.at = at(1), .stage = "x", .verdict = "", .text = std::string(Revisions::kMaxStep + 1, ' '), .json = ""}).error().kind,
            ErrorKind::too_large);
}

// Version 1 as it was written: its schema, and three rows.
TEST_F(Stages, AFileWithoutStagesBecomesOneWithThem) {
  {
    auto database = Database::open(path_, Database::Mode::write, 1000).value();
    ASSERT_TRUE(database.run(
        "CREATE TABLE texts(hash BLOB NOT NULL, place INTEGER NOT NULL, name BLOB NOT NULL, text BLOB NOT NULL, "
        "PRIMARY KEY(hash, place)) WITHOUT ROWID;"
        "CREATE TABLE revisions(number INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL, directory BLOB NOT NULL, "
        "state INTEGER NOT NULL, way INTEGER NOT NULL, before INTEGER NOT NULL, at INTEGER NOT NULL, author BLOB NOT NULL, "
        "reason BLOB NOT NULL, live_at INTEGER NOT NULL DEFAULT 0, ended_at INTEGER NOT NULL DEFAULT 0, ended_by BLOB NOT NULL DEFAULT '', "
        "ended_reason BLOB NOT NULL DEFAULT '');"
        "CREATE INDEX by_hash ON revisions(hash);"
        "PRAGMA application_id = 2003134835; PRAGMA user_version = 1;"
        "INSERT INTO texts VALUES(x'61', 0, x'66', x'6f6e65'), (x'62', 0, x'66', x'74776f'), (x'63', 0, x'66', x'33');"
        "INSERT INTO revisions VALUES(1, x'61', x'2f', 1, 0, 0, 10, x'', x'', 10, 20, '', ''), (2, x'62', x'2f', 2, 1, 1, 20, x'', x'', 20, 30, "
        "x'6f7073', x'62'), (3, x'63', x'2f', 0, 1, 1, 40, x'', x'', 40, 0, '', '');"));
  }
  EXPECT_FALSE(Revisions::open(path_, Revisions::Mode::read)) << "who only reads changes nothing";
  Revisions revisions = open(path_);
  const auto all = revisions.list(0, 10).value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].state, State::live);
  EXPECT_EQ(all[0].settled_at, wall_from_nanos(40));
  EXPECT_EQ(all[1].state, State::taken_back);
  EXPECT_EQ(all[1].settled_at, WallTime());
  EXPECT_EQ(all[1].ended_by, "ops");
  EXPECT_EQ(revisions.marked("b").value()->number, 2u);
  EXPECT_EQ(revisions.before(3).value()->number, 1u);
  EXPECT_EQ(revisions.files(1).value()[0].text, "one");
  EXPECT_EQ(propose(revisions, "four", 50), 4u);
  EXPECT_TRUE(revisions.add_step(4, step(51, "plan")));
  EXPECT_TRUE(Revisions::open(path_, Revisions::Mode::read));
}

TEST_F(Stages, KilledAfterAnyStepTheHistorySaysWhatIsLiveAndWhatWasInterrupted) {
  struct Made {
    std::string what;
    std::uint32_t live, settled_before, candidate;   // 0: none
  };
  Revisions revisions = open(path_);
  std::vector<std::pair<Made, std::function<Result<>()>>> all;
  const auto add = [&](Made made, std::function<Result<>()> run) { all.emplace_back(std::move(made), std::move(run)); };
  const auto number = [](const auto& result) { return result ? Result<>() : std::unexpected(result.error()); };
  add({"r1 boots", 1, 0, 0}, [&] { return number(revisions.go_live(row("one", 1), {{.name = "f", .text = "one"}})); });
  add({"r1 settles", 1, 1, 0}, [&] { return revisions.settle(1, step(2, "watch")); });
  add({"r2 comes", 1, 1, 2}, [&] { return number(revisions.propose(row("two", 3), {{.name = "f", .text = "two"}})); });
  add({"r2 planned", 1, 1, 2}, [&] { return revisions.add_step(2, step(4, "plan")); });
  add({"r2 in shadow", 1, 1, 2}, [&] { return revisions.add_step(2, step(5, "shadow")); });
  add({"r2 in canary", 1, 1, 2}, [&] { return revisions.add_step(2, step(6, "canary")); });
  add({"r2 live", 2, 1, 0}, [&] { return revisions.make_live(2, step(7, "live")); });
  add({"r2 taken back", 1, 1, 0}, [&] { return revisions.take_back(1, at(8), "weir", "harm", step(8, "watch", "failed")); });
  add({"r3 comes", 1, 1, 3}, [&] { return number(revisions.propose(row("three", 9), {{.name = "f", .text = "three"}})); });
  add({"r3 refused", 1, 1, 0}, [&] { return revisions.stop(3, Mark::yes, step(10, "shadow", "failed"), "weir", "harm"); });
  add({"r4 comes", 1, 1, 4}, [&] { return number(revisions.propose(row("four", 11), {{.name = "f", .text = "four"}})); });
  add({"r4 live", 4, 1, 0}, [&] { return revisions.make_live(4, step(12, "live")); });
  add({"r4 settles", 4, 4, 0}, [&] { return revisions.settle(4, step(13, "watch")); });

  for (const auto& [made, run] : all) {
    SCOPED_TRACE(made.what);
    ASSERT_TRUE(run());
    const std::string copy = root_ + "/killed.db";
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    Revisions found = open(copy);
    const auto interrupted = found.interrupt(at(100)).value();
    EXPECT_EQ(interrupted.value_or(0), made.candidate);
    EXPECT_EQ(found.live().value()->number, made.live);
    EXPECT_EQ(found.files(made.live).value().size(), 1u);
    for (const Revision& revision : found.list(0, 100).value()) {
      EXPECT_NE(revision.state, State::candidate);
      EXPECT_EQ(revision.state == State::live, revision.number == made.live);
      if (revision.settled_at != WallTime()) { EXPECT_LE(revision.number, made.settled_before); }
    }
    if (!interrupted) continue;
    EXPECT_EQ(found.find(*interrupted).value()->state, State::stopped);
    EXPECT_TRUE(found.find(*interrupted).value()->ended_reason.starts_with("interrupted")) << found.find(*interrupted).value()->ended_reason;
    EXPECT_EQ(found.steps(*interrupted).value().back().stage, "interrupted");
    EXPECT_FALSE(found.interrupt(at(101)).value()) << "once";
    EXPECT_FALSE(found.marked(found.find(*interrupted).value()->hash).value());
  }
}

// A process that changes without end, killed in the middle of whatever it does: a state never stands without its step.
TEST_F(Stages, KilledInTheMiddleOfAStepItIsDoneOrNotBegun) {
  {
    Revisions revisions = open(path_);
    live(revisions, "one", 1);
  }
  std::uint32_t seen = 0;
  for (int round = 0; round < 12; ++round) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      Revisions revisions = std::move(*Revisions::open(path_, Revisions::Mode::write));
      for (std::int64_t second = 10;; ++second) {
        const std::uint32_t number = propose(revisions, std::to_string(second % 7), second);
        (void)!::write(told[1], "x", 1);
        (void)revisions.add_step(number, step(second, "shadow"));
        if (second % 3 == 0) (void)revisions.stop(number, Mark::yes, step(second, "stopped"), "weir", "harm");
        else (void)revisions.make_live(number, step(second, "live"));
        if (second % 4 == 0) (void)revisions.take_back(1, at(second), "weir", "harm", step(second, "taken back"));
      }
    }
    ::close(told[1]);
    char byte = 0;
    for (int i = 0; i < 2 + round % 3; ++i) ASSERT_EQ(::read(told[0], &byte, 1), 1);
    ::close(told[0]);
    ::usleep(static_cast<useconds_t>(700 * round));   // somewhere in the next transactions
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);

    Revisions found = open(path_);
    int lives = 0, candidates = 0;
    for (const Revision& revision : found.list(0, 10'000).value()) {
      SCOPED_TRACE(revision.number);
      seen = std::max(seen, revision.number);
      lives += revision.state == State::live ? 1 : 0;
      candidates += revision.state == State::candidate ? 1 : 0;
      if (revision.number == 1) continue;
      std::string stages;
      for (const Step& each : found.steps(revision.number).value()) stages += each.stage + " ";
      const bool was_live = revision.state == State::live || revision.state == State::replaced || revision.state == State::taken_back;
      EXPECT_EQ(was_live, stages.find("live") != std::string::npos) << stages;
      EXPECT_EQ(revision.state == State::taken_back, stages.find("taken back") != std::string::npos) << stages;
      EXPECT_EQ(revision.state == State::refused, stages.find("stopped") != std::string::npos) << stages;
      EXPECT_EQ(found.files(revision.number).value().size(), 1u);
    }
    EXPECT_EQ(lives, 1);
    EXPECT_LE(candidates, 1);
    ASSERT_TRUE(found.interrupt(at(1000 + round)));
  }
  EXPECT_GE(seen, 1u + 2 * 12) << "something was under way each time";
}

}  // namespace
}  // namespace weir::store
