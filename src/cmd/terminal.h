// What commands say and where: results to standard output, complaints to standard error, colour
// only on a terminal that wants it. Whatever is printed here was made printable by whoever made the
// text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::cmd {

void print(std::string_view text);     // as it is, flushed
// Whether all of it was written. A reader that has gone wanted no more: that is no error.
Result<> printed();
void complain(std::string_view text);  // "weir: text", a line
// Complains of the error; answers `code`, so that a command ends with `return failed(error);`.
int failed(const Error& error, int code = 1);

// Standard output is a terminal, and neither NO_COLOR nor TERM=dumb says otherwise: it may be
// coloured and redrawn.
bool is_lively();

}  // namespace weir::cmd
