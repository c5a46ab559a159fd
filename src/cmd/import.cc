// `weir import nginx.conf`: a configuration of weir from an nginx one, and a report about every
// line of it. Includes are read as nginx reads them: relative to the folder of the main file, globs
// in the order of their names.
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "config/compile.h"
#include "config/diagnostic.h"
#include "config/report.h"
#include "fmt/core.h"
#include "foreign/import_report.h"
#include "foreign/nginx_conf.h"
#include "foreign/nginx_import.h"
#include "model/names.h"

namespace weir::cmd {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error))
    return fail(ErrorKind::invalid,
                fmt::format("{} is a folder", config::printable(path.string())));
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file.good() && !file.eof())
    return fail(ErrorKind::io, fmt::format("could not read {}: {}",
                                           config::printable(path.string()), std::strerror(errno)));
  return text;
}

// The files of a pattern, sorted. A pattern without a wildcard names one file, there or not.
std::vector<fs::path> files_of(const fs::path& pattern) {
  if (pattern.string().find_first_of("*?[") == std::string::npos) return {pattern};
  glob_t found{};
  std::vector<fs::path> paths;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  return paths;
}

// The name under which a file is reported: relative to the main file's folder where it lies below.
std::string shown_name(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return relative.empty() || relative.string().starts_with("..") ? path.string()
                                                                 : relative.string();
}

Result<foreign::NginxConf> read_nginx(const fs::path& main) {
  auto text = read_file(main);
  if (!text) return std::unexpected(std::move(text.error()));
  auto conf = foreign::NginxConf::read({.name = main.string(), .text = std::move(*text)});
  const fs::path folder = main.parent_path();
  while (conf) {
    const auto need = conf->need();
    if (!need) return conf;
    std::vector<foreign::NginxText> texts;
    std::string missing;
    for (const fs::path& path : files_of(folder / need->pattern)) {
      auto more = read_file(path);
      if (more)
        texts.push_back({.name = shown_name(path, folder), .text = std::move(*more)});
      else
        missing = to_string(more.error());
    }
    if (!missing.empty()) {
      conf->give_up(std::move(missing));
    } else if (auto supplied = conf->supply(std::move(texts)); !supplied) {
      return std::unexpected(std::move(supplied.error()));
    }
  }
  return conf;
}

Result<void> write_new(const std::string& path, const std::string& text) {
  const std::string name = config::printable(path);
  std::FILE* file = std::fopen(path.c_str(), "wx");  // x: fails where it exists
  if (file == nullptr) {
    return fail(ErrorKind::io,
                errno == EEXIST
                    ? fmt::format("{} is there already and is left as it is", name)
                    : fmt::format("could not write {}: {}", name, std::strerror(errno)));
  }
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written)
    return fail(ErrorKind::io,
                fmt::format("could not write all of {}: {}", name, std::strerror(errno)));
  return {};
}

}  // namespace

int import(const ImportOptions& options) {
  const auto conf = read_nginx(options.file);
  if (!conf) return failed(conf.error());
  const auto made = foreign::import_nginx(*conf, options.listen);
  if (!made) return failed(made.error());
  if (options.out.empty()) {
    print(made->yaml);
  } else if (const auto written = write_new(options.out, made->yaml); !written) {
    return failed(written.error());
  }
  const std::string report = options.report == Output::json
                                 ? foreign::render_import_json(made->report, options.out)
                                 : foreign::render_import_text(made->report, options.out);
  std::FILE* to = options.out.empty() ? stderr : stdout;
  std::fwrite(report.data(), 1, report.size(), to);
  std::fflush(to);
  // What it wrote must be a configuration; where it is not, that is a fault of the importer and
  // said.
  NameTable names;
  const config::Input input{.files = {{options.out.empty() ? "imported" : options.out, made->yaml}},
                            .directory = "."};
  const config::Outcome outcome = config::compile(input, names);
  if (outcome.errors == 0) return kFine;
  complain("what was made has errors; put them right by hand:\n" +
           config::render_text(outcome, input.files));
  return kFailed;
}

}  // namespace weir::cmd
