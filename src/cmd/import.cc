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
#include "cmd/configuration.h"
#include "cmd/progress.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/compile.h"
#include "config/diagnostic.h"
#include "config/report.h"
#include "control/import_log.h"
#include "fmt/core.h"
#include "foreign/import_report.h"
#include "foreign/nginx_conf.h"
#include "foreign/nginx_import.h"
#include "io/epoll_kernel.h"
#include "model/names.h"

namespace weir::cmd {
namespace {

struct ImportOptions {
  std::string file;    // an nginx.conf
  std::string out;     // "": standard output
  std::string listen;  // "": the importer chooses
  Output report = Output::text;

  // Or traffic instead of a file.
  Traffic traffic;
  std::string config, data_dir;  // "": the default; the configuration's
};

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

int import_nginx(const ImportOptions& options) {
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
  if (options.out.empty())
    fmt::print(stderr, "{}", report);
  else
    print(report);
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

int import_traffic(const ImportOptions& options) {
  auto configuration = find_configuration(options.config);
  if (!configuration) return failed(configuration.error(), kUsage);
  auto folder = find_data_dir(options.data_dir, *configuration);
  if (!folder) return failed(folder.error());
  io::EpollKernel kernel;
  Progress progress;
  const auto answer =
      control::run_import({.configuration = std::move(*configuration),
                           .data_dir = std::move(*folder),
                           .logs = options.traffic.logs,
                           .recordings = options.traffic.recordings,
                           .log_format = options.traffic.log_format,
                           .fields = options.traffic.fields,
                           .host = options.traffic.host,
                           .zone = options.traffic.zone,
                           .random = [&](std::span<std::byte> out) { kernel.random(out); },
                           .progress = progress.teller()});
  progress.clear();
  if (!answer) return failed(answer.error());
  print(options.report == Output::json ? control::import_json(*answer)
                                       : control::import_text(*answer));
  return kFine;
}

int import(const ImportOptions& options) {
  const bool traffic = !options.traffic.logs.empty() || !options.traffic.recordings.empty();
  one_kind_of_traffic(options.traffic.logs, options.traffic.recordings);
  if (traffic == !options.file.empty()) {
    throw UsageError{traffic ? "an nginx.conf, or --log and --recording: not both"
                             : "what to import: an nginx.conf, --log LOG or --recording DIR"};
  }
  if (traffic && (!options.out.empty() || !options.listen.empty()))
    throw UsageError{"--out and --listen are for an nginx.conf"};
  return traffic ? import_traffic(options) : import_nginx(options);
}

}  // namespace

Command import_command() {
  auto options = std::make_shared<ImportOptions>();
  Command command{
      .name = "import",
      .what =
          "Make a configuration of an nginx.conf; or take a log into recorder and caller directory",
      .footer =
          "Examples:\n  weir import /etc/nginx/nginx.conf --out weir.yaml\n"
          "  weir import nginx.conf --listen 0.0.0.0:443       what is served on this address\n"
          "  weir import nginx.conf --out weir.yaml --report json > report.json\n"
          "  weir import --log access.log* -c gateway.yaml     so that callers are known from the first day\n"
          "  weir import --recording /var/lib/old-weir\n"
          "The report goes to standard output with --out and --log, else to standard error. A log is\n"
          "not counted twice: of one that was imported before only what is later is taken.",
      .does = [options] { return import(*options); }};
  command.add("FILE", &options->file, "an nginx configuration");
  traffic_options(command, options->traffic);
  config_option(command, options->config);
  command.add("--data-dir", &options->data_dir, "where to (default: that of the configuration)",
              "DIR");
  command.add("--out", &options->out,
              "what to write (default: standard output); never over a file that is there", "FILE");
  command.add("--listen", &options->listen,
              "of several addresses this one (default: the one with most locations that forward)",
              "ADDRESS");
  command
      .add(
          "--report",
          [options = options.get()](const std::string& word) { options->report = output_of(word); },
          "the report as text or json", "FORM")
      .only = {"text", "json"};
  return command;
}

}  // namespace weir::cmd
