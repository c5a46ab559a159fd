#include "control/keys_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "config/diagnostic.h"
#include "config/node.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using config::Node;

constexpr std::array kKeys = {"name", "groups", "digest", "expires"};

std::unexpected<Error> wrong(const std::string& file, const config::Span& at,
                             std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("{}:{}:{}: {}", file, at.line, at.column, what),
              Origin::config);
}

Result<auth::KeyEntry> read_entry(const std::string& file, const Node& node) {
  if (!node.is_mapping())
    return wrong(file, node.at, "a key is a mapping: {name: acme, digest: \"sha256:…\"}");
  for (std::size_t i = 0; i < node.children.size(); i += 2) {
    const std::string_view key = node.children[i].text;
    if (std::ranges::find(kKeys, key) == kKeys.end()) {
      return wrong(file, node.children[i].at,
                   fmt::format("unknown key {}; a key has name, groups, digest and expires",
                               config::quote(key)));
    }
  }
  auth::KeyEntry entry;
  const Node* name = node.find("name");
  const Node* digest = node.find("digest");
  if (name == nullptr || !name->is_scalar() || name->text.empty())
    return wrong(file, node.at, "a key needs a name: name: acme");
  if (digest == nullptr || !digest->is_scalar())
    return wrong(file, node.at, "a key needs a digest; weir keys add makes one");
  entry.name = name->text;
  entry.digest = digest->text;
  if (const Node* groups = node.find("groups"); groups != nullptr) {
    if (!groups->is_sequence()) return wrong(file, groups->at, "groups is a list: groups: [acme]");
    for (const Node& group : groups->children) entry.groups.emplace_back(group.text);
  }
  if (const Node* expires = node.find("expires"); expires != nullptr && !expires->is_null()) {
    const auto time = read_time(expires->text);
    if (!time) return wrong(file, expires->at, time.error().context);
    entry.expires = *time;
  }
  return entry;
}

}  // namespace

Result<std::vector<auth::KeyEntry>> read_keys(const std::string& file, std::string_view text) {
  config::Diagnostics diagnostics;
  const auto tree = config::parse(0, text, {}, diagnostics);
  if (!tree || diagnostics.has_errors()) {
    const config::Diagnostic& first = diagnostics.list().front();
    return wrong(file, first.at, first.message);
  }
  std::vector<auth::KeyEntry> entries;
  for (const Node& document : tree->documents) {
    if (document.is_null()) continue;
    if (!document.is_sequence())
      return wrong(file, document.at, "a keys file is a list of {name, groups, digest, expires}");
    for (const Node& node : document.children) {
      auto entry = read_entry(file, node);
      if (!entry) return std::unexpected(entry.error());
      entries.push_back(std::move(*entry));
    }
  }
  return entries;
}

std::string write_keys(const std::vector<auth::KeyEntry>& entries) {
  std::string text =
      "# API keys of weir, by digest; the keys themselves are nowhere. Changed by: weir keys add | "
      "revoke\n";
  if (entries.empty()) return text + "[]\n";
  const auto quoted = [](std::string_view plain) {
    std::string out = "\"";
    for (char c : plain) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  };
  for (const auth::KeyEntry& entry : entries) {
    text += fmt::format("- name: {}\n", quoted(entry.name));
    if (!entry.groups.empty()) {
      text += "  groups: [";
      for (std::size_t i = 0; i < entry.groups.size(); ++i)
        text += (i == 0 ? "" : ", ") + quoted(entry.groups[i]);
      text += "]\n";
    }
    text += fmt::format("  digest: \"{}\"\n", entry.digest);
    if (entry.expires) text += fmt::format("  expires: \"{}\"\n", write_time(*entry.expires));
  }
  return text;
}

std::string key_text(std::span<const std::byte, kKeyBytes> random) {
  std::string key = "weir_";
  for (const std::byte each : random) key += fmt::format("{:02x}", static_cast<unsigned>(each));
  return key;
}

Result<WallTime> read_time(std::string_view text) {
  const auto wrong_time = [&] {
    return fail(
        ErrorKind::invalid,
        fmt::format("\"{}\" is not a time; write 2027-01-31T00:00:00Z", config::printable(text)),
        Origin::config);
  };
  if (text.size() != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text[19] != 'Z') {
    return wrong_time();
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + size, value);
    return error == std::errc() && end == text.data() + at + size ? value : -1;
  };
  std::tm parts{};
  parts.tm_year = number(0, 4) - 1900;
  parts.tm_mon = number(5, 2) - 1;
  parts.tm_mday = number(8, 2);
  parts.tm_hour = number(11, 2);
  parts.tm_min = number(14, 2);
  parts.tm_sec = number(17, 2);
  const std::tm asked = parts;
  const std::time_t seconds = timegm(&parts);
  // timegm carries over what does not exist (31 February): only what came back unchanged was a
  // date.
  if (asked.tm_year < 70 || asked.tm_mon != parts.tm_mon || asked.tm_mday != parts.tm_mday ||
      asked.tm_hour != parts.tm_hour || asked.tm_min != parts.tm_min ||
      asked.tm_sec != parts.tm_sec) {
    return wrong_time();
  }
  return WallTime(std::chrono::seconds(seconds));
}

std::string write_time(WallTime time) {
  const std::time_t seconds = time.time_since_epoch() / std::chrono::seconds(1);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace weir::control
