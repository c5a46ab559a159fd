#include "cmd/configuration.h"

#include <unistd.h>

#include <cstdlib>

#include "control/load.h"
#include "control/places.h"

namespace weir::cmd {
namespace {

constexpr const char* kHere = "gateway.yaml";
constexpr const char* kInstalled = "/etc/weir/gateway.yaml";

std::string default_configuration() {
  for (const char* path : {kHere, kInstalled}) {
    if (::access(path, F_OK) == 0) return path;
  }
  return "";
}

}  // namespace

Result<std::string> find_configuration(const std::string& given) {
  if (!given.empty()) return given;
  std::string found = default_configuration();
  if (!found.empty()) return found;
  return fail(ErrorKind::not_found,
              "no configuration: there is neither ./gateway.yaml nor /etc/weir/gateway.yaml. `weir "
              "init` writes one, -c FILE names one",
              Origin::config);
}

std::string state_directory() {
  const char* value = std::getenv("STATE_DIRECTORY");
  return value == nullptr ? "" : value;
}

std::string data_dir_of(const config::Input& input) {
  std::string folder = control::written_data_dir(input);
  return folder.empty() ? control::default_data_dir(input, state_directory()) : folder;
}

Result<std::string> find_socket(const Where& where) {
  if (!where.socket.empty()) return where.socket;
  const std::string path = where.config.empty() ? default_configuration() : where.config;
  config::Input input;
  if (!path.empty()) {
    auto read = control::read_configuration(path);
    if (!read) return std::unexpected(read.error());
    input = std::move(*read);
  }
  return data_dir_of(input) + "/admin.sock";
}

Result<std::string> find_data_dir(const std::string& given, const std::string& config) {
  if (!given.empty()) return given;
  const auto path = find_configuration(config);
  if (!path) return std::unexpected(path.error());
  const auto input = control::read_configuration(*path);
  if (!input) return std::unexpected(input.error());
  return data_dir_of(*input);
}

std::vector<std::string> caller_directories(const std::vector<std::string>& recordings,
                                            const std::string& config) {
  std::vector<std::string> folders;
  for (const std::string& each : recordings) {
    folders.push_back(each);
    folders.push_back(each + "/..");  // of its folder of segments
  }
  if (config.empty()) return folders;
  if (auto folder = find_data_dir("", config)) folders.push_back(std::move(*folder));
  return folders;
}

}  // namespace weir::cmd
