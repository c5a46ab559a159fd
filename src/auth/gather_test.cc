#include "auth/gather.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "auth/service.h"

namespace weir::auth {
namespace {

struct Request {
  Policy policy;
  KeyTables keys;
  std::map<std::string, std::string, std::less<>> headers;
  std::string client = "10.1.2.3";

  void api_key(std::string header, std::string scheme, std::string key, std::string owner) {
    IdentityRule rule;
    rule.header = std::move(header);
    rule.scheme = std::move(scheme);
    policy.identities.push_back(rule);
    keys.tables.push_back(std::make_shared<const KeyTable>(
        KeyTable::make({{.name = std::move(owner), .groups = {}, .digest = digest_text(key), .expires = {}}}).value()));
  }
  void service(std::string header) {
    IdentityRule rule;
    rule.kind = IdentityKind::service;
    rule.header = std::move(header);
    rule.from = {Net::parse("10.1.0.0/16").value()};
    policy.identities.push_back(rule);
    keys.tables.push_back(nullptr);
  }
  std::vector<Evidence> gathered() {
    std::vector<Evidence> out(policy.identities.size());
    gather(policy, keys,
           {.header = [&](std::string_view name) -> std::optional<std::string_view> {
              const auto found = headers.find(name);
              return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
            },
            .peer = Address::v4(127, 0, 0, 1), .client = Address::parse(client).value(), .wall = wall_from_nanos(1)},
           out);
    return out;
  }
};

TEST(Gather, HasOneEvidenceForEachRuleInOrder) {
  Request request;
  request.api_key("x-api-key", "", "secret", "acme");
  request.service("x-service");
  request.headers = {{"x-api-key", "wrong"}, {"x-service", "billing"}};
  const auto evidence = request.gathered();
  EXPECT_EQ(evidence[0].result, EvidenceResult::unknown);
  EXPECT_EQ(evidence[1].result, EvidenceResult::valid);
  EXPECT_EQ(evidence[1].subject, "billing");
  request.headers = {};
  for (const Evidence& none : request.gathered()) EXPECT_EQ(none.result, EvidenceResult::absent);
}

TEST(Gather, ReadsASchemeInAnyCaseAndLeavesOtherSchemesAlone) {   // RFC 9110 11.1
  Request request;
  request.api_key("authorization", "ApiKey", "secret", "acme");
  const auto result_of = [&](std::string value) {
    request.headers["authorization"] = std::move(value);
    return request.gathered()[0].result;
  };
  EXPECT_EQ(result_of("ApiKey secret"), EvidenceResult::valid);
  EXPECT_EQ(result_of("apikey   secret"), EvidenceResult::valid);
  EXPECT_EQ(result_of("ApiKey wrong"), EvidenceResult::unknown);
  EXPECT_EQ(result_of("Bearer secret"), EvidenceResult::absent);
  EXPECT_EQ(result_of("ApiKeysecret"), EvidenceResult::absent);
  EXPECT_EQ(result_of("ApiKey"), EvidenceResult::malformed);
  EXPECT_EQ(result_of("ApiKey "), EvidenceResult::malformed);
  EXPECT_EQ(result_of("ApiKey a b"), EvidenceResult::malformed);
}

TEST(Gather, ARuleWithoutItsTableKnowsNobody) {
  Request request;
  request.api_key("x-api-key", "", "secret", "acme");
  request.keys.tables.clear();
  request.headers = {{"x-api-key", "secret"}};
  EXPECT_EQ(request.gathered()[0].result, EvidenceResult::unknown);
}

TEST(Service, IsBelievedFromItsNetworksAlone) {
  Request request;
  request.service("x-service");
  request.headers = {{"x-service", "billing"}};
  EXPECT_EQ(request.gathered()[0].result, EvidenceResult::valid);
  request.client = "10.2.0.1";
  EXPECT_EQ(request.gathered()[0].result, EvidenceResult::untrusted);
  EXPECT_EQ(request.gathered()[0].subject, "");
}

TEST(Service, NamesAreShortAndPlain) {
  const std::vector<Net> from{Net::parse("0.0.0.0/0").value()};
  const auto result_of = [&](std::string_view name) { return check_service(name, Address::v4(1, 2, 3, 4), from).result; };
  EXPECT_EQ(result_of("team/orders-2.eu_west:8@x"), EvidenceResult::valid);
  EXPECT_EQ(result_of(""), EvidenceResult::malformed);
  EXPECT_EQ(result_of("a b"), EvidenceResult::malformed);
  EXPECT_EQ(result_of("a\"b"), EvidenceResult::malformed);
  EXPECT_EQ(result_of(std::string(kMaxServiceName + 1, 'a')), EvidenceResult::malformed);
}

}  // namespace
}  // namespace weir::auth
