#include "control/forms.h"

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {

std::string screen_line(std::string_view label, std::string_view text) {
  return fmt::format("  {:<13} {}\n", label, text);
}

std::string both_ends(std::string left, const std::string& right) {
  const std::size_t used = width(left) + width(right);
  if (right.empty()) return left;
  return left + std::string(used + 2 <= kColumns - 2 ? kColumns - 2 - used : 3, ' ') + right;
}

std::string markdown_cell(std::string_view text) {
  std::string out = "`";
  for (const char c : config::printable(text)) out += c == '`' ? '\'' : c == '|' ? '/' : c;
  return out + "`";
}

std::string sarif_text(std::string_view tool, std::string_view version,
                       const std::vector<std::string>& files,
                       const std::vector<SarifResult>& results) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
      .field("version", "2.1.0");
  json.key("runs").begin_array().begin_object();
  json.key("tool")
      .begin_object()
      .key("driver")
      .begin_object()
      .field("name", tool)
      .field("version", version)
      .end_object()
      .end_object();
  json.key("columnKind").value("unicodeCodePoints").key("results").begin_array();
  for (const SarifResult& result : results) {
    json.begin_object().field("ruleId", result.rule).field("level", result.level);
    json.key("message").begin_object().field("text", result.text).end_object();
    json.key("locations").begin_array();
    if (result.at.line > 0 && result.at.file < files.size()) {
      json.begin_object().key("physicalLocation").begin_object();
      json.key("artifactLocation").begin_object().field("uri", files[result.at.file]).end_object();
      json.key("region")
          .begin_object()
          .field("startLine", result.at.line)
          .field("startColumn", result.at.column)
          .end_object();
      json.end_object().end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object().end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
