// What goes on to the upstream and back, by RFC 9110 7.6 and 6.6.1, and epochs of snapshots.
#include "proxy/forward.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/answer.h"
#include "proxy/epoch.h"

namespace weir::proxy {
namespace {

using http::FieldId;

std::string all_of(const http::Fields& fields, FieldId id) {
  std::string joined;
  for (const http::Field& field : fields.all()) {
    if (field.id == id) joined += (joined.empty() ? "" : " | ") + std::string(field.value);
  }
  return joined;
}

class ForwardRequest : public testing::Test {
 protected:
  void forward(bool trusted) {
    forward_request_fields(operations_, {.client = "192.0.2.1", .host = "api.example.com", .request_id = "r1",
                                    .traceparent = "t1", .via = "1.1 weir (weir-0123456789ab)",
                                    .loop_mark = "weir-0123456789ab; hops=1; seal=0", .peer_trusted = trusted}, head_, arena_);
  }
  std::vector<HeaderOperation> operations_;
  http::RequestHead head_;
  Arena arena_;
};

TEST_F(ForwardRequest, AddsItselfToViaAfterWhoWasThereBefore) {   // RFC 9110 7.6.3
  head_.fields.add(FieldId::via, "1.0 fred");
  forward(false);
  EXPECT_EQ(all_of(head_.fields, FieldId::via), "1.0 fred, 1.1 weir (weir-0123456789ab)");
}

TEST_F(ForwardRequest, AddsItsMarkToCdnLoopAndTakesNoneAway) {   // RFC 8586 2
  forward(false);
  EXPECT_EQ(all_of(head_.fields, FieldId::cdn_loop), "weir-0123456789ab; hops=1; seal=0");
  head_.fields.clear();
  head_.fields.add(FieldId::cdn_loop, "foo123.foocdn.example, barcdn.example; trace=\"abcdef\"");
  head_.fields.add(FieldId::cdn_loop, "AnotherCDN; abc=123; def=\"456\"");
  forward(false);
  EXPECT_EQ(all_of(head_.fields, FieldId::cdn_loop),
            "foo123.foocdn.example, barcdn.example; trace=\"abcdef\", AnotherCDN; abc=123; def=\"456\", "
            "weir-0123456789ab; hops=1; seal=0");
}

TEST_F(ForwardRequest, DoesNotPassOnWhatAnUntrustedClientSaysOfOthers) {
  head_.fields.add(FieldId::x_forwarded_for, "198.51.100.9");
  head_.fields.add(FieldId::x_forwarded_proto, "https");
  head_.fields.add(FieldId::x_forwarded_host, "evil.example");
  head_.fields.add(FieldId::forwarded, "for=198.51.100.9");
  forward(false);
  EXPECT_EQ(all_of(head_.fields, FieldId::x_forwarded_for), "192.0.2.1");
  EXPECT_EQ(all_of(head_.fields, FieldId::x_forwarded_proto), "http");
  EXPECT_EQ(all_of(head_.fields, FieldId::x_forwarded_host), "api.example.com");
  EXPECT_EQ(head_.fields.find(FieldId::forwarded), nullptr);
}

TEST_F(ForwardRequest, ContinuesTheListOfATrustedProxy) {
  head_.fields.add(FieldId::x_forwarded_for, "198.51.100.9");
  head_.fields.add(FieldId::x_forwarded_for, "203.0.113.5");
  head_.fields.add(FieldId::x_forwarded_proto, "https");
  forward(true);
  EXPECT_EQ(all_of(head_.fields, FieldId::x_forwarded_for), "198.51.100.9, 203.0.113.5, 192.0.2.1");
  EXPECT_EQ(all_of(head_.fields, FieldId::x_forwarded_proto), "https");
}

TEST_F(ForwardRequest, AnswersExpectationsItselfAndSetsItsIds) {
  head_.fields.add(FieldId::expect, "100-continue");
  head_.fields.add(FieldId::x_request_id, "forged");
  forward(false);
  EXPECT_EQ(head_.fields.find(FieldId::expect), nullptr);
  EXPECT_EQ(all_of(head_.fields, FieldId::x_request_id), "r1");
  EXPECT_EQ(all_of(head_.fields, FieldId::traceparent), "t1");
}

TEST_F(ForwardRequest, CarriesOutTheRoutesHeaderOperationsInOrder) {
  operations_ = {{HeaderOperation::Kind::set, "X-A", "1"}, {HeaderOperation::Kind::add, "X-A", "2"},
                            {HeaderOperation::Kind::remove, "User-Agent", ""}};
  head_.fields.add("X-A", "old", FieldId::other);
  head_.fields.add(FieldId::user_agent, "curl");
  forward(false);
  std::vector<std::string> values;
  for (const http::Field& field : head_.fields.all()) {
    if (field.name == "X-A") values.emplace_back(field.value);
  }
  EXPECT_EQ(values, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(head_.fields.find(FieldId::user_agent), nullptr);
}

TEST(ForwardResponse, AddsADateOnlyWhereNoneIs) {   // RFC 9110 6.6.1
  http::ResponseHead head;
  forward_response_fields({}, "1.1 weir", "Sun, 06 Nov 1994 08:49:37 GMT", "r1", head);
  EXPECT_EQ(all_of(head.fields, FieldId::date), "Sun, 06 Nov 1994 08:49:37 GMT");
  http::ResponseHead dated;
  dated.fields.add(FieldId::date, "Mon, 07 Nov 1994 08:49:37 GMT");
  forward_response_fields({}, "1.1 weir", "Sun, 06 Nov 1994 08:49:37 GMT", "r1", dated);
  EXPECT_EQ(all_of(dated.fields, FieldId::date), "Mon, 07 Nov 1994 08:49:37 GMT");
}

TEST(HttpDate, IsTheExampleOfRfc9110) {   // 5.6.7: 784111777 s after 1970
  EXPECT_EQ(http_date(WallTime(std::chrono::seconds(784111777))), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(ArenaTest, KeepsEverythingUntilItIsCleared) {
  Arena arena;
  std::vector<std::string_view> kept;
  for (int i = 0; i < 2000; ++i) kept.push_back(arena.join({"value ", std::to_string(i), std::string(i % 97, 'x')}));
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(kept[static_cast<std::size_t>(i)], "value " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 97), 'x'));
  }
  EXPECT_EQ(arena.join({std::string(100000, 'y')}).size(), 100000u);
}

TEST(EpochsTest, ASnapshotIsRetiredWhenItsLastExchangeHasLetGo) {
  std::vector<std::shared_ptr<const Snapshot>> retired;
  Epochs epochs([&](auto old) { retired.push_back(std::move(old)); });
  const auto first = std::make_shared<const Snapshot>(), second = std::make_shared<const Snapshot>();
  epochs.publish(first);
  Epochs::Ref a = epochs.enter(), b = epochs.enter();
  epochs.publish(second);
  EXPECT_EQ(&*a, first.get());
  EXPECT_EQ(&epochs.newest(), second.get());
  a.release();
  EXPECT_TRUE(retired.empty());
  b = epochs.enter();   // lets the old one go
  ASSERT_EQ(retired.size(), 1u);
  EXPECT_EQ(retired[0], first);
  b.release();
  EXPECT_EQ(retired.size(), 1u) << "the newest stays, used or not";
  epochs.publish(std::make_shared<const Snapshot>());
  EXPECT_EQ(retired.size(), 2u);
}

}  // namespace
}  // namespace weir::proxy
