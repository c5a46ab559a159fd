// The language, described from its table: the key reference of the guide
// (docs/guide/configuration.md is this text, a test keeps it current) and a JSON Schema (draft-07)
// for editors. The schema is a little stricter than the decoder: it wants texts to be quoted where
// YAML would read a number.
#pragma once

#include <string>

namespace weir::config {

std::string reference_text();  // Markdown
std::string json_schema();

}  // namespace weir::config
