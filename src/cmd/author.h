// Who asks for a change.
#pragma once

#include <string>

namespace weir::cmd {

// `given`, or who is logged in; through sudo, who that was.
std::string author_of(const std::string& given);

// Somebody types it, or says that a person wants it (`--person`); else it is a pipeline.
bool is_person(bool said);

}  // namespace weir::cmd
