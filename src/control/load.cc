#include "control/load.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "control/keys_file.h"
#include "fmt/core.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMaxConfiguration = 64_MiB;
constexpr std::size_t kMaxFiles = 1000;

bool is_configuration(const fs::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

Result<std::shared_ptr<const auth::KeyTable>> load_table(const std::string& path) {
  const auto text = store::read_file(path, kMaxConfiguration);
  if (!text) return std::unexpected(text.error());
  auto entries = read_keys(path, *text);
  if (!entries) return std::unexpected(entries.error());
  auto table = auth::KeyTable::make(std::move(*entries));
  if (!table) return wrap(table.error(), path);
  return std::make_shared<const auth::KeyTable>(std::move(*table));
}

}  // namespace

Result<config::Input> read_configuration(const std::string& path) {
  config::Input input;
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  const bool folder = fs::is_directory(absolute, error);
  input.directory = fs::current_path(error).string();
  std::vector<std::string> files;
  if (folder) {
    for (fs::directory_iterator it(absolute, error), end; !error && it != end; it.increment(error)) {
      if (is_configuration(it->path())) files.push_back((fs::path(path) / it->path().filename()).string());
      if (files.size() > kMaxFiles) return fail(ErrorKind::too_large, fmt::format("{} holds more than {} files", path, kMaxFiles), Origin::config);
    }
    if (error) return fail(ErrorKind::io, fmt::format("could not read {}: {}", path, error.message()), Origin::config);
    if (files.empty()) return fail(ErrorKind::not_found, fmt::format("{} holds no *.yaml, *.yml or *.json", path), Origin::config);
    std::ranges::sort(files);
  } else {
    files.push_back(path);
  }
  for (const std::string& file : files) {
    auto text = store::read_file(file, kMaxConfiguration);
    if (!text) return std::unexpected(text.error());
    input.files.push_back({.name = file, .text = std::move(*text)});
  }
  return input;
}

Loaded load(config::Input input, NameTable& names) {
  Loaded loaded;
  loaded.input = std::move(input);
  loaded.outcome = config::compile(loaded.input, names);
  if (loaded.outcome.policy == nullptr) return loaded;
  auto tables = std::make_shared<auth::KeyTables>();
  tables->tables.resize(loaded.outcome.policy->identities.size());
  std::vector<std::pair<std::string, std::string>> digests;
  for (const config::FileNeed& need : loaded.outcome.needs) {
    auto table = load_table(need.path);
    if (table) {
      tables->tables[need.identity.index()] = std::move(*table);
      continue;
    }
    loaded.outcome.diagnostics.push_back({.rule = config::Rule::unreadable_file, .severity = config::Severity::error, .at = need.at,
                                          .message = to_string(table.error()),
                                          .remedy = "make it with: weir keys add NAME --file " + need.path});
    ++loaded.outcome.errors;
  }
  if (loaded.outcome.errors > 0) loaded.outcome.policy = nullptr;
  loaded.keys = std::move(tables);
  return loaded;
}

Result<std::shared_ptr<const auth::KeyTables>> load_keys(const Policy& policy) {
  auto tables = std::make_shared<auth::KeyTables>();
  for (const IdentityRule& rule : policy.identities) {
    if (rule.kind != IdentityKind::api_key) {
      tables->tables.push_back(nullptr);
      continue;
    }
    auto table = load_table(rule.keys_file);
    if (!table) return std::unexpected(table.error());
    tables->tables.push_back(std::move(*table));
  }
  return tables;
}

}  // namespace weir::control
