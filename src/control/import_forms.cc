// What came of an import, as JSON and in words.
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/import_log.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {

std::string import_json(const ImportAnswer& answer) {
  std::string out;
  JsonWriter json(out);
  const auto moment = [&](std::string_view name, const std::optional<WallTime>& at) {
    json.key(name);
    if (at)
      json.value(time_text(*at));
    else
      json.null();
  };
  json.begin_object()
      .field("entries", answer.entries)
      .field("taken", answer.taken)
      .field("imported_before", answer.before)
      .field("skipped", answer.skipped)
      .field("late", answer.late)
      .field("cannot_judge", answer.unjudged)
      .field("would_refuse", answer.would_refuse)
      .field("unnamed", answer.unnamed);
  moment("from", answer.from);
  moment("to", answer.to);
  json.key("recorded")
      .begin_object()
      .field("arrivals", answer.arrivals)
      .field("segments", answer.segments)
      .field("bytes", answer.bytes)
      .end_object();
  json.key("callers")
      .begin_object()
      .field("total", answer.callers)
      .field("known", answer.known)
      .field("established", answer.established)
      .end_object();
  json.field("data_dir", answer.data_dir).key("notes").begin_array();
  for (const std::string& note : answer.notes) json.value(note);
  json.end_array().end_object();
  return out + "\n";
}

std::string import_text(const ImportAnswer& answer) {
  const auto line = [](std::string_view label, const std::string& text) {
    return fmt::format("  {:<11}{}\n", label, text);
  };
  std::string out = fmt::format("{} of {} imported into {}\n", counted(answer.taken, "request"),
                                grouped(answer.entries), config::printable(answer.data_dir));
  if (answer.from)
    out += line("from", fmt::format("{} – {}", time_text(*answer.from), time_text(*answer.to)));
  if (answer.before > 0)
    out += line("before",
                fmt::format("{} were imported before and are left out", grouped(answer.before)));
  if (answer.skipped + answer.late > 0)
    out += line("lines",
                fmt::format("{} skipped, {} late", grouped(answer.skipped), grouped(answer.late)));
  if (answer.unnamed > 0)
    out += line("unnamed", fmt::format("{} say nothing of who asked", grouped(answer.unnamed)));
  if (answer.arrivals > 0)
    out += line("recorded", fmt::format("{} in {}, {}; this configuration would have refused {}",
                                        counted(answer.arrivals, "arrival"),
                                        counted(answer.segments, "segment"),
                                        bytes_text(answer.bytes), grouped(answer.would_refuse)));
  if (answer.unjudged > 0)
    out += line("",
                fmt::format("{} could not be decided by what the log holds: in the directory alone",
                            grouped(answer.unjudged)));
  out += line("callers", fmt::format("{}, {} known, {} established", grouped(answer.callers),
                                     grouped(answer.known), grouped(answer.established)));
  for (const std::string& note : answer.notes) out += line("note", note);
  return within_columns(out + "next: weir callers | weir plan gateway.yaml --recording " +
                        config::printable(answer.data_dir) + "\n");
}

}  // namespace weir::control
