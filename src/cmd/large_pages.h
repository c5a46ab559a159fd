// Memory in pages of 2 MiB, where the system gives them to who asks for them (transparent huge pages: `madvise` or `always`).
// Each request looks at one of the routes at random; of 10,000 most looks miss the translation buffer with small pages: some 5 %
// of a request, a tenth of a plan over a log (docs/performance.md). What is large and soon over, such as a configuration while it is
// read, goes back when it is free.
#pragma once

namespace weir::cmd {

// glibc reads this wish when a program starts and at no other time, so the program starts once more, as the same process. Returns
// where that is done already, where somebody has wishes of their own (GLIBC_TUNABLES, even empty), and where the loader would
// not pass it on (a binary with capabilities); when starting fails, the small pages stay.
void start_with_large_pages(char** argv);

}  // namespace weir::cmd
