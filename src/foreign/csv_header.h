// What the columns of a CSV are, by the names in its first line: a map for csv: or tsv: (csv.h), so
// that such a log is recognised like any other.
#pragma once

#include <string>
#include <string_view>

namespace weir::foreign {

// "client=ip,time=date+time,status=code"; "" where no column is known to hold the client, or the
// time. A name counts whatever its case, `_`, `-` or blank between its words, and quotes around it.
std::string csv_map_of_header(std::string_view header, char delimiter);

}  // namespace weir::foreign
