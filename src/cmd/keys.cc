// `weir keys add|list|revoke`: the file of API keys. It holds digests only; a key itself is printed
// once, when it is made. Two of these commands at once take turns (a lock on the folder); the file
// is replaced whole, so a running gateway, which looks for changes every second, reads the old one
// or the new one.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/keys_file.h"
#include "control/load.h"
#include "control/text.h"
#include "fmt/core.h"
#include "io/epoll_kernel.h"
#include "store/files.h"

namespace weir::cmd {
namespace {

struct KeysOptions {
  std::string config;
  std::string file;  // of keys; "": the one that the configuration names
  std::string name;
  std::vector<std::string> groups;
  std::string expires;  // RFC 3339; "" never
  Output output = Output::text;
};

constexpr Bytes kMaxKeysFile = 256_MiB;
using Entries = std::vector<auth::KeyEntry>;

// The one keys file that the configuration names.
Result<std::string> keys_file(const KeysOptions& options) {
  if (!options.file.empty()) return options.file;
  auto path = find_configuration(options.config);
  if (!path) return wrap(path.error(), "which keys file? --file FILE names it");
  auto input = control::read_configuration(*path);
  if (!input) return std::unexpected(input.error());
  NameTable names;
  const config::Outcome outcome = config::compile(*input, names);
  if (outcome.policy == nullptr) {
    return fail(
        ErrorKind::invalid,
        fmt::format("{} has errors (weir check {}); --file FILE names the keys file without it",
                    *path, *path));
  }
  std::set<std::string> files;
  for (const config::FileNeed& need : outcome.needs) files.insert(need.path);
  if (files.size() == 1) return *files.begin();
  return fail(ErrorKind::invalid, fmt::format("{} names {} keys files; say which with --file FILE",
                                              *path, files.empty() ? "no" : "several"));
}

Result<Entries> read(const std::string& file) {
  const auto text = store::read_file(file, kMaxKeysFile);
  if (!text) return std::unexpected(text.error());
  return control::read_keys(file, *text);
}

// As the file is to be. Not where a reader would refuse it or take it for something else: no command
// and no gateway could go on with it.
Result<std::string> text_of(const std::string& file, const Entries& entries) {
  std::string text = control::write_keys(entries);
  const auto back = control::read_keys(file, text);
  if (!back) return wrap(back.error(), "nothing is written, for it could not be read again");
  if (std::ranges::equal(*back, entries)) return text;
  return fail(ErrorKind::invalid,
              "nothing is written: a name or group with a line break in it would be read as another");
}

// Reads, lets `change` do its work, writes. The lock ends with the process.
template <class Change>
Result<> change_file(const std::string& given, const Change& change) {
  std::error_code ignored;
  // Absolute, so that it has a folder; canonical, so that a symbolic link is written through.
  const std::filesystem::path file =
      std::filesystem::weakly_canonical(std::filesystem::absolute(given, ignored), ignored);
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return fail(ErrorKind::not_found,
                fmt::format("there is no folder {}", file.parent_path().string()));
  ::flock(folder, LOCK_EX);
  auto entries = read(file.string());
  if (!entries && entries.error().kind == ErrorKind::not_found) entries = Entries();
  if (!entries) return std::unexpected(entries.error());
  if (auto changed = change(*entries); !changed) return changed;
  const auto text = text_of(file.string(), *entries);
  if (!text) return std::unexpected(text.error());
  return store::write_file(file.string(), *text, 0600);
}

std::string in_use_when_loaded(const std::string& file) {
  return fmt::format("kept as a digest in {}; a running gateway takes it within two seconds\n",
                     config::printable(file));
}

WallTime now() { return io::EpollKernel().wall(); }

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out.empty() ? "-" : config::printable(out);
}

// Enough to tell keys apart. One that was written by hand may be anything.
std::string shown_digest(std::string_view digest) {
  constexpr std::string_view kScheme = "sha256:";
  if (digest.starts_with(kScheme)) digest.remove_prefix(kScheme.size());
  return config::printable(digest.substr(0, 12));
}

void list_json(const Entries& entries, WallTime at) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("keys").begin_array();
  for (const auth::KeyEntry& entry : entries) {
    json.begin_object().field("name", entry.name).key("groups").begin_array();
    for (const std::string& group : entry.groups) json.value(group);
    json.end_array().field("digest", entry.digest).key("expires");
    if (entry.expires)
      json.value(control::write_time(*entry.expires));
    else
      json.null();
    json.field("expired", entry.expires && *entry.expires <= at).end_object();
  }
  json.end_array().end_object();
  print(out + "\n");
}

int keys_add(const KeysOptions& options) {
  const auto file = keys_file(options);
  if (!file) return failed(file.error());
  auth::KeyEntry entry{.name = options.name, .groups = options.groups};
  if (!options.expires.empty()) {
    const auto expires = control::read_time(options.expires);
    if (!expires) return failed(expires.error(), kUsage);
    entry.expires = *expires;
  }
  std::array<std::byte, control::kKeyBytes> random;
  io::EpollKernel().random(random);
  const std::string key = control::key_text(random);
  entry.digest = auth::digest_text(key);
  std::size_t others = 0;
  const auto done = change_file(*file, [&](Entries& entries) -> Result<> {
    others =
        static_cast<std::size_t>(std::ranges::count(entries, entry.name, &auth::KeyEntry::name));
    entries.push_back(entry);
    return {};
  });
  if (!done) return failed(done.error());
  if (options.output == Output::json) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .field("name", entry.name)
        .field("key", key)
        .field("digest", entry.digest)
        .field("file", *file)
        .end_object();
    print(out + "\n");
    return kFine;
  }
  print(fmt::format("key of {}, shown this once: {}\n", config::printable(entry.name), key));
  if (others > 0)
    print(fmt::format(
        "{} has {} from before, still valid: weir keys revoke takes all of a name away\n",
        config::printable(entry.name), control::counted(others, "key")));
  print(in_use_when_loaded(*file));
  return kFine;
}

int keys_list(const KeysOptions& options) {
  const auto file = keys_file(options);
  if (!file) return failed(file.error());
  const auto entries = read(*file);
  if (!entries) return failed(entries.error());
  const WallTime at = now();
  if (options.output == Output::json) {
    list_json(*entries, at);
    return kFine;
  }
  std::size_t width = 4;
  for (const auth::KeyEntry& entry : *entries)
    width = std::clamp(entry.name.size(), width, std::size_t{40});
  std::string text =
      fmt::format("{:<{}}  {:<12}  {:<20}  groups\n", "name", width, "digest", "expires");
  for (const auth::KeyEntry& entry : *entries) {
    const std::string expires = entry.expires ? control::write_time(*entry.expires) : "never";
    text += fmt::format("{:<{}}  {:<12}  {:<20}  {}{}\n", config::printable(entry.name), width,
                        shown_digest(entry.digest), expires, joined(entry.groups),
                        entry.expires && *entry.expires <= at ? "   EXPIRED" : "");
  }
  print(text + fmt::format("{} in {}\n", control::counted(entries->size(), "key"),
                           config::printable(*file)));
  return kFine;
}

int keys_revoke(const KeysOptions& options) {
  const auto file = keys_file(options);
  if (!file) return failed(file.error());
  std::size_t gone = 0;
  const auto done = change_file(*file, [&](Entries& entries) -> Result<> {
    gone = std::erase_if(entries,
                         [&](const auth::KeyEntry& entry) { return entry.name == options.name; });
    if (gone > 0) return {};
    return fail(ErrorKind::not_found, fmt::format("{} holds no key of {}", config::printable(*file),
                                                  config::quote(options.name)));
  });
  if (!done) return failed(done.error());
  if (options.output == Output::json) {
    std::string out;
    JsonWriter(out)
        .begin_object()
        .field("name", options.name)
        .field("revoked", gone)
        .field("file", *file)
        .end_object();
    print(out + "\n");
  } else {
    print(fmt::format("revoked {} of {}: a running gateway refuses them within two seconds\n",
                      control::counted(gone, "key"), config::printable(options.name)));
  }
  return kFine;
}

std::string wrong_with_name(const std::string& name) {
  const bool fine = !name.empty() && name.size() <= 128 &&
                    std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c != 0x7F; });
  return fine ? "" : "a name has 1 to 128 bytes without blanks or control characters";
}

}  // namespace

Command keys_command() {
  auto options = std::make_shared<KeysOptions>();
  const auto one = [&options](std::string name, std::string what, int (*does)(const KeysOptions&)) {
    Command made{.name = std::move(name), .what = std::move(what), .does = [options, does] {
                   return does(*options);
                 }};
    config_option(made, options->config);
    made.add("--file", &options->file,
             "the file of keys (default: the one that the configuration names)", "FILE");
    output_option(made, options->output);
    return made;
  };
  Command add = one("add", "Make a key and print it, once", keys_add);
  Option& name = add.add("NAME", &options->name, "whose key it is");
  name.required = true;
  name.check = wrong_with_name;
  add.add("--groups", &options->groups, "groups of the caller, separated by commas", "NAMES")
      .by_commas = true;
  add.add("--expires", &options->expires, "from then on it is refused: 2027-01-31T00:00:00Z",
          "TIME");
  Command revoke = one("revoke", "Take all keys of a name away", keys_revoke);
  revoke.add("NAME", &options->name, "whose keys").required = true;
  return {
      .name = "keys",
      .what = "Add, list and revoke API keys",
      .footer =
          "Examples:\n  weir keys add acme --groups partners,eu --expires 2027-01-31T00:00:00Z\n"
          "  weir keys list\n  weir keys revoke acme\n"
          "The file holds digests only; a key is printed once, when it is made.",
      .below = {std::move(add), one("list", "List the keys by name and digest", keys_list),
                std::move(revoke)}};
}

}  // namespace weir::cmd
