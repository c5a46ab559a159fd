// Replays the corpora of the room's fuzzers (fuzz/http1_request_fuzz, ...) without a fuzzer, so
// that every run of the tests holds the same properties. A file's name begins with the violation
// that its first message is refused with, or "none".
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

#include "http/canonical_fuzz.h"
#include "http/http1_differential_fuzz.h"

namespace weir::http {
namespace {

#ifdef WEIR_HAVE_LLHTTP
constexpr bool kLlhttp = true;
#else
constexpr bool kLlhttp = false;
#endif
constexpr const char* kWithoutLlhttp =
    "the build found no sources of llhttp: compared with Beast alone";

struct Seed {
  std::string name;
  std::string bytes;
};

std::vector<Seed> seeds_of(const std::string& fuzzer) {
  std::vector<Seed> seeds;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(WEIR_ROOT) + "/fuzz/" + fuzzer)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.push_back(
        {entry.path().filename().string(), std::string(std::istreambuf_iterator<char>(file), {})});
  }
  return seeds;
}

std::string wanted(const Seed& seed) { return seed.name.substr(0, seed.name.find('-')); }

TEST(Corpus, RequestsReadAsTheirNamesSayAndAsForeignParsersDo) {
  const auto seeds = seeds_of("http1_request_fuzz");
  ASSERT_GE(seeds.size(), 200u);
  for (const Seed& seed : seeds) {
    const oracle::Asked asked{.request = true, .response = {}};
    oracle::Heads heads;
    EXPECT_EQ(info(oracle::read_with_weir(seed.bytes, asked, 0, heads).violation).name,
              wanted(seed))
        << seed.name;
    oracle::check_connection(seed.bytes, asked);
  }
  if (!kLlhttp) GTEST_SKIP() << kWithoutLlhttp;
}

TEST(Corpus, ResponsesReadAsTheirNamesSayAndAsForeignParsersDo) {
  const auto seeds = seeds_of("http1_response_fuzz");
  ASSERT_GE(seeds.size(), 60u);
  for (const Seed& seed : seeds) {
    const oracle::Asked asked{.request = false, .response = {}};
    oracle::Heads heads;
    EXPECT_EQ(info(oracle::read_with_weir(seed.bytes, asked, 0, heads).violation).name,
              wanted(seed))
        << seed.name;
    oracle::check_connection(seed.bytes, asked);
    oracle::check_message(seed.bytes, {.request = false, .response = {.head = true}});
    oracle::check_message(seed.bytes, {.request = false, .response = {.upgrade = true}});
  }
  if (!kLlhttp) GTEST_SKIP() << kWithoutLlhttp;
}

TEST(Corpus, PathsAndHostsKeepTheirProperties) {
  const auto seeds = seeds_of("canonical_fuzz");
  ASSERT_GE(seeds.size(), 40u);
  for (const Seed& seed : seeds) {
    if (!seed.bytes.empty()) properties::check(seed.bytes);
  }
}

// Both halves of every cut, and byte by byte; at each byte the answer is the one that a fresh
// parser gives to the same bytes.
void check_every_cut(const Seed& seed, oracle::Asked asked) {
  oracle::Heads heads;
  const auto parse = [&](auto& parser, std::string_view bytes) {
    if constexpr (std::is_same_v<std::decay_t<decltype(parser)>, RequestParser>) {
      return parser.parse(bytes, oracle::kCaps, heads.request);
    } else {
      return parser.parse(bytes, oracle::kCaps, asked.response, heads.response);
    }
  };
  const auto check = [&]<class Parser>(Parser) {
    Parser steady;
    bool open = true;
    for (std::size_t cut = 1; cut <= seed.bytes.size() && open; ++cut) {
      const std::string_view seen = std::string_view(seed.bytes).substr(0, cut);
      Parser fresh;
      const HeadResult at_once = parse(fresh, seen);
      const HeadResult resumed = parse(steady, seen);
      ASSERT_EQ(resumed.status, at_once.status) << seed.name << " at " << cut;
      ASSERT_EQ(resumed.violation, at_once.violation) << seed.name << " at " << cut;
      ASSERT_EQ(resumed.consumed, at_once.consumed) << seed.name << " at " << cut;
      open = at_once.status == ParseStatus::need_more;

      Parser halves;
      if (parse(halves, seen).status != ParseStatus::need_more) continue;
      Parser whole;
      const HeadResult second = parse(halves, seed.bytes);
      const HeadResult both = parse(whole, seed.bytes);
      ASSERT_EQ(second.violation, both.violation) << seed.name << " cut at " << cut;
      ASSERT_EQ(second.consumed, both.consumed) << seed.name << " cut at " << cut;
    }
  };
  if (asked.request) {
    check(RequestParser());
  } else {
    check(ResponseParser());
  }
}

TEST(Corpus, NoCutChangesAHead) {
  constexpr std::size_t kSmall = 2048;  // the work grows with the square
  for (const Seed& seed : seeds_of("http1_request_fuzz")) {
    if (seed.bytes.size() <= kSmall) check_every_cut(seed, {.request = true, .response = {}});
  }
  for (const Seed& seed : seeds_of("http1_response_fuzz")) {
    if (seed.bytes.size() <= kSmall) check_every_cut(seed, {.request = false, .response = {}});
  }
}

TEST(Corpus, NoCutChangesAMessage) {
  for (const bool request : {true, false}) {
    for (const Seed& seed : seeds_of(request ? "http1_request_fuzz" : "http1_response_fuzz")) {
      const oracle::Asked asked{.request = request, .response = {}};
      oracle::Heads heads;
      const oracle::Reading whole = oracle::read_with_weir(seed.bytes, asked, 0, heads);
      for (std::uint32_t cuts = 1; cuts <= 20; ++cuts) {
        EXPECT_EQ(oracle::read_with_weir(seed.bytes, asked, cuts * 2654435761u, heads), whole)
            << seed.name;
      }
    }
  }
}

}  // namespace
}  // namespace weir::http
