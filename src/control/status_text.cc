#include "control/status_text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/deploy_text.h"
#include "control/json_read.h"
#include "control/overrides_text.h"
#include "control/rollout_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

std::string line(std::string_view label, std::string_view text) {
  return fmt::format("  {:<13}{}\n", label, text);
}

std::string headline(const value& status) {
  return fmt::format("weir {} {} {} of {}   up {}   pid {}\n", text_at(status, "version"),
                     yes_at(status, "draining") ? "DRAINS" : "serves", text_at(status, "revision"),
                     text_at(status, "configuration"), span_text(number_at(status, "up_s")),
                     count_at(status, "pid"));
}

std::string requests(const value& status) {
  const value& counts = status.at("requests");
  std::string text = grouped(count_at(counts, "total"));
  for (const auto& [name, count] : counts.at("by_class").as_object()) {
    if (count.to_number<std::uint64_t>() > 0)
      text += fmt::format("   {} {}", std::string_view(name),
                          grouped(count.to_number<std::uint64_t>()));
  }
  std::string out = line("requests", text);
  std::string_view label = "by cause";
  for (const value& row : counts.at("by_cause").as_array()) {
    out += line(label, fmt::format("{:<24} {:>13}   {}", text_at(row, "cause"),
                                   grouped(count_at(row, "count")), text_at(row, "side")));
    label = "";
  }
  return out + line("bodies", fmt::format("{} in, {} out", bytes_text(count_at(counts, "bytes_in")),
                                          bytes_text(count_at(counts, "bytes_out"))));
}

std::string listeners(const value& status) {
  std::string out;
  for (const value& each : status.at("listeners").as_array()) {
    std::string text =
        fmt::format("{:<24} {}   {}", text_at(each, "address"), text_at(each, "name"),
                    counted(count_at(each, "connections"), "connection"));
    if (const auto refused = count_at(each, "refused"); refused > 0)
      text += fmt::format("   {} refused", grouped(refused));
    if (const auto failed = count_at(each, "failed"); failed > 0)
      text += fmt::format("   {} failed", grouped(failed));
    out += line(out.empty() ? "listens on" : "", text);
  }
  return out;
}

std::string changes(const value& status) {
  const value& all = status.at("changes");
  const value& last = all.at("last");
  if (last.is_null()) return "";
  std::string text =
      fmt::format("{} applied, {} refused; last at {}", grouped(count_at(all, "applied")),
                  grouped(count_at(all, "refused")), text_at(last, "at"));
  if (const std::string author = text_at(last, "author"); !author.empty()) text += " by " + author;
  if (const std::string reason = text_at(last, "reason"); !reason.empty())
    text += fmt::format(" ({})", reason);
  std::string out = line("changes", text);
  if (!yes_at(last, "live")) {
    const std::string error = text_at(last, "error");
    out += line("", error.empty() ? fmt::format("REFUSED, {}: weir check tells",
                                                counted(count_at(last, "errors"), "error"))
                                  : "REFUSED: " + error);
  }
  return out;
}

std::string records(const value& status) {
  const value& recording = status.at("recording");
  const value& log = status.at("access_log");
  std::string text =
      yes_at(recording, "on")
          ? fmt::format("{} in {}, {}", counted(count_at(recording, "arrivals"), "arrival"),
                        counted(count_at(recording, "segments"), "segment"),
                        bytes_text(count_at(recording, "bytes")))
          : "off";
  if (yes_at(recording, "stopped_for_disk")) text += "   STOPPED: the disk is nearly full";
  std::string out = line("recording", text);
  if (const auto lost = count_at(recording, "dropped") + count_at(log, "dropped"); lost > 0) {
    out += line(
        "", fmt::format("LOST {} records, {} log lines", grouped(count_at(recording, "dropped")),
                        grouped(count_at(log, "dropped"))));
  }
  const auto records_lost = count_at(recording, "buffers_dropped"), log_lost = count_at(log, "buffers_dropped");
  if (records_lost + log_lost > 0) {   // whole: what was in them is not known
    out += line("", fmt::format("LOST {} of records, {} of log lines that could not be written",
                                counted(records_lost, "buffer"), grouped(log_lost)));
  }
  const value& callers = status.at("callers");
  if (const std::string error = text_at(callers, "error"); !error.empty())
    out += line("callers", "NOT WRITTEN: " + error);
  if (const std::string aside = text_at(callers, "set_aside"); !aside.empty())
    out += line("callers", "the directory was damaged and begun anew; the old one: " + aside);
  if (const std::string error = text_at(status, "last_error"); !error.empty())
    out += line("", "last error: " + error);
  return out;
}

// Nothing where nothing was recorded.
std::string replayed(const value& status) {
  const value& replay = status.at("replay");
  const std::uint64_t judged = count_at(replay, "judged"), wrong = count_at(replay, "mismatches");
  std::uint64_t unjudged = 0;
  for (const auto& [why, count] : replay.at("unjudged").as_object()) unjudged += count.to_number<std::uint64_t>();
  if (judged + unjudged == 0) return "";
  std::string text = wrong == 0 ? fmt::format("{} verdicts decided again, all equal", grouped(judged))
                                : fmt::format("{} verdicts decided again, {} DIFFER", grouped(judged), grouped(wrong));
  if (const std::uint64_t reordered = count_at(replay, "reordered"); reordered > 0)
    text += fmt::format(", {} reordered", grouped(reordered));
  if (unjudged > 0) text += fmt::format(", {} not judged", grouped(unjudged));
  if (const value* const resting = replay.as_object().if_contains("resting"); resting != nullptr && resting->as_bool())
    text += "; the follower fell behind and rests";
  return line("replay", text);
}

// Nothing while all is well.
std::string overload(const value& status) {
  const value& load = status.at("overload");
  if (count_at(load, "level") == 0) return "";
  std::string lacks;
  for (const value& each : load.at("resources").as_array()) {
    if (count_at(each, "level") == 0) continue;
    const std::string resource = text_at(each, "resource");
    lacks += lacks.empty() ? "" : ", ";
    lacks += resource == "loop" ? "requests wait " + milliseconds_text(number_at(each, "wait_ms"))
                                : fmt::format("{} {}", resource, percent_text(number_at(each, "share")));
  }
  return line("OVERLOADED", fmt::format("refuses {} ({})", text_at(load, "refuses"), lacks));
}

// As many lines as it takes.
std::string lines(std::string_view label, std::string_view text) {
  constexpr std::size_t kText = kColumns - 15;
  std::string out;
  for (const std::string& each : wrapped_lines(text, kText)) out += line(out.empty() ? label : "", each);
  return out;
}

// What a hold lacks, and what there is to do.
std::string rollout_ahead(const value& rollout) {
  std::string out;
  if (!rollout.at("held_s").is_null()) {
    std::string lacks;
    for (const value& each : rollout.at("missing").as_array()) lacks += (lacks.empty() ? "held for want of " : "; ") + missing_text(each, text_at(rollout, "unit"));
    out += lines("", lacks.empty() ? "held for want of data" : lacks);
  }
  const std::string next = rollout_next(rollout);
  const std::size_t now = next.find("now: ");
  std::string first = next.substr(0, now);
  first.resize(first.find_last_not_of(" \n") + 1);
  out += line("", first);
  if (now != std::string::npos) out += lines("", std::string_view(next).substr(now, next.size() - now - 1));
  return out;
}

// A change that is under way or still watched; nothing of one that has ended well.
std::string rollout_summary(const value& rollout) {
  const std::string outcome = text_at(rollout, "outcome");
  if (outcome == "settled" || outcome == "superseded") return "";
  std::string text = fmt::format("{} {}", text_at(rollout, "revision"), outcome);
  if (outcome == "under way") text = fmt::format("{} in {}, {}", text_at(rollout, "revision"), text_at(rollout, "stage"), yes_at(rollout, "live") ? "live" : "not live yet");
  if (const std::string why = text_at(rollout, "why"); !why.empty()) text += fmt::format(" by {}: {}", text_at(rollout, "by"), why);
  std::string out = lines("change", text);
  if (const std::string alarm = text_at(rollout, "alarm"); !alarm.empty()) out += lines("ALARM", alarm);
  return outcome == "under way" ? out + rollout_ahead(rollout) : out;
}

std::string overrides(const value& status) {
  std::string out;
  for (const value& each : status.at("overrides").as_array())
    out += line(out.empty() ? "laid over" : "", override_line(each));
  return out;
}

}  // namespace

std::string status_text(const value& status) {
  std::string out = headline(status);
  if (const std::string drift = text_at(status, "drift"); !drift.empty())
    out += line("the file", drift + fmt::format("; {} is live", text_at(status, "revision")));
  if (!status.at("rollout").is_null()) out += rollout_summary(status.at("rollout"));
  for (const value& each : status.at("deploys").as_array()) out += line("deploy", deploy_line(each));
  out += overload(status);
  out += overrides(status);
  out += requests(status);
  out += listeners(status);
  const value& admin = status.at("admin");
  out += line("admin", text_at(admin, "socket"));
  if (!admin.at("address").is_null()) out += line("", text_at(admin, "address"));
  const value& sizes = status.at("configured");
  out += line("configured",
              fmt::format("{}, {} with {}, {}", counted(count_at(sizes, "routes"), "route"),
                          counted(count_at(sizes, "upstreams"), "upstream"),
                          counted(count_at(sizes, "endpoints"), "endpoint"),
                          counted(count_at(sizes, "limits"), "limit")));
  out += changes(status);
  out += records(status);
  out += replayed(status);
  const value& process = status.at("process");
  out +=
      line("process",
           fmt::format("{} workers, {}, {:.1f} s of CPU, {} of {} descriptors",
                       count_at(status, "workers"), bytes_text(count_at(process, "memory_bytes")),
                       number_at(process, "cpu_s"), grouped(count_at(process, "descriptors")),
                       grouped(count_at(process, "descriptors_max"))));
  return within_columns(out +
                        "next: weir top | weir explain METHOD URL | weir explain REQUEST_ID\n");
}

}  // namespace weir::control
