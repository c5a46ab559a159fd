#include "drill/gateway.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <set>

#include "config/report.h"
#include "control/keys_file.h"
#include "control/load.h"
#include "control/plan_policy.h"
#include "drill/requests.h"
#include "fmt/core.h"
#include "io/listener.h"
#include "store/files.h"

namespace weir::drill {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kReady = std::chrono::seconds(20);
constexpr Nanos kApply = std::chrono::seconds(30);
constexpr Nanos kLook = std::chrono::milliseconds(20);
constexpr std::uint16_t kFirstPort = 12'000, kPorts = 20'000;

std::unexpected<Error> not_fit(const config::Input& input, const Source& at, std::string what,
                               std::string remedy) {
  config::Outcome outcome;
  outcome.errors = 1;
  outcome.diagnostics.push_back({.rule = config::Rule::conflict,
                                 .severity = config::Severity::error,
                                 .at = {.file = at.file, .line = at.line, .column = 1, .length = 0},
                                 .message = std::move(what),
                                 .remedy = std::move(remedy),
                                 .notes = {}});
  return fail(ErrorKind::invalid, config::render_text(outcome, input.files), Origin::config);
}

// Bytes that an address may be a part of something longer with.
bool joins(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
         c == ':' || c == '-' || c == '_' || c == '[' || c == ']';
}

}  // namespace

std::string moved(std::string_view text, const std::map<std::string, std::string>& moves) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool begins =
        at == 0 || !joins(text[at - 1]) || text[at - 1] == '[';  // a list in brackets
    const auto found = !begins ? moves.end() : std::ranges::find_if(moves, [&](const auto& move) {
      const std::size_t end = at + move.first.size();
      return text.substr(at).starts_with(move.first) &&
             (end == text.size() || !joins(text[end]) || text[end] == ']');
    });
    if (found == moves.end()) {
      out += text[at++];
    } else {
      out += found->second;
      at += found->first.size();
    }
  }
  return out;
}

Result<SocketAddress> free_address(io::Loop& loop) {
  for (int tries = 0; tries < 200; ++tries) {
    std::uint16_t drawn = 0;
    loop.random(std::as_writable_bytes(std::span(&drawn, 1)));
    SocketAddress address{.address = Address::v4(127, 0, 0, 1),
                          .port = static_cast<std::uint16_t>(kFirstPort + drawn % kPorts)};
    if (io::Listener::open(loop, address)) return address;
  }
  return fail(ErrorKind::full, "no port of 127.0.0.1 is free", Origin::system);
}

Result<> Gateway::read() {
  auto input = control::read_configuration(options_.file);
  if (!input) return std::unexpected(std::move(input.error()));
  names_ = std::make_unique<NameTable>();
  config::Outcome outcome = config::compile(*input, *names_);
  if (outcome.policy == nullptr)
    return fail(ErrorKind::invalid, config::render_text(outcome, input->files), Origin::config);
  policy_ = std::move(outcome.policy);
  input_ = std::move(*input);
  return {};
}

std::vector<std::string> Gateway::endpoints() const {
  std::vector<std::string> all;
  for (const Endpoint& endpoint : policy_->endpoints) all.emplace_back(names_->text(endpoint.name));
  return all;
}

bool Gateway::has_endpoint(std::string_view written) const {
  return std::ranges::any_of(policy_->endpoints, [&](const Endpoint& endpoint) {
    return names_->text(endpoint.name) == written;
  });
}

Result<Proof> Gateway::proof(std::string_view identity) const {
  for (const IdentityRule& rule : policy_->identities) {
    if (names_->text(rule.name) != identity) continue;
    return Proof{
        .kind = rule.kind == IdentityKind::api_key ? Proof::Kind::api_key : Proof::Kind::service,
        .header = rule.header,
        .scheme = rule.scheme};
  }
  return fail(
      ErrorKind::not_found,
      fmt::format("the gateway's configuration has no identity rule {}", config::quote(identity)));
}

// Traffics may share callers: a caller's key goes by its name.
void Gateway::give_keys(const Offer& offer) {
  auto& entries = keys_[offer.spec.callers.value.identity.value.text];
  for (std::size_t i = 0; i < offer.population.size(); ++i) {
    const std::string& name = offer.population.name(i);
    entries[name] = {.name = name,
                     .groups = {},
                     .digest = auth::digest_text(offer.population.key(i)),
                     .expires = {}};
  }
}

// A TCP address of the gateway's own gets a free port, once.
Result<> Gateway::place(SocketAddress address) {
  const std::string written = to_string(address);
  if (address.is_unix() || moves_.contains(written)) return {};
  auto free = free_address(loop_);
  if (!free) return std::unexpected(std::move(free.error()));
  moves_[written] = to_string(*free);
  return {};
}

Result<> Gateway::move_all(const Policy& policy, const config::Input& input) {
  for (const Listener& listener : policy.listeners) {
    if (!listener.address.is_unix() && !listener.address.address.is_loopback())
      return not_fit(
          input, listener.source,
          fmt::format("the listener {} is not on loopback", to_string(listener.address)),
          fmt::format("a drill stays on this machine: write 127.0.0.1:{}", listener.address.port));
    if (auto placed = place(listener.address); !placed) return placed;
  }
  if (policy.admin) {
    if (!policy.admin->is_unix() && !policy.admin->address.is_loopback())
      return not_fit(
          input, {.file = 0, .line = 1, .column = 1},
          fmt::format("the admin address {} is not on loopback", to_string(*policy.admin)),
          fmt::format("a drill stays on this machine: write 127.0.0.1:{}", policy.admin->port));
    if (auto placed = place(*policy.admin); !placed) return placed;
  }
  for (const Endpoint& endpoint : policy.endpoints) {
    if (moves_.contains(std::string(names_->text(endpoint.name)))) continue;
    return not_fit(input, endpoint.source,
                   fmt::format("the endpoint {} is none of the scenario's upstreams",
                               config::quote(names_->text(endpoint.name))),
                   "add it to an upstream of the scenario: a drill calls nothing else");
  }
  return {};
}

// Files of keys: those of the scenario's callers, else the ones that are named, wherever the
// configuration lies now, else none.
Result<> Gateway::replace_keys(config::Input& input, const Policy& policy) {
  for (const IdentityRule& rule : policy.identities) {
    if (rule.kind != IdentityKind::api_key) continue;
    const std::string name(names_->text(rule.name));
    std::string path = rule.keys_file;
    const auto keys = keys_.find(name);
    std::error_code error;
    if (keys != keys_.end() || !fs::exists(path, error)) {
      path = fmt::format("{}/keys-{}.yaml", options_.folder, name);
      std::vector<auth::KeyEntry> entries;
      if (keys != keys_.end()) {
        for (const auto& [caller, entry] : keys->second) entries.push_back(entry);
      }
      if (auto done = store::write_file(path, control::write_keys(entries), 0600); !done)
        return done;
    }
    if (auto set =
            control::set_value(input, fmt::format("identity.{}.api_key.file={}", name, path));
        !set)
      return set;
  }
  return {};
}

// Where they stand, however they are written there: one that was missed would be a port, or a
// socket, of who runs the gateway here in earnest.
Result<> Gateway::set_addresses(config::Input& input, const Policy& policy) const {
  const auto set = [&](const std::string& path, const SocketAddress& address,
                       std::string_view socket) -> Result<> {
    const std::string actual = address.is_unix()
                                   ? fmt::format("unix:{}/{}.sock", options_.folder, socket)
                                   : moves_.at(to_string(address));
    return control::set_value(input, path + "=" + actual);
  };
  for (const Listener& listener : policy.listeners) {
    const std::string name(names_->text(listener.name));
    if (auto done = set("listeners." + name + ".address", listener.address, "listener-" + name);
        !done)
      return done;
  }
  if (policy.admin) return set("admin.address", *policy.admin, "admin");
  return {};
}

Result<config::Input> Gateway::fit(config::Input input) {
  config::Outcome outcome = config::compile(input, *names_);
  if (outcome.policy == nullptr)
    return fail(ErrorKind::invalid, config::render_text(outcome, input.files), Origin::config);
  const Policy& policy = *outcome.policy;
  if (auto moves = move_all(policy, input); !moves)
    return std::unexpected(std::move(moves.error()));
  if (!policy.data_dir.empty()) {
    if (auto set = control::set_value(input, "data_dir=" + options_.folder + "/data"); !set)
      return std::unexpected(std::move(set.error()));
  }
  if (policy.access_log.starts_with('/')) {
    if (auto set = control::set_value(input, "access_log=" + options_.folder + "/access.log"); !set)
      return std::unexpected(std::move(set.error()));
  }
  if (auto keys = replace_keys(input, policy); !keys)
    return std::unexpected(std::move(keys.error()));
  for (config::SourceFile& file : input.files) file.text = moved(file.text, moves_);
  if (auto set = set_addresses(input, policy); !set) return std::unexpected(std::move(set.error()));
  const SocketAddress& first = policy.listeners.front().address;
  if (first.is_unix())
    return fail(ErrorKind::invalid,
                "the first listener of the gateway is a unix socket; the drill needs a TCP one",
                Origin::config);
  address_ = *SocketAddress::parse(moves_.at(to_string(first)));
  socket_ = options_.folder +
            (policy.data_dir.empty() ? "/conf/weir-data/admin.sock" : "/data/admin.sock");
  return input;
}

Result<std::string> Gateway::write(const config::Input& input) {
  const fs::path folder =
      fs::path(options_.folder) / (written_ == 0 ? "conf" : fmt::format("conf-{}", written_));
  ++written_;
  std::error_code error;
  fs::create_directories(folder, error);
  fs::path file;
  for (const config::SourceFile& each : input.files) {
    file = folder / fs::path(each.name).filename();
    if (auto done = store::write_file(file.string(), each.text, 0600); !done)
      return std::unexpected(std::move(done.error()));
  }
  return input.files.size() == 1 ? file.string() : folder.string();
}

io::Task<Result<>> Gateway::boot() {
  auto fitted = fit(input_);
  if (!fitted) co_return std::unexpected(std::move(fitted.error()));
  auto path = write(*fitted);
  if (!path) co_return std::unexpected(std::move(path.error()));
  child_ = std::make_unique<Child>(options_.program, std::vector<std::string>{"run", "-c", *path},
                                   options_.folder + "/gateway.out");
  if (auto started = child_->start(); !started) co_return started;
  const Stamp until = loop_.refresh() + kReady;
  while (loop_.now() < until && child_->running()) {
    auto answer = co_await call(loop_, SocketAddress{.unix_path = socket_}, "GET", "/readyz", "",
                                std::chrono::seconds(2));
    if (answer && answer->status == 200) co_return Result<>{};
    if (auto slept = co_await loop_.sleep_for(kLook); !slept) co_return slept;
  }
  co_return fail(ErrorKind::timeout, fmt::format("the gateway did not get ready:\n{}",
                                                 config::printable(last_words())));
}

io::Task<Result<>> Gateway::set(const ValueMap& values, std::string_view reason) {
  config::Input input = input_;
  for (const auto& [path, value] : values.entries) {
    auto set = control::set_value(input, path.value.text + "=" + value.value.text);
    if (!set) co_return set;
  }
  co_return co_await take(std::move(input), reason);
}

io::Task<Result<>> Gateway::apply(const std::string& file, std::string_view reason) {
  auto input = control::read_configuration(file);
  if (!input) co_return std::unexpected(std::move(input.error()));
  co_return co_await take(std::move(*input), reason);
}

io::Task<Result<>> Gateway::take(config::Input input, std::string_view reason) {
  auto fitted = fit(input);
  if (!fitted) co_return std::unexpected(std::move(fitted.error()));
  auto path = write(*fitted);
  if (!path) co_return std::unexpected(std::move(path.error()));
  Child apply(options_.program,
              {"apply", *path, "--admin", socket_, "--now", "--reason", std::string(reason)},
              fmt::format("{}/apply-{}.out", options_.folder, written_));
  if (auto started = apply.start(); !started) co_return started;
  const Stamp until = loop_.refresh() + kApply;
  while (apply.running() && loop_.now() < until) {
    if (auto slept = co_await loop_.sleep_for(kLook); !slept) co_return slept;
  }
  if (apply.exit_code() != 0) {
    co_return fail(ErrorKind::invalid,
                   fmt::format("the gateway did not take it:\n{}{}", apply.printed(),
                               config::printable(apply.complained())));
  }
  input_ = std::move(input);
  co_return Result<>{};
}

std::string Gateway::last_words() const { return child_ ? child_->complained() : std::string(); }

bool Gateway::end() { return !child_ || child_->end(std::chrono::seconds(5)); }

}  // namespace weir::drill
