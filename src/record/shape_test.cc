#include "record/shape.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace weir::record {
namespace {

constexpr HashKey kKey{.k0 = 11, .k1 = 22};

class ShapeTest : public testing::Test {
 protected:
  ShapeTest() {
    policy_.revision = 7;
    policy_.listeners.emplace_back().name = names_.intern("public");
    policy_.watched_headers = {"x-device", "x-tier"};
    policy_.watched_queries = {"plan"};
    policy_.routes.emplace_back().match.headers.push_back({.watched = 1, .value = "gold"});
    policy_.identities.push_back({.name = names_.intern("partner"), .header = "x-api-key", .keys_file = "/k.yaml"});
    shaper_ = std::make_unique<Shaper>(policy_, names_, kKey);
    facts_ = {.listener = ListenerId{0}, .method = "GET", .host = "api.example.com", .path = "/orders/12345",
              .client = Address::v4(192, 0, 2, 7)};
  }

  template <class T>
  T decoded(std::size_t size) {
    auto shape = decode_shape(std::span(room_).first(size));
    EXPECT_TRUE(shape.has_value());
    return std::get<T>(*shape);
  }

  using Values = std::array<std::uint64_t, Arrival::kValues>;
  Values values() const {
    Values values{};
    shaper_->values(facts_, values);
    return values;
  }

  NameTable names_;
  Policy policy_;
  std::unique_ptr<Shaper> shaper_;
  Facts facts_;
  std::array<std::byte, kMaxShape> room_;
};

TEST_F(ShapeTest, TargetHoldsWhatARouteMatchesOn) {
  facts_.query = "page=2&plan=pro&sort=asc&page=3&9f86d081884c7d65=1";
  const auto shape = decoded<TargetShape>(shaper_->target(facts_, room_));
  EXPECT_EQ(shape.listener, "public");
  EXPECT_EQ(shape.method, "GET");
  EXPECT_EQ(shape.host, "api.example.com");
  EXPECT_EQ(printable_path(shape.path), "/orders/{n}");
  EXPECT_TRUE(shape.generalised);
  EXPECT_EQ(shape.query_names, (std::vector<std::string>{"page", "plan", "sort"}));
  EXPECT_TRUE(shape.more_query_names);
}

TEST_F(ShapeTest, RequestsThatDifferOnlyInWhatVariesHaveOneTarget) {
  const std::uint64_t one = shaper_->digest(std::span(room_).first(shaper_->target(facts_, room_)));
  facts_.path = "/orders/99";
  EXPECT_EQ(shaper_->digest(std::span(room_).first(shaper_->target(facts_, room_))), one);
  facts_.path = "/orders/x";
  EXPECT_NE(shaper_->digest(std::span(room_).first(shaper_->target(facts_, room_))), one);
}

TEST_F(ShapeTest, HeadIsASetOfNamesWithoutCase) {
  const std::array<std::string_view, 3> one = {"Host", "Accept", "X-Tier"};
  const std::array<std::string_view, 4> two = {"x-tier", "accept", "HOST", "accept"};
  const std::size_t size = shaper_->head(facts_, one, room_);
  const std::uint64_t digest = shaper_->digest(std::span(room_).first(size));
  EXPECT_EQ(decoded<HeadShape>(size).names, (std::vector<std::string>{"accept", "host", "x-tier"}));
  EXPECT_EQ(shaper_->digest(std::span(room_).first(shaper_->head(facts_, two, room_))), digest);
  EXPECT_NE(shaper_->head_fingerprint(facts_, one), shaper_->head_fingerprint(facts_, two));
}

// Many facts, each a small change of another: their fingerprints differ wherever their shapes do.
TEST_F(ShapeTest, FingerprintsTellFactsApart) {
  std::map<std::uint64_t, std::vector<std::byte>> seen;
  std::size_t shapes = 0;
  for (const char* method : {"", "G", "GET", "POST", "OPTIONS", "PROPFIND", "X-METHOD-17-BYTE", "X-METHOD-OF-18-BYTES"}) {
    for (const char* host : {"", "a", "ab", "api.example.com", "apj.example.com", "api.example.com.a.longer.name.org"}) {
      for (const char* path : {"/", "/a", "/b", "/a/b", "/ab", "/orders/1", "/orders/x", "/v1/orders/export/of/everything"}) {
        for (const char* query : {"", "a=1", "b=1", "a=1&b=1", "plan=1", "9f86d081884c7d65=1"}) {
          facts_.method = method;
          facts_.host = host;
          facts_.path = path;
          facts_.query = query;
          const std::size_t size = shaper_->target(facts_, room_);
          const auto [at, fresh] = seen.emplace(shaper_->target_fingerprint(facts_),
                                                std::vector<std::byte>(room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(size)));
          EXPECT_TRUE(fresh);
          ++shapes;
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), shapes);
  EXPECT_EQ(shaper_->target_fingerprint(facts_), shaper_->target_fingerprint(facts_));
  const Shaper other(policy_, names_, {.k0 = 1, .k1 = 2});
  EXPECT_NE(shaper_->target_fingerprint(facts_), other.target_fingerprint(facts_));
}

TEST_F(ShapeTest, WatchedValuesAreTextOnlyWhereARouteMatchesThemExactly) {
  const std::array<WatchedValue, 2> gold = {
      WatchedValue{.state = WatchedValue::State::text, .text = "device-81"},
      WatchedValue{.state = WatchedValue::State::text, .text = "gold"}};
  const std::array<WatchedValue, 1> none = {};
  facts_.headers = gold;
  facts_.queries = none;
  const auto shape = decoded<HeadShape>(shaper_->head(facts_, {}, room_));
  ASSERT_EQ(shape.watched.size(), 3u);
  EXPECT_EQ(shape.watched[0], (WatchedShape{.state = WatchedValue::State::digest, .name = "x-device", .place = 0}));
  EXPECT_EQ(values()[0], keyed_hash(kKey, "device-81"));
  EXPECT_EQ(shape.watched[1], (WatchedShape{.state = WatchedValue::State::text, .name = "x-tier", .text = "gold"}));
  EXPECT_EQ(shape.watched[2], (WatchedShape{.where = WatchedShape::Where::query, .name = "plan"}));
}

// Or a million keys of a limit would be a million shapes.
TEST_F(ShapeTest, RequestsThatDifferInUnmatchedValuesHaveOneHead) {
  const std::array<WatchedValue, 1> none = {};
  facts_.queries = none;
  const auto head_of = [&](std::string_view device, std::string_view tier) {
    const std::array<WatchedValue, 2> headers = {WatchedValue{.state = WatchedValue::State::text, .text = device},
                                                 WatchedValue{.state = WatchedValue::State::text, .text = tier}};
    facts_.headers = headers;
    const std::uint64_t digest = shaper_->digest(std::span(room_).first(shaper_->head(facts_, {}, room_)));
    return std::tuple(digest, shaper_->head_fingerprint(facts_, {}), values());
  };
  const auto [one, print_one, values_one] = head_of("81", "silver");
  const auto [two, print_two, values_two] = head_of("82", "bronze");
  const auto [gold, print_gold, values_gold] = head_of("81", "gold");
  EXPECT_EQ(one, two);
  EXPECT_EQ(print_one, print_two);
  EXPECT_NE(one, gold);   // a value that a route matches is another head
  EXPECT_NE(print_one, print_gold);
  EXPECT_EQ(values_two, (Values{keyed_hash(kKey, "82"), keyed_hash(kKey, "bronze")}));
  EXPECT_EQ(values_gold, (Values{keyed_hash(kKey, "81")}));
}

TEST_F(ShapeTest, DigestsBeyondThoseOfTheArrivalStandInTheShape) {
  policy_.watched_headers = {"a", "b", "c", "d", "e"};
  policy_.routes.clear();
  shaper_ = std::make_unique<Shaper>(policy_, names_, kKey);
  std::vector<WatchedValue> headers;
  for (const std::string& name : policy_.watched_headers) headers.push_back({.state = WatchedValue::State::text, .text = name});
  facts_.headers = headers;
  const auto shape = decoded<HeadShape>(shaper_->head(facts_, {}, room_));
  ASSERT_EQ(shape.watched.size(), 5u);
  EXPECT_EQ(shape.watched[3].place, 3);
  EXPECT_EQ(shape.watched[4].place, std::nullopt);
  EXPECT_EQ(shape.watched[4].digest, keyed_hash(kKey, "e"));
  EXPECT_EQ(values()[3], keyed_hash(kKey, "d"));
  const std::uint64_t print = shaper_->head_fingerprint(facts_, {});
  headers[4].text = "another";
  EXPECT_NE(shaper_->head_fingerprint(facts_, {}), print);
}

TEST_F(ShapeTest, CallerHoldsEvidenceAndNeverACredential) {
  const std::vector<std::string> groups = {"acme", "eu"};
  const std::array<Evidence, 1> evidence = {
      Evidence{.result = EvidenceResult::valid, .subject = "acme-mobile", .groups = groups}};
  const auto shape = decoded<CallerShape>(shaper_->caller(evidence, room_));
  ASSERT_EQ(shape.identities.size(), 1u);
  EXPECT_EQ(shape.identities[0], (IdentityShape{.rule = "partner", .definition = definition(policy_.identities[0]),
                                                .result = EvidenceResult::valid, .subject = "acme-mobile",
                                                .groups = groups}));
}

TEST_F(ShapeTest, ACallerWithMoreGroupsThanFitIsNotRecorded) {
  const std::vector<std::string> groups(500, std::string(100, 'g'));
  const std::array<Evidence, 1> evidence = {Evidence{.result = EvidenceResult::valid, .subject = "s", .groups = groups}};
  EXPECT_EQ(shaper_->caller(evidence, room_), 0u);
}

TEST_F(ShapeTest, AddressesAreKeptAsTheOperatorWants) {
  const auto shape_under = [&](AddressDetail detail, Address address) {
    policy_.record.shapes.addresses = detail;
    const Shaper shaper(policy_, names_, kKey);
    return decoded<ClientShape>(shaper.client(address, room_));
  };
  const Address v4 = Address::v4(192, 0, 2, 77);
  const Address v6 = *Address::parse("2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(shape_under(AddressDetail::full, v4).address, v4);
  EXPECT_EQ(shape_under(AddressDetail::full, v6).address, v6);
  EXPECT_EQ(to_string(shape_under(AddressDetail::net, v4).address), "192.0.2.0");
  EXPECT_EQ(to_string(shape_under(AddressDetail::net, v6).address), "2001:db8:1::");
  const ClientShape keyed = shape_under(AddressDetail::keyed, v4);
  EXPECT_EQ(keyed.address.bytes[0], 0xfd);
  EXPECT_EQ(keyed, shape_under(AddressDetail::keyed, v4));
  EXPECT_NE(keyed.address.masked(64), shape_under(AddressDetail::keyed, v6).address.masked(64));
}

TEST_F(ShapeTest, TheLargestRequestsStayWithinTheBound) {
  const std::vector<std::string> long_names(200, std::string(64, 'n'));
  std::vector<std::string> distinct;
  for (int i = 0; i < 200; ++i) distinct.push_back(std::to_string(i) + std::string(60, 'n'));
  const std::vector<std::string_view> names(distinct.begin(), distinct.end());
  for (int i = 0; i < 300; ++i) policy_.watched_headers.push_back("x-" + std::to_string(i));
  const Shaper shaper(policy_, names_, kKey);
  const std::string long_value(256, 'v');
  const std::vector<WatchedValue> values(302, {.state = WatchedValue::State::text, .text = long_value});
  facts_.headers = values;
  const std::size_t size = shaper.head(facts_, names, room_);
  EXPECT_GT(size, 8000u);
  EXPECT_TRUE(decoded<HeadShape>(size).more_names);
  const std::string path = "/" + std::string(8000, 'p'), host(300, 'h');
  facts_.path = path;
  facts_.host = host;
  EXPECT_LT(shaper.target(facts_, room_), 1600u);
}

// 32 names of a query, 128 of header fields, kMaxShape bytes: what is written at most.
TEST_F(ShapeTest, ShapesWithMoreThanIsWrittenAreRefused) {
  const auto read = [&](std::initializer_list<int> begin, std::size_t empty) {
    std::vector<std::byte> bytes;
    for (const int byte : begin) bytes.push_back(static_cast<std::byte>(byte));
    bytes.resize(bytes.size() + empty);
    return decode_shape(bytes).has_value();
  };
  EXPECT_TRUE(read({1, 0, 0, 0, 0, 0, 32}, 32));
  EXPECT_FALSE(read({1, 0, 0, 0, 0, 0, 33}, 33));
  EXPECT_TRUE(read({2, 0, 0x80, 1}, 128));
  EXPECT_FALSE(read({2, 0, 0x81, 1}, 129));
  EXPECT_TRUE(read({2, 0, 0}, kMaxShape - 3 - (kMaxShape - 3) % 2));
  EXPECT_FALSE(read({2, 0, 0}, kMaxShape));
}

TEST_F(ShapeTest, DamagedShapesAreRefused) {
  const std::size_t size = shaper_->target(facts_, room_);
  for (std::size_t cut = 0; cut < size; ++cut) EXPECT_FALSE(decode_shape(std::span(room_).first(cut)));
  EXPECT_FALSE(decode_shape(std::span(room_).first(size + 1)));
  room_[0] = std::byte{9};
  EXPECT_FALSE(decode_shape(std::span(room_).first(size)));
}

}  // namespace
}  // namespace weir::record
