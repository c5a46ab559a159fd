// Exactness: over the logs of ../shared/data, what `plan` refuses equals, request by request, an
// oracle written from the definition: a token bucket of capacity `burst` that fills with `rate` a
// second, in integers, one for each key. Both readings of a 1 s clock: all requests of a second at
// its beginning, and the i-th of n at i/n of it. The oracle reads the lines itself (host, time), so
// the readers are under test as well.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
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

TEST_P(Oracle, RefusesTheSameRequestsInBothReadings) {
  const Data& data = GetParam();
  const auto text = data_text(data.file);
  if (!text) GTEST_SKIP() << "../shared/data is not beside this checkout";

  // The rows in the order of time; those of one second as they stand.
  std::vector<Row> rows;
  std::istringstream lines(*text);
  bool first = true;
  for (std::string line; std::getline(lines, line);) {
    if (!std::exchange(first, false) || !data.header) {
      if (line.empty()) continue;
      rows.push_back(data.row(line));
      rows.back().line = rows.size();
    }
  }
  std::ranges::sort(rows, {}, [](const Row& row) { return std::pair(row.second, row.line); });
  std::vector<std::int64_t> spread(rows.size());
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t n = 1;
    while (i + n < rows.size() && rows[i + n].second == rows[i].second) ++n;
    for (std::size_t j = 0; j < n; ++j) {
      spread[i + j] =
          rows[i].second * 1'000'000'000 + static_cast<std::int64_t>(1'000'000'000 * j / n);
    }
    i += n;
  }

  // The entries as plan gets them, decided under each limit alone.
  LogStream stream(*foreign::format_named(data.format, {}));
  stream.feed(std::as_bytes(std::span(*text)));
  stream.finish();
  std::vector<LogItem> items;
  for (LogItem item; stream.pop(item);) items.push_back(item);
  ASSERT_EQ(items.size(), rows.size());

  std::uint64_t refused = 0;
  for (const KeyKind kind : {KeyKind::client_ip, KeyKind::client_net, KeyKind::all}) {
    if (kind == KeyKind::client_net && !data.addresses) continue;
    for (const auto& [per_minute, burst] : {std::pair{60, 5}, std::pair{60, 1}, std::pair{7, 3},
                                            std::pair{600, 20}, std::pair{100, 100}}) {
      decide::PolicyBuilder builder;
      builder.upstream("any", {1});
      Limit& limit = builder.limit("limit", {kind}, 1, static_cast<std::uint64_t>(burst));
      limit.rate = {.count = static_cast<std::uint64_t>(per_minute) * 1000,
                    .period = std::chrono::minutes(1)};
      Route& route = builder.route("all", decide::prefix("/"));
      route.limits = {LimitId{0}};
      route.encoded_slash_kept = true;
      const Policy& policy = builder.prepared();
      const LogAssumptions nothing;
      LogFacts facts(policy, builder.names, nothing, kKey);
      Decider spread_decider(policy, {.seed = kKey}), at_once_decider(policy, {.seed = kKey});
      const Conditions conditions = all_usable(policy);
      std::map<std::string, Bucket> spread_buckets, at_once_buckets;
      Steps<LogItem> steps(kCoarse);
      std::size_t row = 0;
      const auto drain = [&] {
        for (Steps<LogItem>::Timed timed; steps.pop(timed); ++row) {
          const Rebuilt rebuilt = facts.rebuild(timed.item.entry());
          const auto decided = [&](Decider& decider, WallTime at) {
            const auto answer =
                decider.decide({.stamp = stamp_from_nanos(at.time_since_epoch().count()),
                                .exchange = {.worker = WorkerId{0}, .sequence = row}},
                               rebuilt, conditions);
            EXPECT_EQ(answer.why, Unjudged::none);
            return answer.verdict.cause == Cause::limit_rejected;
          };
          const auto wanted = [&](std::map<std::string, Bucket>& buckets, std::int64_t at) {
            return !buckets.try_emplace(key_of(kind, rows[row].client), per_minute, burst)
                        .first->second.take(at);
          };
          const bool want_spread = wanted(spread_buckets, spread[row]),
                     want_at_once = wanted(at_once_buckets, rows[row].second * 1'000'000'000);
          refused += (want_spread ? 1u : 0u) + (want_at_once ? 1u : 0u);
          ASSERT_EQ(decided(spread_decider, timed.spread), want_spread)
              << "row " << row << " of " << rows[row].client << " key " << static_cast<int>(kind)
              << " " << per_minute << "/min";
          ASSERT_EQ(decided(at_once_decider, timed.at_once), want_at_once)
              << "row " << row << " of " << rows[row].client << " key " << static_cast<int>(kind)
              << " " << per_minute << "/min";
        }
      };
      for (const LogItem& item : items) {
        steps.push(item);
        drain();
      }
      steps.finish();
      drain();
      ASSERT_EQ(row, rows.size());
    }
  }
  EXPECT_GT(refused, 0u);  // else nothing was compared
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
