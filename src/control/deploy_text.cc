#include "control/deploy_text.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cctype>
#include <cmath>
#include <string_view>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

std::string share(double of) { return of == 0 ? "0 %" : percent_text(of); }

std::string measured(std::string_view signal, double number) {
  if (signal == "bad") return share(number);
  return signal == "latency" ? milliseconds_text(number) : rate_text(number);
}

std::string figures(const value& of) {
  if (number_at(of, "seconds") == 0) return "nothing was seen";
  std::string out = rate_text(number_at(of, "rate"));
  if (!of.at("bad_share").is_null()) out += ", bad " + share(number_at(of, "bad_share"));
  if (!of.at("p90_ms").is_null()) out += ", p90 " + milliseconds_text(number_at(of, "p90_ms"));
  return out;
}

std::string subject(const value& deploy) { return text_at(deploy, "subject") + " " + text_at(deploy, "version"); }

std::string harm_line(const value& harm) {
  const std::string signal = text_at(harm, "signal");
  const auto of = [&](std::string_view key) { return measured(signal, number_at(harm, key)); };
  return fmt::format("  {:<9} {} usual, at most {}, now {} for {} since {}\n", signal, of("usual"), of("highest"), of("now"),
                     span_text(number_at(harm, "lasted_s")), text_at(harm, "began_at"));
}

std::string_view lacks(std::string_view lack) {
  if (lack == "past") return "too little was seen before it was announced: nothing is usual that could be compared with";
  if (lack == "watch") return "the watch is too short for how rarely it is asked";
  if (lack == "silent") return "too little was seen since";
  if (lack == "undecided") return "more than before was seen, not long enough to be sure, or too little to exclude it";
  if (lack == "replaced") return "what was watched ended first";
  return "";
}

std::string figures_line(std::string_view of, const value& what) {
  return fmt::format("  {:<9} {}{}\n", of, figures(what), number_at(what, "seconds") > 0 ? ", over " + span_text(number_at(what, "seconds")) : "");
}

// Nothing where one version ran.
std::string arms_text(const value& arms) {
  if (arms.is_null() || number_at(arms.at("candidate"), "requests") == 0) return "";
  std::string out;
  for (const value& guard : arms.at("guards").as_array()) {
    const std::string name = text_at(guard, "guard");
    out += fmt::format("  {:<9} candidate {}, stable {}; evidence {}, harm from {}{}\n", name, share(number_at(guard, "candidate")), share(number_at(guard, "stable")),
                       grouped(static_cast<std::uint64_t>(number_at(guard, "evidence"))), grouped(static_cast<std::uint64_t>(number_at(arms, "harms_at"))),
                       name == "slow" ? " (beyond the p99 of stable)" : "");
  }
  for (const std::string_view arm : {"stable", "candidate"}) out += figures_line(arm, arms.at(arm));
  return out;
}

std::string as_text(const value& as) {
  const std::string lack(lacks(text_at(as, "lack")));
  std::string out = fmt::format("as {:<9} {}{}{}\n", text_at(as, "role"), text_at(as, "answer"), lack.empty() ? "" : ": ", lack);
  for (const value& harm : as.at("harms").as_array()) out += harm_line(harm);
  out += arms_text(as.at("arms"));
  if (text_at(as, "role") == "split") return out;
  for (const std::string_view when : {"before", "after"}) out += figures_line(when, as.at(when));
  return out;
}

// As a shell takes it.
std::string quoted(const std::string& name) {
  const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.'; });
  if (plain) return name;
  std::string out = "'";
  for (const char c : name) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The highest rate before of a caller that runs away; 0: none does.
double rate_before(const value& deploy) {
  for (const value& as : deploy.at("as").as_array()) {
    for (const value& harm : as.at("harms").as_array())
      if (text_at(harm, "signal") == "rate") return std::max(1.0, std::ceil(number_at(harm, "highest")));
  }
  return 0;
}

std::string next(const value& deploy) {
  const std::string name = text_at(deploy, "subject"), answer = text_at(deploy, "answer");
  if (answer == "healthy") return "";
  const std::string split = text_at(deploy, "split"), returned = text_at(deploy, "returned");
  if (answer == "harmed" && !split.empty()) {
    if (returned.empty()) return "its requests are being given back to the stable part.\nnext: weir override list\n";
    return fmt::format("its requests go to the stable part by override {}.\nnext: weir override remove {} once another version is there\n", returned, returned);
  }
  if (answer == "harmed") {
    std::string out = fmt::format("nothing was changed in the gateway.\nnext: return {} to what ran before {}", name, text_at(deploy, "version"));
    if (const double rate = rate_before(deploy); rate > 0)
      return out + fmt::format("; meanwhile:\n  weir override add cap caller {} {:.0f}/s --for 1h --reason 'runs away'\n", quoted(name), rate);
    return out + "; which endpoints: weir top --by endpoint\n";
  }
  if (answer == "under way") return "next: weir status says how it stands\n";
  if (deploy.at("as").as_array().empty()) return "no upstream has this name, and no caller of it was seen.\nnext: weir top --by caller, weir top --by edge\n";
  return fmt::format("next: weir change {} {} once it has been asked for some minutes, or with a longer --watch\n", quoted(name), quoted(text_at(deploy, "version")));
}

}  // namespace

namespace {

// What is said of a role in a few words.
std::string brief(const value& as) {
  const value& arms = as.at("arms");
  if (text_at(as, "role") != "split") return figures(as.at("after"));
  return arms.is_null() ? "nothing was compared" : fmt::format("candidate {}; stable {}", figures(arms.at("candidate")), figures(arms.at("stable")));
}

}  // namespace

std::string deploy_line(const value& deploy) {
  const double all = number_at(deploy, "watch_s"), gone = all - number_at(deploy, "left_s");
  std::string out = fmt::format("{}: {}, {} of {}", subject(deploy), text_at(deploy, "answer"), span_text(gone), span_text(all));
  for (const value& as : deploy.at("as").as_array()) out += fmt::format("; as {} {}", text_at(as, "role"), brief(as));
  return out;
}

std::string deploy_text(const value& deploy) {
  std::string answer = text_at(deploy, "answer");
  if (answer == "harmed") answer = "HARMED";
  std::string out = fmt::format("{}: {}   announced {}", subject(deploy), answer, text_at(deploy, "began_at"));
  if (const std::string author = text_at(deploy, "author"); !author.empty()) out += " by " + author;
  out += fmt::format(", watch {}\n", span_text(number_at(deploy, "watch_s")));
  for (const value& as : deploy.at("as").as_array()) out += as_text(as);
  return within_columns(out + next(deploy));
}

std::string deploys_text(const value& all) {
  const auto& changes = all.at("changes").as_array();
  if (changes.empty()) return "nothing was announced.\nnext: weir change SUBJECT VERSION\n";
  std::string out;
  for (const value& each : changes) {
    const std::string author = text_at(each, "author"), returned = text_at(each, "returned");
    out += fmt::format("{:>5}  {}  {:<15} {}{}{}\n", count_at(each, "id"), text_at(each, "began_at"), text_at(each, "answer"), subject(each),
                       author.empty() ? "" : " by " + author, returned.empty() ? "" : ", given back by " + returned);
  }
  return within_columns(out + "next: weir change show NUMBER\n");
}

}  // namespace weir::control
