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
    config::Diagnostics ignored;
    const auto tree = config::parse(0, file.text, {}, ignored);
    if (!tree) continue;
    for (const config::Node& document : tree->documents) {
      if (!document.is_mapping()) continue;
      const config::Node* value = document.find("data_dir");
      if (value != nullptr && value->is_scalar() && !value->is_null())
        return beside(input, file.name, value->text);
    }
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
