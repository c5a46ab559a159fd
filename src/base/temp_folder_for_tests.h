// A folder that a test has to itself, gone with all that is in it when the test ends.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace weir {

class TempFolder {
 public:
  TempFolder() { WEIR_CHECK(::mkdtemp(path_.data()) != nullptr); }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "weir-test-XXXXXX").string();
};

}  // namespace weir
