// What is read of the system, however much it tells.
#include "export/process_stats.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/temp_folder_for_tests.h"

namespace weir::exporting {
namespace {

TEST(ProcessStats, KnowWhenTheSystemBeganBehindManyInterrupts) {
  const TempFolder folder;
  const std::string path = folder.path() + "/stat";
  std::string interrupts;
  for (int i = 0; i < 20'000; ++i) interrupts += " 0";
  std::ofstream(path) << "cpu  1 2 3\nintr 5" << interrupts << "\nctxt 7\nbtime 1700000000\nprocesses 9\n";
  EXPECT_EQ(boot_seconds(path.c_str()), 1'700'000'000);
  std::ofstream(path) << "cpu  1 2 3\n";
  EXPECT_EQ(boot_seconds(path.c_str()), 0);
  EXPECT_EQ(boot_seconds((path + "-of-nobody").c_str()), 0);
}

}  // namespace
}  // namespace weir::exporting
