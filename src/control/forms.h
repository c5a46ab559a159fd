// What several reports are printed with: lines of a screen, cells of a Markdown table, SARIF 2.1.0
// (a code host's list of findings).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/policy.h"

namespace weir::control {

// "  label         text"
std::string screen_line(std::string_view label, std::string_view text);
// Two texts on one line of kColumns, the second at its right end where there is room.
std::string both_ends(std::string left, const std::string& right);

// Of names that clients chose: nothing that Markdown or HTML would obey.
std::string markdown_cell(std::string_view text);

struct SarifResult {
  std::string rule, level, text;  // level: error, warning, note
  Source at;                      // line 0: nowhere
};
// `files` are what Source::file counts.
std::string sarif_text(std::string_view tool, std::string_view version,
                       const std::vector<std::string>& files,
                       const std::vector<SarifResult>& results);

}  // namespace weir::control
