// Text of foreign files as it may be shown and written: to a terminal, into a comment, into YAML.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::foreign {

// ASCII without control characters; every other byte as \xNN. Cut after `longest` bytes, with "…".
std::string printable(std::string_view text, std::size_t longest = 400);

// A YAML scalar (1.2): plain where no reader could take it for anything else, else in double
// quotes. Only for text that may_be_quoted.
std::string yaml_scalar(std::string_view text);
// UTF-8 without control characters other than tab and line feed.
bool may_be_quoted(std::string_view text);

}  // namespace weir::foreign
