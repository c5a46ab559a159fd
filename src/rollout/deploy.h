// A deploy behind the gateway, judged by what is seen of its subject, an upstream or a caller: the seconds before it was announced
// against those after. Nothing is decided twice and nothing can be taken back, so all that there is to go by is time.
//
//   bad      share of the subject's exchanges that were bad
//   latency  until the head of the answer, p90 of each second
//   rate     requests a second, of a caller alone: those of an upstream are its callers' doing
//
// Each is looked at in stretches of equal length, as short as hold 20 requests before, and in tenfold ones, which see less of a rise
// and take longer. Harm is a run of stretches each of which is above the highest of all before, and clearly so:
//
//   bad      1.5 times the highest, and half a point and four exchanges more
//   latency  1.5 times, and 10 ms more
//   rate     3 times, and 5 a second more
//
// How long a run. If nothing has changed, any order of n stretches before and k after is as likely as any other, so the chance that
// just the k are the highest is 1 / C(n + k, k). k is the least for which that, times the runs that could begin in the watch, is at
// most 1 in 6,000 (six looks of which each has its part of 1 in 1,000); never below five stretches, nor below ten seconds or half of a
// shorter watch. Neighbouring seconds are alike, which this does not know; the factors are for that.
//
// Answers: harmed, as soon as there is a run; healthy, at the end, where bad could have been seen; else not enough data, and which.
// Bounds: ten minutes before. A rise that is smaller than the above, or comes and goes within a run, is not seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/outcomes.h"

namespace weir::rollout {

// What was seen of a subject in one second. Counts are weights of what was sampled.
struct SubjectSecond {
  float requests = 0, bad = 0;
  float timed = 0, p90_ms = 0;   // of those that were answered
};

// The newest ten minutes of a subject, by the second; a second is whole once a later one was told of.
class SubjectPast {
 public:
  static constexpr std::size_t kMost = 600;

  struct Exchange {
    bool bad = false;
    std::optional<Nanos> took;   // none: no answer
    double weight = 1;
  };
  void add(std::int64_t second, const Exchange& exchange);   // an earlier second counts with the newest
  void advance(std::int64_t second);
  // Whole ones, oldest first; the last is the one before `open()`. The first that was heard of is no whole one.
  const std::deque<SubjectSecond>& seconds() const { return seconds_; }
  std::int64_t open() const { return open_; }
  std::int64_t heard() const { return heard_; }              // the last second with an exchange

 private:
  std::deque<SubjectSecond> seconds_;
  SubjectSecond now_;
  LatencyCounts took_;
  std::int64_t open_ = 0, heard_ = 0;
  bool begun_ = false, partial_ = true;
};

enum class Role : std::uint8_t { upstream, caller, split };   // split: its two arms, against each other (two_arms.h)
enum class DeploySignal : std::uint8_t { bad, latency, rate };
enum class DeployAnswer : std::uint8_t { under_way, healthy, harmed, not_enough_data };
enum class Lack : std::uint8_t {
  none,
  past,        // nothing, or too little, was seen before
  watch,       // it is too short for the rate before
  silent,      // too little was seen since
  undecided,   // it ended within a run, or before harm could be ruled out
  replaced,    // what was watched ended first
};
std::string_view to_string(Role role);
std::string_view to_string(DeploySignal signal);
std::string_view to_string(DeployAnswer answer);
std::string_view to_string(Lack lack);

struct DeployFigures {
  double seconds = 0, requests = 0;
  std::optional<double> bad_share, p90_ms;
};

// Shares of 1, ms, or a second.
struct DeployHarm {
  DeploySignal signal = DeploySignal::bad;
  double usual = 0, highest = 0;   // before: of all, and of the highest stretch
  double now = 0;                  // of the run
  std::int64_t after = 0;          // s from the announcement until it began
  std::int64_t lasted = 0;         // s, when it was seen
};

struct DeployReading {
  DeployAnswer answer = DeployAnswer::under_way;
  Lack lack = Lack::none;          // not enough data
  DeployFigures before, after;
  std::vector<DeployHarm> harms;   // one of a signal
};

class Deploy {
 public:
  Deploy(Role role, std::span<const SubjectSecond> before, std::int64_t watch_s);

  void add(const SubjectSecond& second);   // the next one; not after the answer
  void skip(std::int64_t seconds);         // of which nothing is known, or nothing counts: they are neither for nor against
  DeployReading reading() const {
    return {.answer = answer_, .lack = lack_, .before = before_.figures(), .after = sum_.figures(), .harms = harms_};
  }
  DeployAnswer answer() const { return answer_; }
  std::int64_t gone() const { return at_; }   // s

  // All that it goes by, so that another process can go on with it. None: these numbers are of no Deploy.
  std::vector<double> state() const;
  static std::optional<Deploy> from(std::span<const double> state);

 private:
  struct Sum {
    double seconds = 0, requests = 0, bad = 0, timed = 0, slow = 0;   // slow: sum of p90 by timed
    void add(const SubjectSecond& second);
    std::optional<double> of(DeploySignal signal) const;                    // none: too few to say
    DeployFigures figures() const;
  };
  // One signal in stretches of one length.
  struct Look {
    DeploySignal signal = DeploySignal::bad;
    std::int64_t length = 1;       // s
    double usual = 0, highest = 0;
    std::int64_t seen = 0, needed = 0;   // stretches since, with a value; of a run, 0: nothing could be told
    std::int64_t run = 0, began = 0;
    Sum stretch, of_run;

    bool above(const Sum& sum, double value) const;
    void end_stretch(std::int64_t at);
  };
  Deploy() = default;
  static void walk(auto& of, auto&& each);   // every number of it, in one order
  void add_look(DeploySignal signal, std::int64_t length, std::span<const SubjectSecond> before);
  void end();

  std::int64_t watch_s_ = 0, at_ = 0;
  Sum before_, sum_;
  std::vector<Look> looks_;
  DeployAnswer answer_ = DeployAnswer::under_way;
  Lack lack_ = Lack::none;
  std::vector<DeployHarm> harms_;
};

// The least run that is no chance; none: none within `most` stretches is.
std::optional<std::int64_t> needed_run(std::int64_t before, std::int64_t most);

}  // namespace weir::rollout
