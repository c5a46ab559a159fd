#include "config/report.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/json.h"

namespace weir::config {
namespace {

constexpr std::size_t kWidth = 90;  // characters of a source line that are shown

std::string_view severity_name(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

std::string file_name(Span at, std::span<const SourceFile> files) {
  return at.file < files.size() ? printable(files[at.file].name) : std::string("configuration");
}

// The text of a line, without its end; "" when there is none.
std::string_view line_of(Span at, std::span<const SourceFile> files) {
  if (!at.known() || at.file >= files.size()) return "";
  std::string_view text = files[at.file].text;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::uint32_t line = 1; line < at.line; ++line) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) return "";
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

// One string a character, safe to print and one column wide (but for what is escaped and for wide
// scripts).
std::vector<std::string> characters(std::string_view line) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < line.size();) {
    std::size_t end = i + 1;
    while (end < line.size() && !starts_character(line[end])) ++end;
    const std::string_view one = line.substr(i, end - i);
    const auto byte = static_cast<unsigned char>(one[0]);
    const bool whole = byte < 0x80 ? one.size() == 1
                                   : one.size() == (byte >= 0xF0   ? 4u
                                                    : byte >= 0xE0 ? 3u
                                                                   : 2u) &&
                                         byte >= 0xC2;
    out.push_back(one == "\t" ? " " : !whole ? "?" : printable(one));
    i = end;
  }
  return out;
}

// The line of an inlined secret is not repeated: reports end up in logs of pipelines.
bool shows_source(const Diagnostic& diagnostic) { return diagnostic.rule != Rule::inline_secret; }

void append_snippet(std::string& out, Span at, std::span<const SourceFile> files) {
  const std::string_view line = line_of(at, files);
  if (line.empty()) return;
  const std::vector<std::string> all = characters(line.substr(0, 64 * 1024));
  const std::size_t column = std::min<std::size_t>(at.column > 0 ? at.column - 1 : 0, all.size());
  const std::size_t begin = all.size() <= kWidth || column < kWidth * 2 / 3
                                ? 0
                                : std::min(column - kWidth / 2, all.size() - kWidth / 2);
  const std::size_t end = std::min(all.size(), begin + kWidth);
  std::string source = begin > 0 ? "…" : "", pad = begin > 0 ? " " : "";
  for (std::size_t i = begin; i < end; ++i) {
    source += all[i];
    if (i < column)
      pad.append(
          static_cast<std::size_t>(std::count_if(all[i].begin(), all[i].end(), starts_character)),
          ' ');
  }
  if (end < all.size()) source += "…";
  const std::size_t length =
      std::clamp<std::size_t>(at.length, 1, std::max<std::size_t>(end - std::min(column, end), 1));
  out += fmt::format("{:>6} | {}\n       | {}^{}\n", at.line, source, pad,
                     std::string(length - 1, '~'));
}

void append_place(std::string& out, Span at, std::span<const SourceFile> files) {
  out += file_name(at, files);
  if (at.known()) out += fmt::format(":{}:{}", at.line, at.column);
  out += ": ";
}

// Lines of at most kWidth bytes, broken at spaces; the first begins with "= ".
void append_remedy(std::string& out, std::string_view remedy) {
  std::string_view lead = "       = ";
  while (!remedy.empty()) {
    std::size_t end = remedy.size();
    if (end > kWidth) {
      end = remedy.rfind(' ', kWidth);
      if (end == std::string_view::npos || end == 0)
        end = std::min(remedy.find(' '), remedy.size());
    }
    out += fmt::format("{}{}\n", lead, remedy.substr(0, end));
    remedy.remove_prefix(std::min(end + 1, remedy.size()));
    lead = "         ";
  }
}

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// RFC 3986 3.3: what may stand in a path as it is; absolute paths become file URIs.
std::string uri_of(std::string_view path) {
  std::string out = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

void sarif_location(JsonWriter& json, Span at, std::span<const SourceFile> files) {
  json.key("physicalLocation").begin_object();
  json.key("artifactLocation").begin_object();
  json.field("uri",
             at.file < files.size() ? uri_of(files[at.file].name) : std::string("configuration"));
  json.end_object();
  if (at.known()) {
    json.key("region").begin_object();
    json.field("startLine", at.line).field("startColumn", at.column);
    if (at.length > 0) json.field("endColumn", at.column + at.length);
    json.end_object();
  }
  json.end_object();
}

void sarif_result(JsonWriter& json, const Diagnostic& diagnostic,
                  std::span<const SourceFile> files) {
  json.begin_object();
  json.field("ruleId", info(diagnostic.rule).id)
      .field("ruleIndex", static_cast<std::uint32_t>(diagnostic.rule));
  json.field("level", severity_name(diagnostic.severity));
  json.key("message").begin_object();
  json.field("text", diagnostic.remedy.empty()
                         ? diagnostic.message
                         : fmt::format("{}; {}", diagnostic.message, diagnostic.remedy));
  json.end_object();
  json.key("locations").begin_array().begin_object();
  sarif_location(json, diagnostic.at, files);
  json.end_object().end_array();
  if (!diagnostic.notes.empty()) {
    json.key("relatedLocations").begin_array();
    for (const Note& note : diagnostic.notes) {
      json.begin_object();
      sarif_location(json, note.at, files);
      json.key("message").begin_object().field("text", note.text).end_object();
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

}  // namespace

std::string render_text(const Outcome& outcome, std::span<const SourceFile> files) {
  std::string out;
  for (const Diagnostic& diagnostic : outcome.diagnostics) {
    append_place(out, diagnostic.at, files);
    out += fmt::format("{}: {} [{}]\n", severity_name(diagnostic.severity),
                       printable(diagnostic.message), info(diagnostic.rule).id);
    if (shows_source(diagnostic)) append_snippet(out, diagnostic.at, files);
    append_remedy(out, printable(diagnostic.remedy));
    for (const Note& note : diagnostic.notes) {
      append_place(out, note.at, files);
      out += fmt::format("note: {}\n", printable(note.text));
      append_snippet(out, note.at, files);
    }
  }
  if (outcome.dropped > 0) out += fmt::format("… and {} more\n", outcome.dropped);
  out +=
      fmt::format("{}, {}\n", plural(outcome.errors, "error"), plural(outcome.warnings, "warning"));
  return out;
}

std::string render_json(const Outcome& outcome, std::span<const SourceFile> files) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("errors", outcome.errors)
      .field("warnings", outcome.warnings)
      .field("dropped", outcome.dropped);
  json.key("diagnostics").begin_array();
  for (const Diagnostic& diagnostic : outcome.diagnostics) {
    json.begin_object();
    json.field("rule", info(diagnostic.rule).id)
        .field("severity", severity_name(diagnostic.severity));
    json.field("file", file_name(diagnostic.at, files));
    json.field("line", diagnostic.at.line)
        .field("column", diagnostic.at.column)
        .field("length", diagnostic.at.length);
    json.field("message", diagnostic.message).field("remedy", diagnostic.remedy);
    json.field("source", shows_source(diagnostic) ? line_of(diagnostic.at, files).substr(0, 1024)
                                                  : std::string_view());
    json.key("notes").begin_array();
    for (const Note& note : diagnostic.notes) {
      json.begin_object();
      json.field("file", file_name(note.at, files))
          .field("line", note.at.line)
          .field("column", note.at.column);
      json.field("message", note.text);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

std::string render_sarif(const Outcome& outcome, std::span<const SourceFile> files,
                         std::string_view version) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("$schema", "https://json.schemastore.org/sarif-2.1.0.json").field("version", "2.1.0");
  json.key("runs").begin_array().begin_object();
  json.key("tool").begin_object().key("driver").begin_object();
  json.field("name", "weir").field("version", version);
  json.key("rules").begin_array();
  for (const RuleInfo& rule : all_rules()) {
    json.begin_object().field("id", rule.id);
    json.key("shortDescription").begin_object().field("text", rule.meaning).end_object();
    json.key("defaultConfiguration")
        .begin_object()
        .field("level", severity_name(rule.severity))
        .end_object();
    json.end_object();
  }
  json.end_array().end_object().end_object();
  json.field("columnKind", "unicodeCodePoints");
  json.key("results").begin_array();
  for (const Diagnostic& diagnostic : outcome.diagnostics) sarif_result(json, diagnostic, files);
  json.end_array().end_object().end_array().end_object();
  return out + "\n";
}

}  // namespace weir::config
