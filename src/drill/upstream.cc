#include "drill/upstream.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

constexpr std::string_view kFilling = "a simulated answer of weir drill\n";

// What the client asked to be answered with; 0: nothing.
std::uint16_t forced_status(const http::RequestHead& head) {
  const http::Field* field = head.fields.find("X-Drill-Status");
  if (field == nullptr) return 0;
  std::uint16_t status = 0;
  const auto [end, error] =
      std::from_chars(field->value.data(), field->value.data() + field->value.size(), status);
  const bool whole = error == std::errc() && end == field->value.data() + field->value.size();
  return whole && status >= 400 && status <= 599 ? status : 0;
}

std::string filled(std::size_t size) {
  std::string text;
  text.reserve(size);
  while (text.size() < size) text += kFilling.substr(0, size - text.size());
  text.back() = '\n';
  return text;
}

}  // namespace

Upstream::Upstream(io::Loop& loop, Behaviour behaviour, std::uint64_t seed)
    : loop_(loop),
      behaviour_(std::move(behaviour)),
      chance_(seed),
      station_(behaviour_.workers.value, behaviour_.queue.value),
      moved_(loop),
      door_(loop, *this),
      control_(loop, {.describe = [this] { return describe(); },
                      .change = [this](std::string yaml) { return take(std::move(yaml)); }}) {}

Result<> Upstream::open(const SocketAddress& listen, const SocketAddress& control) {
  if (auto opened = door_.open(listen); !opened) return opened;
  if (auto opened = control_.open(control); !opened) return opened;
  loop_.root().spawn([this] { return work_loop(); });
  return {};
}

Nanos Upstream::service(std::uint64_t job) {
  const auto size = sizes_.extract(job);
  const double kib = size.empty() ? 0 : static_cast<double>(size.mapped()) / 1024;
  const Nanos drawn = behaviour_.latency.value.value(chance_.unit(Draw::service, job, 0),
                                                     chance_.unit(Draw::service, job, 1));
  const double nanos = (static_cast<double>(drawn.count()) +
                        kib * static_cast<double>(behaviour_.per_kib.value.value.count())) *
                       behaviour_.slowdown.value.value;
  const Nanos takes(static_cast<std::int64_t>(std::min(nanos, 3.6e12)));
  if (const auto work = waited_for_.find(job); work != waited_for_.end()) work->second.took = takes;
  return takes;
}

// Does what is due by now; the handlers of finished jobs go on.
void Upstream::work() {
  std::vector<Station::Job> finished;
  station_.advance(loop_.now(), [this](Station::Job job) { return service(job); }, finished);
  for (const Station::Job job : finished) {
    const auto waited = waited_for_.find(job);
    if (waited == waited_for_.end() || waited->second.left) ++counts_.abandoned;
    if (waited != waited_for_.end()) waited->second.done->open();
  }
}

io::Task<> Upstream::work_loop() {
  while (!loop_.cancelled()) {
    work();
    (void)co_await moved_.wait(station_.next());
  }
}

bool Upstream::fails(std::uint64_t job, std::string_view method) const {
  const auto& only = behaviour_.error_methods.value;
  const bool meant = only.empty() || std::ranges::any_of(only, [&](const auto& each) {
                       return each.value.text == method;
                     });
  return meant && chance_.unit(Draw::error, job) < behaviour_.errors.value.of_one();
}

io::Task<> Upstream::handle(wire::ServerStream& stream) {
  const std::string method(stream.head().method);
  const bool health = stream.head().path == behaviour_.health.value.text;
  const std::uint16_t forced = forced_status(stream.head());
  std::string kept;
  std::uint64_t size = 0;
  if (!co_await read_body(stream, 0, kept, size)) {
    stream.abort();
    co_return;
  }
  if (health) {
    ++counts_.health;
    co_return co_await answer(stream, behaviour_.healthy.value ? 200 : 503, Nanos(0));
  }
  ++counts_.requests;
  const std::uint64_t job = jobs_++;
  const Stamp came = loop_.now();
  work();  // the queue's room is as of now
  io::Gate done(loop_);
  Work& waited = waited_for_[job];
  waited.done = &done;
  sizes_[job] = size;
  if (!station_.arrive(came, job, [this](Station::Job each) { return service(each); })) {
    waited_for_.erase(job);
    sizes_.erase(job);
    ++counts_.full;
    co_return co_await answer(stream, 503, Nanos(0), "the queue is full\n");
  }
  moved_.open();
  // A gateway never sends while it waits: what comes is its end.
  stream.on_peer_event([](void* work) { static_cast<Work*>(work)->left = true; }, &waited);
  const auto own = behaviour_.timeout.value;
  const auto told = co_await done.wait(own ? came + *own : io::kNever);
  stream.on_peer_event(nullptr, nullptr);
  const Nanos worked = waited_for_.extract(job).mapped().took;
  if (!told && told.error().kind != ErrorKind::timeout) {  // the process ends
    stream.abort();
    co_return;
  }
  if (!told) {
    ++counts_.timeouts;
    co_return co_await answer(stream, static_cast<std::uint16_t>(behaviour_.timeout_status.value),
                              Nanos(0), "timed out within\n");
  }
  if (chance_.unit(Draw::drop, job) < behaviour_.resets.value.of_one()) {
    ++counts_.resets;
    stream.abort();  // nothing of an answer was sent, so this resets
    co_return;
  }
  if (forced != 0 || fails(job, method)) {
    ++counts_.errors;
    co_return co_await answer(
        stream, forced != 0 ? forced : static_cast<std::uint16_t>(behaviour_.error_status.value),
        worked, "simulated failure\n");
  }
  ++counts_.answered;
  co_await answer(stream, 200, worked);
}

io::Task<> Upstream::answer(wire::ServerStream& stream, std::uint16_t status, Nanos worked,
                            std::string_view text) {
  const std::string body = text.empty() ? filled(behaviour_.answer.value.count) : std::string(text);
  const std::string spent = fmt::format("{:.3f}", static_cast<double>(worked.count()) / 1e6);
  const std::string version = behaviour_.version.value.text;
  http::Fields fields;
  fields.add(http::FieldId::content_type, "text/plain");
  if (!version.empty()) fields.add("X-Version", version, http::FieldId::other);
  fields.add("X-Worked-Ms", spent, http::FieldId::other);
  co_await send_answer(stream, status, fields, body);
}

io::Task<> Upstream::refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) {
  stream.close_after();
  co_await answer(stream, timed_out ? 408 : http::info(violation).status, Nanos(0),
                  std::string(http::info(violation).text) + "\n");
}

io::Task<Result<>> Upstream::take(std::string yaml) {
  if (auto changed = change(behaviour_, yaml); !changed) co_return changed;
  station_.resize(behaviour_.workers.value, behaviour_.queue.value);
  moved_.open();
  co_return Result<>{};
}

std::string Upstream::describe() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("behaviour", print(behaviour_)).key("counts").begin_object();
  json.field("requests", counts_.requests)
      .field("answered", counts_.answered)
      .field("errors", counts_.errors)
      .field("resets", counts_.resets)
      .field("queue_full", counts_.full)
      .field("own_timeouts", counts_.timeouts)
      .field("abandoned", counts_.abandoned)
      .field("health_checks", counts_.health);
  json.end_object()
      .field("busy", station_.busy())
      .field("waiting", station_.waiting())
      .field("connections", door_.connections())
      .end_object();
  return out;
}

}  // namespace weir::drill
