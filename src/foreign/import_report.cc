#include "foreign/import_report.h"

#include <algorithm>

#include "base/json.h"
#include "fmt/core.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kShownText = 60;

std::string counted(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// `text` in lines of at most kWidth columns, each behind `indent` blanks; broken at blanks. All
// texts are ASCII.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  const std::size_t room = kWidth - indent;
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > room) {
      end = text.rfind(' ', room);
      if (end == std::string_view::npos || end == 0) end = room;
    }
    out += fmt::format("{}{}\n", std::string(indent, ' '), text.substr(0, end));
    text.remove_prefix(
        std::min(end + (end < text.size() && text[end] == ' ' ? 1 : 0), text.size()));
  }
}

std::string place(const ImportLine& line) {
  return line.end_line > line.line ? fmt::format("{}:{}-{}", line.file, line.line, line.end_line)
                                   : fmt::format("{}:{}", line.file, line.line);
}

void append_section(std::string& out, const ImportReport& report, Fate fate) {
  if (report.count(fate) == 0) return;
  out += fmt::format("\n{}\n", to_string(fate));
  for (const ImportLine& line : report.lines) {
    if (line.fate != fate) continue;
    append_wrapped(out, fmt::format("{:<24} {}", place(line), printable(line.text, kShownText)), 2);
    append_wrapped(out, line.why, 6);
  }
}

}  // namespace

std::string_view to_string(Fate fate) {
  switch (fate) {
    case Fate::translated:
      return "translated";
    case Fate::approximated:
      return "approximated";
    case Fate::not_translatable:
      return "not translatable";
  }
  return "";
}

std::size_t ImportReport::count(Fate fate) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines, [&](const ImportLine& line) { return line.fate == fate; }));
}

std::string render_import_text(const ImportReport& report, std::string_view output) {
  const std::size_t lost = report.count(Fate::not_translatable);
  const std::size_t near = report.count(Fate::approximated);
  std::string out = fmt::format(
      "{}   {} -> {}   {}, {}, {}\n", lost + near == 0 ? "IMPORTED WHOLE" : "IMPORTED WITH LOSSES",
      printable(report.source, 60), output.empty() ? "standard output" : printable(output, 60),
      counted(report.routes, "route"), counted(report.upstreams, "upstream"),
      counted(report.limits, "limit"));
  out += fmt::format("  {} translated, {} approximated, {} not translatable\n",
                     counted(report.count(Fate::translated), "directive"), near, lost);
  std::string listeners;
  for (const std::string& each : report.listeners)
    listeners += (listeners.empty() ? "" : ", ") + printable(each);
  append_wrapped(out, "listens on " + listeners, 2);
  for (const std::string& each : report.other_listeners) {
    append_wrapped(
        out,
        fmt::format("not in this file: what is served on {0}   weir import {1} --listen {0}",
                    printable(each), printable(report.source, 60)),
        2);
  }
  for (const Fate fate : {Fate::not_translatable, Fate::approximated, Fate::translated})
    append_section(out, report, fate);
  if (!report.everywhere.empty()) out += "\neverywhere\n";
  for (const ImportNote& note : report.everywhere) append_wrapped(out, note.text, 2);
  const std::string name = output.empty() ? std::string("FILE") : printable(output, 60);
  return out + fmt::format("next: weir check {0} && weir run -c {0}\n", name);
}

std::string render_import_json(const ImportReport& report, std::string_view output) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("source", report.source).field("output", output);
  const auto list = [&](std::string_view key, const std::vector<std::string>& words) {
    json.key(key).begin_array();
    for (const std::string& word : words) json.value(word);
    json.end_array();
  };
  list("listeners", report.listeners);
  json.field("hosts", report.hosts).field("routes", report.routes);
  json.field("upstreams", report.upstreams).field("limits", report.limits);
  json.field("translated", report.count(Fate::translated))
      .field("approximated", report.count(Fate::approximated))
      .field("not_translatable", report.count(Fate::not_translatable));
  json.key("lines").begin_array();
  for (const ImportLine& line : report.lines) {
    json.begin_object();
    json.field("file", line.file).field("line", line.line).field("end_line", line.end_line);
    json.field("text", line.text).field("fate", to_string(line.fate)).field("why", line.why);
    json.end_object();
  }
  json.end_array();
  json.key("everywhere").begin_array();
  for (const ImportNote& note : report.everywhere)
    json.begin_object().field("id", note.id).field("text", note.text).end_object();
  json.end_array();
  list("other_listeners", report.other_listeners);
  json.end_object();
  return out + "\n";
}

}  // namespace weir::foreign
