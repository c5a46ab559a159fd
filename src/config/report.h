// Diagnostics as a person, a pipeline or a code host reads them. All three say the same; text and
// JSON carry the source line. Whatever the files contain, the output is valid UTF-8 without control
// characters.
//   text    file:line:column: error: message [rule], the line with a caret, the remedy
//   json    {"errors", "warnings", "dropped", "diagnostics": [{rule, severity, file, line, column,
//           length, message, remedy, source, notes: [{file, line, column, message}]}]}
//   sarif   SARIF 2.1.0 (OASIS), columns in code points
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/compile.h"
#include "config/diagnostic.h"

namespace weir::config {

std::string render_text(const Outcome& outcome, std::span<const SourceFile> files);
std::string render_json(const Outcome& outcome, std::span<const SourceFile> files);
std::string render_sarif(const Outcome& outcome, std::span<const SourceFile> files,
                         std::string_view version);

}  // namespace weir::config
