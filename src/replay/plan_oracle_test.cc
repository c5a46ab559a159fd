// Exactness: over the logs of ../shared/data, what `plan` refuses equals, request by request, two
// oracles written from their definitions: a token bucket of capacity `burst` that fills with `rate`
// a second, in integers, one for each key; and limit_req of nginx with `burst=B nodelay`, which is
// a bucket of B + 1, in nginx's own integers. Both readings of a 1 s clock: all requests of a
// second at its beginning, and the i-th of n at i/n of it. The oracle reads the lines itself (host,
// time), so the readers are under test as well.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "decide/policy_for_tests.h"
#include "foreign/inflate.h"
#include "replay/log_facts.h"
#include "replay/log_stream.h"
#include "replay/steps.h"

namespace weir::replay {
namespace {

constexpr HashKey kKey{.k0 = 5, .k1 = 7};

std::optional<std::string> data_text(const std::string& name) {
  std::ifstream file(std::string(WEIR_ROOT) + "/../shared/data/" + name, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const auto all = std::as_bytes(std::span(bytes));
  foreign::Inflate inflate(foreign::packing_of(all));
  std::string text, piece(1 << 16, '\0');
  for (std::size_t taken = 0;;) {
    const auto step = inflate.step(all.subspan(taken), std::as_writable_bytes(std::span(piece)));
    taken += step.taken;
    text.append(piece, 0, step.given);
    if (step.taken == 0 && step.given == 0) return text;
  }
}

struct Row {
  std::int64_t second = 0;
  std::size_t line = 0;
  std::string client;
};

// Days since 1970 (Howard Hinnant, chrono-compatible low-level date algorithms).
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

// host … [01/Aug/1995:00:00:01 -0400]
Row clf_row(std::string_view line) {
  if (line.starts_with('"')) line.remove_prefix(1);
  const std::string_view time = line.substr(line.find('[') + 1);
  const auto number = [&](std::size_t at, std::size_t size) {
    return std::stoi(std::string(time.substr(at, size)));
  };
  static const std::string kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto month = static_cast<unsigned>(kMonths.find(time.substr(3, 3)) / 3 + 1);
  const std::int64_t zone = (number(22, 2) * 60 + number(24, 2)) * 60 * (time[21] == '-' ? -1 : 1);
  const std::int64_t day =
      days_from_civil(number(7, 4), month, static_cast<unsigned>(number(0, 2)));
  return {.second = day * 86400 + number(12, 2) * 3600 + number(15, 2) * 60 + number(18, 2) - zone,
          .client = std::string(line.substr(0, line.find(' ')))};
}

// ip,date,time,…
Row edgar_row(std::string_view line) {
  const auto take = [&] {
    const std::string field(line.substr(0, line.find(',')));
    line.remove_prefix(field.size() + 1);
    return field;
  };
  const std::string client = take(), date = take(), time = take();
  const auto part = [](const std::string& text, std::size_t at, std::size_t size) {
    return std::stoi(text.substr(at, size));
  };
  const std::int64_t day =
      days_from_civil(part(date, 0, 4), static_cast<unsigned>(part(date, 5, 2)),
                      static_cast<unsigned>(part(date, 8, 2)));
  return {
      .second = day * 86400 + part(time, 0, 2) * 3600 + part(time, 3, 2) * 60 + part(time, 6, 2),
      .client = client};
}

// Levels in integers, one token being a minute of nanoseconds: nothing is ever rounded.
class Bucket {
 public:
  Bucket(std::int64_t per_minute, std::int64_t burst)
      : rate_(per_minute), full_(burst * kOne), level_(full_) {}
  bool take(std::int64_t now_ns) {
    level_ = seen_
                 ? std::min<__int128>(full_, level_ + static_cast<__int128>(now_ns - last_) * rate_)
                 : full_;
    seen_ = true;
    last_ = now_ns;
    if (level_ < kOne) return false;
    level_ -= kOne;
    return true;
  }

 private:
  static constexpr __int128 kOne = static_cast<__int128>(60) * 1'000'000'000;
  std::int64_t rate_;
  __int128 full_, level_;
  std::int64_t last_ = 0;
  bool seen_ = false;
};

// ngx_http_limit_req_module.c with nodelay: thousandths of a request, milliseconds.
class LeakyBucket {
 public:
  LeakyBucket(std::int64_t thousandths_per_s, std::int64_t burst)
      : rate_(thousandths_per_s), burst_(burst * 1000) {}
  bool take(std::int64_t now_ms) {
    const std::int64_t excess =
        seen_ ? std::max<std::int64_t>(0, excess_ - rate_ * (now_ms - last_) / 1000 + 1000) : 0;
    seen_ = true;
    if (excess > burst_) return false;
    excess_ = excess;
    last_ = now_ms;
    return true;
  }

 private:
  std::int64_t rate_, burst_, excess_ = 0, last_ = 0;
  bool seen_ = false;
};

struct Data {
  const char* file;
  const char* format;
  Row (*row)(std::string_view);
  bool header;
  bool addresses;  // every client is one
};

class Oracle : public testing::TestWithParam<Data> {};

std::string key_of(KeyKind kind, const std::string& client) {
  if (kind == KeyKind::all) return "";
  return kind == KeyKind::client_net ? client.substr(0, client.rfind('.')) : client;
}

// The rows in the order of time, those of one second as they stand, each with its time in the
// spread reading; and the entries as plan gets them.
struct Input {
  std::vector<Row> rows;
  std::vector<std::int64_t> spread;
  std::string text;
  std::unique_ptr<LogStream> stream;
  std::vector<LogItem> items;
};

std::optional<Input> read_input(const Data& data) {
  auto text = data_text(data.file);
  if (!text) return std::nullopt;
  Input input{.rows = {}, .spread = {}, .text = *std::move(text), .stream = {}, .items = {}};
  std::istringstream lines(input.text);
  bool first = true;
  for (std::string line; std::getline(lines, line);) {
    if (std::exchange(first, false) && data.header) continue;
    if (line.empty()) continue;
    input.rows.push_back(data.row(line));
    input.rows.back().line = input.rows.size();
  }
  std::ranges::sort(input.rows, {}, [](const Row& row) { return std::pair(row.second, row.line); });
  for (std::size_t i = 0; i < input.rows.size();) {
    std::size_t n = 1;
    while (i + n < input.rows.size() && input.rows[i + n].second == input.rows[i].second) ++n;
    for (std::size_t j = 0; j < n; ++j) {
      input.spread.push_back(input.rows[i].second * 1'000'000'000 +
                             static_cast<std::int64_t>(1'000'000'000 * j / n));
    }
    i += n;
  }
  input.stream = std::make_unique<LogStream>(*foreign::format_named(data.format, {}));
  const auto take = [&] {
    for (LogItem item; input.stream->pop(item);) input.items.push_back(item);
  };
  for (std::span<const std::byte> rest = std::as_bytes(std::span(input.text)); !rest.empty();) {
    const std::span<std::byte> room = input.stream->room();
    const std::size_t size = std::min(room.size(), rest.size());
    std::ranges::copy(rest.first(size), room.begin());
    rest = rest.subspan(size);
    input.stream->feed(size);
    take();
  }
  input.stream->finish();
  take();
  return input;
}

// Decides every entry under one limit alone: `see(row, refused when spread, refused at once)`. The
// spread times are cut to `step` before.
template <class See>
void decide_all(const Input& input, KeyKind kind, Rate rate, std::uint64_t burst, std::int64_t step,
                See see) {
  decide::PolicyBuilder builder;
  builder.upstream("any", {1});
  builder.limit("limit", {kind}, 1, burst).rate = rate;
  Route& route = builder.route("all", decide::prefix("/"));
  route.limits = {LimitId{0}};
  route.encoded_slash_kept = true;
  const Policy& policy = builder.prepared();
  const LogAssumptions nothing;
  LogFacts facts(policy, builder.names, nothing, kKey);
  Decider spread_decider(policy, {.seed = kKey}), at_once_decider(policy, {.seed = kKey});
  const Conditions conditions = all_usable(policy);
  Steps<LogItem> steps(kCoarse);
  std::size_t row = 0;
  const auto drain = [&] {
    for (Steps<LogItem>::Timed timed; steps.pop(timed); ++row) {
      const Rebuilt rebuilt = facts.rebuild(timed.item.entry());
      const auto decided = [&](Decider& decider, std::int64_t at) {
        const auto answer = decider.decide(
            {.stamp = stamp_from_nanos(at), .exchange = {.worker = WorkerId{0}, .sequence = row}},
            rebuilt, conditions);
        EXPECT_EQ(answer.why, Unjudged::none);
        return answer.verdict.cause == Cause::limit_rejected;
      };
      const std::int64_t spread = timed.spread.time_since_epoch().count() / step * step;
      const bool by_spread = decided(spread_decider, spread);
      see(row, by_spread, decided(at_once_decider, timed.at_once.time_since_epoch().count()));
    }
  };
  for (const LogItem& item : input.items) {
    steps.push(item);
    drain();
  }
  steps.finish();
  drain();
  EXPECT_EQ(row, input.rows.size());
}

TEST_P(Oracle, RefusesTheSameRequestsInBothReadings) {
  const Data& data = GetParam();
  const auto input = read_input(data);
  if (!input) GTEST_SKIP() << "../shared/data is not beside this checkout";
  ASSERT_EQ(input->items.size(), input->rows.size());

  std::uint64_t refused = 0, wrong = 0;
  for (const KeyKind kind : {KeyKind::client_ip, KeyKind::client_net, KeyKind::all}) {
    if (kind == KeyKind::client_net && !data.addresses) continue;
    for (const auto& [per_minute, burst] : {std::pair{60, 5}, std::pair{60, 1}, std::pair{7, 3},
                                            std::pair{600, 20}, std::pair{100, 100}}) {
      std::map<std::string, Bucket> spread_buckets, at_once_buckets;
      const Rate rate{.count = static_cast<std::uint64_t>(per_minute) * 1000,
                      .period = std::chrono::minutes(1)};
      decide_all(*input, kind, rate, static_cast<std::uint64_t>(burst), 1,
                 [&](std::size_t row, bool spread, bool at_once) {
                   const std::string key = key_of(kind, input->rows[row].client);
                   const bool want_spread = !spread_buckets.try_emplace(key, per_minute, burst)
                                                 .first->second.take(input->spread[row]);
                   const bool want_at_once =
                       !at_once_buckets.try_emplace(key, per_minute, burst)
                            .first->second.take(input->rows[row].second * 1'000'000'000);
                   refused += (want_spread ? 1u : 0u) + (want_at_once ? 1u : 0u);
                   wrong += spread != want_spread || at_once != want_at_once ? 1 : 0;
                 });
      ASSERT_EQ(wrong, 0u) << "key " << static_cast<int>(kind) << " " << per_minute << "/min burst "
                           << burst;
    }
  }
  EXPECT_GT(refused, 0u);  // else nothing was compared
}

// nginx cuts a rate to thousandths of a request a second, and each refill likewise: nothing is cut
// in whole rates a second, nor over whole seconds.
TEST_P(Oracle, RefusesWhatLimitReqOfNginxRefuses) {
  const Data& data = GetParam();
  const auto input = read_input(data);
  if (!input) GTEST_SKIP() << "../shared/data is not beside this checkout";

  std::uint64_t refused = 0, wrong = 0;
  struct Setting {
    std::int64_t count, scale, burst;  // rate=COUNTr/s or r/m, burst=BURST nodelay
  };
  for (const KeyKind kind : {KeyKind::client_ip, KeyKind::all}) {
    for (const Setting& setting : {Setting{1, 1, 5}, Setting{1, 1, 0}, Setting{10, 1, 20},
                                   Setting{2, 1, 3}, Setting{7, 60, 3}, Setting{100, 60, 0}}) {
      const std::int64_t thousandths = setting.count * 1000 / setting.scale;
      std::map<std::string, LeakyBucket> spread_buckets, at_once_buckets;
      const Rate rate{.count = static_cast<std::uint64_t>(thousandths),
                      .period = std::chrono::seconds(1)};
      decide_all(
          *input, kind, rate, static_cast<std::uint64_t>(setting.burst) + 1, 1'000'000,
          [&](std::size_t row, bool spread, bool at_once) {
            const std::string key = key_of(kind, input->rows[row].client);
            const bool want_at_once = !at_once_buckets.try_emplace(key, thousandths, setting.burst)
                                           .first->second.take(input->rows[row].second * 1000);
            refused += want_at_once ? 1 : 0;
            wrong += at_once != want_at_once ? 1 : 0;
            if (setting.scale != 1) return;
            const bool want_spread = !spread_buckets.try_emplace(key, thousandths, setting.burst)
                                          .first->second.take(input->spread[row] / 1'000'000);
            refused += want_spread ? 1 : 0;
            wrong += spread != want_spread ? 1 : 0;
          });
      ASSERT_EQ(wrong, 0u) << "key " << static_cast<int>(kind) << " rate " << setting.count << "/"
                           << setting.scale << " s burst " << setting.burst;
    }
  }
  EXPECT_GT(refused, 0u);
}

constexpr const char* kEdgar = "csv:client=ip,time=date+time,status=code,bytes=size,path=accession";

INSTANTIATE_TEST_SUITE_P(
    Data, Oracle,
    testing::Values(Data{"http/nasa-1995-08-01.clf.log.xz", "nginx", clf_row, false, false},
                    Data{"http/semicomplete-2015.combined.log.xz", "nginx", clf_row, false, true},
                    Data{"http/shop-nginx-2019.main.log.xz", "nginx", clf_row, false, true},
                    Data{"http/edgar-2003-02-20.csv.xz", kEdgar, edgar_row, true, false},
                    Data{"attacks/scan-acunetix-2016.log.xz", "nginx", clf_row, false, true},
                    Data{"attacks/dos-bypass-cache.combined.log", "nginx", clf_row, false, true},
                    Data{"attacks/dos-random-uri.combined.log", "nginx", clf_row, false, true},
                    Data{"attacks/dos-switching-ua.combined.log", "nginx", clf_row, false, true}));

}  // namespace
}  // namespace weir::replay
