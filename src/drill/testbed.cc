#include "drill/testbed.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "config/rules.h"
#include "drill/requests.h"
#include "drill/scenario.h"
#include "fmt/core.h"
#include "io/scope.h"

namespace weir::drill {
namespace {

constexpr Nanos kHeard = std::chrono::seconds(10);
constexpr Nanos kLook = std::chrono::milliseconds(5);
constexpr Nanos kTell = std::chrono::seconds(5);
constexpr std::string_view kAnyPort = "127.0.0.1:0";

// The address behind a word of the line that a process prints once it listens.
std::optional<SocketAddress> address_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + word.size());
  while (text.starts_with(' ')) text.remove_prefix(1);
  const std::size_t end = text.find_first_of(" \n");
  if (end == std::string_view::npos) return std::nullopt;
  auto address = SocketAddress::parse(text.substr(0, end));
  if (!address) return std::nullopt;
  return *address;
}

std::string faults_yaml(const List<Fault>& faults) {
  std::string list;
  for (const auto& fault : faults) list += (list.empty() ? "" : ", ") + print_fault(fault.value);
  return "{faults: [" + list + "]}";
}

}  // namespace

Testbed::Testbed(io::Loop& loop, const ScenarioSpec& scenario, Options options)
    : loop_(loop),
      scenario_(scenario),
      options_(std::move(options)),
      gateway_(
          loop,
          {.program = options_.program, .file = options_.gateway_file, .folder = options_.folder}),
      started_(loop) {}

Result<> Testbed::read(config::Diagnostics& diagnostics) {
  if (auto read = gateway_.read(); !read) return read;
  const std::vector<std::string> known = gateway_.endpoints();
  const std::vector<std::string_view> views(known.begin(), known.end());
  for (const auto& upstream : scenario_.upstreams.value) {
    for (const auto& endpoint : upstream.value.endpoints.value) {
      if (gateway_.has_endpoint(endpoint.value.written)) continue;
      const std::string_view near = config::nearest(endpoint.value.written, views);
      diagnostics.add(config::Rule::unknown_reference, endpoint.at,
                      fmt::format("the gateway's configuration has no endpoint {}",
                                  config::quote(endpoint.value.written)),
                      near.empty() ? "name endpoints as the configuration does"
                                   : fmt::format("did you mean {}?", near));
    }
  }
  for (const auto& traffic : scenario_.traffic.value) {
    const auto& identity = traffic.value.callers.value.identity;
    if (!identity.given()) continue;
    if (auto proof = gateway_.proof(identity.value.text); !proof)
      diagnostics.add(config::Rule::unknown_reference, identity.at, proof.error().context,
                      "name one of its identity rules");
  }
  return {};
}

std::vector<Offer> Testbed::offers() const {
  std::vector<Offer> all;
  for (const auto& traffic : scenario_.traffic.value) {
    const auto& identity = traffic.value.callers.value.identity;
    auto proof = identity.given() ? gateway_.proof(identity.value.text) : Result<Proof>(Proof{});
    all.push_back({.spec = traffic.value,
                   .population = Population(traffic.value.callers.value, scenario_.seed.value),
                   .proof = proof ? *proof : Proof{}});
  }
  return all;
}

io::Task<Result<>> Testbed::start(std::span<const Offer> offers) {
  if (auto started = co_await start_upstreams(); !started) co_return started;
  if (auto started = co_await start_links(); !started) co_return started;
  for (const auto& [written, address] : ways_) gateway_.move(written, to_string(address));
  for (const Offer& offer : offers) {
    if (offer.proof.kind == Proof::Kind::api_key) gateway_.give_keys(offer);
  }
  if (auto booted = co_await gateway_.boot(); !booted) co_return booted;
  entrance_ = gateway_.address();
  for (const auto& link : scenario_.links.value) {  // those before the gateway know its address now
    if (link.value.before.value.text != "gateway") continue;
    if (auto started = co_await start_link(link.value, "gateway", entrance_, links_.size());
        !started)
      co_return started;
  }
  co_return Result<>{};
}

io::Task<Result<>> Testbed::launch(Process& process, std::vector<std::string> words,
                                   std::string output) {
  process.child = std::make_unique<Child>(options_.program, std::move(words),
                                          options_.folder + "/" + output, SIGKILL);
  if (auto started = process.child->start(); !started) co_return started;
  co_return co_await heard(process);
}

// Until it says where it listens.
io::Task<Result<>> Testbed::heard(Process& process) {
  const Stamp until = loop_.refresh() + kHeard;
  while (loop_.now() < until) {
    const std::string printed = process.child->printed();
    const auto address = address_after(printed, "listens on "),
               control = address_after(printed, "control ");
    if (address && control) {
      process.address = *address;
      process.control = *control;
      co_return Result<>{};
    }
    if (!process.child->running()) break;
    if (auto slept = co_await loop_.sleep_for(kLook); !slept) co_return slept;
  }
  co_return fail(ErrorKind::timeout,
                 fmt::format("the process of {} did not start: {}", process.name,
                             config::printable(process.child->complained())));
}

io::Task<Result<>> Testbed::start_upstreams() {
  std::size_t number = 0;
  for (const auto& upstream : scenario_.upstreams.value) {
    for (const auto& endpoint : upstream.value.endpoints.value) {
      Process process{.name = upstream.value.name.value.text,
                      .endpoint = endpoint.value.written,
                      .child = {},
                      .address = {},
                      .control = {}};
      std::vector<std::string> words = {
          "drill",       "upstream",
          "--listen",    std::string(kAnyPort),
          "--control",   std::string(kAnyPort),
          "--seed",      fmt::format("{}", scenario_.seed.value + number),
          "--behaviour", print(upstream.value.behaviour.value)};
      auto started =
          co_await launch(process, std::move(words), fmt::format("upstream-{}.out", number++));
      ways_[process.endpoint] = process.address;
      upstreams_.push_back(std::move(process));
      if (!started) co_return started;
    }
  }
  co_return Result<>{};
}

std::vector<std::string> Testbed::endpoints_of(const std::string& before) const {
  std::vector<std::string> all;
  for (const Process& process : upstreams_) {
    if (process.name == before || process.endpoint == before) all.push_back(process.endpoint);
  }
  return all;
}

io::Task<Result<>> Testbed::start_links() {
  for (const auto& link : scenario_.links.value) {
    for (const std::string& endpoint : endpoints_of(link.value.before.value.text)) {
      if (auto started = co_await start_link(link.value, endpoint, ways_[endpoint], links_.size());
          !started)
        co_return started;
    }
  }
  co_return Result<>{};
}

// A proxy in front of what `way` leads to; from then on `way` leads to the proxy.
io::Task<Result<>> Testbed::start_link(const LinkSpec& link, const std::string& endpoint,
                                       SocketAddress& way, std::size_t number) {
  Process process{.name = link.name.value.text,
                  .endpoint = endpoint,
                  .child = {},
                  .address = {},
                  .control = {}};
  std::vector<std::string> words = {
      "drill",     "fault",
      "--listen",  std::string(kAnyPort),
      "--control", std::string(kAnyPort),
      "--to",      to_string(way),
      "--seed",    fmt::format("{}", scenario_.seed.value + 1000 + number)};
  for (const auto& fault : link.faults.value) {
    words.emplace_back("--fault");
    words.push_back(print_fault(fault.value));
  }
  auto started = co_await launch(process, std::move(words), fmt::format("link-{}.out", number));
  way = process.address;
  links_.push_back(std::move(process));
  co_return started;
}

Testbed::Process* Testbed::process_of(const std::string& endpoint) {
  const auto found = std::ranges::find(upstreams_, endpoint, &Process::endpoint);
  return found == upstreams_.end() ? nullptr : &*found;
}

// The same process again, at the same addresses, as it was at first.
io::Task<Result<>> Testbed::restart(Process& process) {
  while (process.killed && process.child->running())
    if (auto slept = co_await loop_.sleep_for(kLook); !slept) co_return slept;
  if (process.child->running()) co_return fail(ErrorKind::busy, process.endpoint + " runs already");
  const auto number = static_cast<std::size_t>(&process - upstreams_.data());
  const auto upstream = std::ranges::find_if(scenario_.upstreams.value, [&](const auto& each) {
    return each.value.name.value.text == process.name;
  });
  std::vector<std::string> words = {"drill",       "upstream",
                                    "--listen",    to_string(process.address),
                                    "--control",   to_string(process.control),
                                    "--seed",      fmt::format("{}", scenario_.seed.value + number),
                                    "--behaviour", print(upstream->value.behaviour.value)};
  process.killed = false;
  process.starting = true;
  auto launched =
      co_await launch(process, std::move(words), fmt::format("upstream-{}.out", number));
  process.starting = false;
  started_.open();
  co_return launched;
}

// At once where it is not being started; also when it did not come up.
io::Task<Result<>> Testbed::started(const Process& process) {
  while (process.starting) {
    if (auto told = co_await started_.wait(io::kNever); !told) co_return told;
  }
  co_return Result<>{};
}

io::Task<Result<>> Testbed::signal(const std::string& endpoint, int number) {
  Process& process = *process_of(endpoint);
  if (auto waited = co_await started(process); !waited) co_return waited;
  process.child->signal(number);
  process.killed |= number == SIGKILL;
  co_return Result<>{};
}

// All at once: one that does not answer keeps nothing from the others.
io::Task<Result<>> Testbed::tell(std::vector<Process>& all, std::string name, std::string endpoint,
                                 std::string yaml) {
  Result<> first;
  io::Scope asked(loop_);
  for (Process& process : all) {
    if (!name.empty() && process.name != name) continue;
    if (!endpoint.empty() && process.endpoint != endpoint) continue;
    if (endpoint.empty() && !process.child->running()) continue;  // it was killed
    asked.spawn([&] { return tell_one(process, yaml, first); });
  }
  co_await asked.join();
  co_return first;
}

io::Task<> Testbed::tell_one(const Process& process, const std::string& yaml, Result<>& first) {
  if (auto waited = co_await started(process); !waited) {
    first = std::move(waited);
    co_return;
  }
  auto answer = co_await call(loop_, process.control, "PUT", "/", yaml, kTell);
  if (!first || (answer && answer->status == 200)) co_return;
  const std::string which = fmt::format("{} {}", process.name, process.endpoint);
  first = answer ? fail(ErrorKind::invalid,
                        fmt::format("{}: {}", which, config::printable(answer->body)))
                 : wrap(std::move(answer.error()), which);
}

io::Task<Result<>> Testbed::carry_out(const EventSpec& event) {
  const std::string reason = "drill: " + describe(event);
  if (event.gateway.given()) co_return co_await gateway_.set(event.gateway.value, reason);
  if (event.apply.given()) {
    const std::string file = (std::filesystem::path(options_.beside) / event.apply.value.text)
                                 .lexically_normal()
                                 .string();
    co_return co_await gateway_.apply(file, reason);
  }
  if (event.change.given())
    co_return co_await tell(upstreams_, event.upstream.value.text, event.endpoint.value.text,
                            print_given(event.change.value));
  if (event.link.given())
    co_return co_await tell(links_, event.link.value.text, "", faults_yaml(event.faults.value));
  if (event.start.given()) co_return co_await restart(*process_of(event.start.value.text));
  if (event.kill.given()) co_return co_await signal(event.kill.value.text, SIGKILL);
  if (event.freeze.given()) co_return co_await signal(event.freeze.value.text, SIGSTOP);
  if (event.thaw.given()) co_return co_await signal(event.thaw.value.text, SIGCONT);
  co_return Result<>{};
}

io::Task<std::vector<Testbed::Report>> Testbed::reports(std::vector<Process>& all) {
  std::vector<Report> made;
  for (Process& process : all) {
    Report report{.name = process.name, .endpoint = process.endpoint, .json = {}};
    if (process.child && process.child->running()) {
      auto answer = co_await call(loop_, process.control, "GET", "/", "", std::chrono::seconds(1));
      if (answer && answer->status == 200) report.json = std::move(answer->body);
    }
    while (report.json.ends_with('\n')) report.json.pop_back();
    made.push_back(std::move(report));
  }
  co_return made;
}

io::Task<std::vector<Testbed::Report>> Testbed::upstream_reports() { return reports(upstreams_); }
io::Task<std::vector<Testbed::Report>> Testbed::link_reports() { return reports(links_); }

// The gateway first: it has the most to say when its upstreams go.
std::vector<std::string> Testbed::end() {
  std::vector<std::string> killed;
  if (!gateway_.end()) killed.emplace_back("the gateway");
  for (std::vector<Process>* all : {&links_, &upstreams_}) {
    for (Process& process : *all) {
      if (process.child) process.child->signal(SIGCONT);
      if (process.child) process.child->signal(SIGINT);
    }
    for (Process& process : *all) {
      if (process.child && !process.child->end(std::chrono::seconds(2)))
        killed.push_back(process.name + " " + process.endpoint);
    }
  }
  return killed;
}

}  // namespace weir::drill
