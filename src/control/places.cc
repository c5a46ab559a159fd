#include "control/places.h"

#include <filesystem>

#include "config/node.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

std::string beside(const config::Input& input, std::string_view file, std::string_view path) {
  const fs::path folder = fs::path(input.directory) / fs::path(file).parent_path();
  return (folder / fs::path(path)).lexically_normal().string();
}

}  // namespace

std::string written_data_dir(const config::Input& input) {
  for (const config::SourceFile& file : input.files) {
    if (const std::string path = config::root_value(file.text, "data_dir"); !path.empty()) return beside(input, file.name, path);
  }
  return "";
}

std::string default_data_dir(const config::Input& input, std::string_view state_directory) {
  state_directory = state_directory.substr(0, state_directory.find(':'));
  if (!state_directory.empty()) return std::string(state_directory);
  return beside(
      input, input.files.empty() ? std::string_view() : std::string_view(input.files.front().name),
      "weir-data");
}

}  // namespace weir::control
