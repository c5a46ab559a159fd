// A run as people and programs read it: a screen, JSON, an HTML page. Their numbers are the same.
// Texts of the subject may hold any bytes; what is made of them here is printable and, in HTML,
// escaped. The page loads nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "load/outcome.h"
#include "load/threshold.h"

namespace weir::load {

// What was asked for.
struct Subject {
  std::string target;                 // URL
  std::string how;                    // "1,000/s poisson for 10 s"
  std::optional<double> asked;        // calls a second; none: closed loop, or as a log says
  std::size_t connections = 0;        // at most
  std::vector<std::string> routes;    // by Outcome::routes
  std::vector<Threshold> thresholds;  // that must not hold
  std::vector<std::string> notes;     // what else a person should know
};

struct Report {
  Subject subject;
  Outcome outcome;
};

enum class Judgement : std::uint8_t {
  done,
  broken,          // a threshold holds that must not
  not_the_server,  // calls went out late, or waited for this machine: the figures are its own
  no_answer,       // not one
};
Judgement judge(const Report& report);
int exit_code(Judgement judgement);  // 0, 99, 4, 1

std::string report_text(const Report& report, std::string_view next_command);
std::string report_json(const Report& report);
std::string report_html(const Report& report);

// What the text and the page share.
std::string headline(const Report& report);
std::string answers_text(const Tally& tally);  // "200 9,990   503 10   timeout 2"
std::string generator_text(const Outcome& outcome);
std::string quantiles_text(const Times& times);  // "p50 0.31 ms   p90 …"
inline constexpr std::array<double, 5> kQuantiles = {0.5, 0.9, 0.99, 0.999, 0.9999};
std::string quantile_name(double q);  // p99.9
std::string_view to_string(Ending ending);

}  // namespace weir::load
