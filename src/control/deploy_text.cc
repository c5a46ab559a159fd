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
  if (lack == "undecided") return "the watch ended while more than before was seen, not long enough to be sure";
  return "";
}

std::string as_text(const value& as) {
  const std::string lack(lacks(text_at(as, "lack")));
  std::string out = fmt::format("as {:<9} {}{}{}\n", text_at(as, "role"), text_at(as, "answer"), lack.empty() ? "" : ": ", lack);
  for (const value& harm : as.at("harms").as_array()) out += harm_line(harm);
  for (const std::string_view when : {"before", "after"}) {
    const value& of = as.at(when);
    out += fmt::format("  {:<9} {}{}\n", when, figures(of), number_at(of, "seconds") > 0 ? ", over " + span_text(number_at(of, "seconds")) : "");
  }
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

std::string deploy_line(const value& deploy) {
  const double all = number_at(deploy, "watch_s"), gone = all - number_at(deploy, "left_s");
  std::string out = fmt::format("{}: {}, {} of {}", subject(deploy), text_at(deploy, "answer"), span_text(gone), span_text(all));
  for (const value& as : deploy.at("as").as_array()) out += fmt::format("; as {} {}", text_at(as, "role"), figures(as.at("after")));
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

}  // namespace weir::control
