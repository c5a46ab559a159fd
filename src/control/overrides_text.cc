#include "control/overrides_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

std::string by_and_why(const value& each) {
  const std::string author = text_at(each, "author"), reason = text_at(each, "reason");
  return reason.empty() ? author : fmt::format("{}: {}", author, reason);
}

std::string ended_line(const value& row) {
  const std::string by = text_at(row, "ended_by"), why = text_at(row, "ended_reason");
  std::string end = by.empty()    ? why
                    : why.empty() ? "taken away by " + by
                                  : fmt::format("taken away by {}: {}", by, why);
  return fmt::format("  {:<5}{}   {}   {}   {}\n", text_at(row, "override"), text_at(row, "what"),
                     text_at(row, "ended_at"), end, by_and_why(row));
}

}  // namespace

std::string override_line(const value& in_force) {
  const std::string idle = text_at(in_force, "idle");
  const std::uint64_t hurt = count_at(in_force, "hurt");
  return fmt::format(
      "{} {}   {} left   {}{}{}", text_at(in_force, "override"), text_at(in_force, "what"),
      span_text(number_at(in_force, "left_s")), by_and_why(in_force),
      hurt == 0 ? "" : fmt::format("   knowing that it hurts {}", counted(hurt, "caller")),
      idle.empty() ? "" : fmt::format("   IDLE: {}", idle));
}

std::string overrides_text(const value& list) {
  const auto& in_force = list.at("overrides").as_array();
  std::string out = in_force.empty()
                        ? fmt::format("nothing is laid over {}\n", text_at(list, "revision"))
                        : fmt::format("laid over {}:\n", text_at(list, "revision"));
  for (const value& each : in_force) out += "  " + override_line(each) + "\n";
  const auto& ended = list.at("ended").as_array();
  if (!ended.empty()) out += "ended:\n";
  for (const value& row : ended) out += ended_line(row);
  return within_columns(
      out + "next: weir override add … --for 1h --reason WHY | weir override remove oN\n");
}

std::string overridden_text(const value& answer) {
  std::string out;
  const bool done = yes_at(answer, "done");
  if (done) {
    const value& made = answer.at("override");
    out = fmt::format("{} is in force for {}, until {}: {}\n", text_at(made, "override"),
                      span_text(number_at(made, "lasts_s")), text_at(made, "until"),
                      text_at(made, "what"));
  } else {
    for (const std::string& part :
         wrapped_lines("NOT IN FORCE: " + text_at(answer, "error"), kColumns))
      out += part + "\n";
  }
  if (!answer.at("rehearsal").is_null()) {
    for (const value& line : answer.at("rehearsal").at("lines").as_array()) {
      for (const std::string& part :
           wrapped_lines(std::string_view(line.as_string()), kColumns - 2))
        out += fmt::format("  {}\n", part);
    }
  }
  out += done ? "next: weir override list | weir override remove " +
                    text_at(answer.at("override"), "override") + "\n"
         : yes_at(answer, "busy")  ? "next: try again in a moment\n"
         : yes_at(answer, "harms") ? "next: name fewer, cap instead of block, or --yes\n"
                                   : "next: weir override add --help\n";
  return out;
}

std::string override_ended_text(const value& answer) {
  if (!yes_at(answer, "done")) return fmt::format("STILL IN FORCE: {}\n", text_at(answer, "error"));
  const value& was = answer.at("override");
  return fmt::format("{} is taken away: {}\n", text_at(was, "override"), text_at(was, "what"));
}

}  // namespace weir::control
