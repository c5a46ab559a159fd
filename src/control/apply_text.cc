#include "control/apply_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {

std::string applied_text(const boost::json::value& applied) {
  const std::string revision = text_at(applied, "revision");
  std::string out;
  const std::string candidate = text_at(applied, "under_way");
  const bool waits = !candidate.empty() && !yes_at(applied, "live");
  if (waits) {
    out = fmt::format("{} is on its way, {} stays live until then\n", candidate, revision);
  } else if (yes_at(applied, "live")) {
    out =
        fmt::format("{} is live for every new request   {}\n", revision, text_at(applied, "hash"));
  } else {
    out = fmt::format("NOT APPLIED, {} stays live and untouched\n", revision);
  }
  for (const std::string& line : wrapped_lines(text_at(applied, "error"), kColumns - 2)) out += fmt::format("  {}\n", line);
  for (const boost::json::value& note : applied.at("notes").as_array()) {
    out += fmt::format("  note: {}\n", config::printable(std::string_view(note.as_string())));
  }
  out += std::string(applied.at("report").as_string());  // printable already, and of several lines
  out += waits ? "next: weir status | weir promote | weir rollback\n"
         : yes_at(applied, "live")         ? "next: weir status | weir history\n"
         : yes_at(applied, "busy")       ? "next: try again in a moment\n"
         : yes_at(applied, "stale")      ? "next: weir history | weir show\n"
         : yes_at(applied, "taken_back") ? "next: weir apply FILE --retry --reason WHY takes it all the same\n"
         : count_at(applied, "errors") > 0 ? "next: weir check FILE\n"
                                           : "next: weir status | weir history\n";
  return out;
}

}  // namespace weir::control
