// The words that may stand for the values of each enum of the language, in the order in which
// messages name them.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "config/spec.h"

namespace weir::config {

// kAll: word and value. kNotYet: words that a later version will take.
template <class E>
struct Words;

template <>
struct Words<LimitMode> {
  static constexpr std::array<std::pair<std::string_view, LimitMode>, 2> kAll = {
      {{"enforce", LimitMode::enforce}, {"observe", LimitMode::observe}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<BalanceKind> {
  static constexpr std::array<std::pair<std::string_view, BalanceKind>, 5> kAll = {
      {{"round_robin", BalanceKind::round_robin},
       {"least_request", BalanceKind::least_request},
       {"random", BalanceKind::random},
       {"ring_hash", BalanceKind::ring_hash},
       {"peak_ewma", BalanceKind::peak_ewma}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RetryOn> {
  static constexpr std::array<std::pair<std::string_view, RetryOn>, 6> kAll = {
      {{"connect_failed", RetryOn::connect_failed},
       {"closed", RetryOn::closed},
       {"timeout", RetryOn::timeout},
       {"502", RetryOn::bad_gateway},
       {"503", RetryOn::unavailable},
       {"504", RetryOn::gateway_timeout}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<ExternalAuth::OnFailure> {
  static constexpr std::array<std::pair<std::string_view, ExternalAuth::OnFailure>, 2> kAll = {
      {{"refuse", ExternalAuth::OnFailure::refuse}, {"allow", ExternalAuth::OnFailure::allow}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<Priority> {
  static constexpr std::array<std::pair<std::string_view, Priority>, 3> kAll = {
      {{"critical", Priority::critical},
       {"normal", Priority::normal},
       {"sheddable", Priority::sheddable}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<SplitArm> {
  static constexpr std::array<std::pair<std::string_view, SplitArm>, 2> kAll = {
      {{"stable", SplitArm::stable}, {"candidate", SplitArm::candidate}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<SlashPolicy> {
  static constexpr std::array<std::pair<std::string_view, SlashPolicy>, 2> kAll = {
      {{"refuse", SlashPolicy::refuse}, {"keep", SlashPolicy::keep}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<Scheme> {
  static constexpr std::array<std::pair<std::string_view, Scheme>, 2> kAll = {
      {{"http", Scheme::http}, {"https", Scheme::https}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<Paths> {
  static constexpr std::array<std::pair<std::string_view, Paths>, 2> kAll = {
      {{"template", Paths::classes}, {"full", Paths::full}}};
  static constexpr std::array<std::string_view, 1> kNotYet = {"hash"};
};
template <>
struct Words<AddressDetail> {
  static constexpr std::array<std::pair<std::string_view, AddressDetail>, 3> kAll = {
      {{"full", AddressDetail::full}, {"net", AddressDetail::net}, {"keyed", AddressDetail::keyed}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RefusalDetail> {
  static constexpr std::array<std::pair<std::string_view, RefusalDetail>, 2> kAll = {
      {{"full", RefusalDetail::full}, {"brief", RefusalDetail::brief}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RateLimitFields> {
  static constexpr std::array<std::pair<std::string_view, RateLimitFields>, 3> kAll = {
      {{"ietf", RateLimitFields::ietf},
       {"legacy", RateLimitFields::legacy},
       {"off", RateLimitFields::off}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};

template <>
struct Words<RolloutRules::OnNotEnoughData> {
  static constexpr std::array<std::pair<std::string_view, RolloutRules::OnNotEnoughData>, 2> kAll = {
      {{"hold", RolloutRules::OnNotEnoughData::hold}, {"promote_watched", RolloutRules::OnNotEnoughData::promote_watched}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};
template <>
struct Words<RolloutRules::Busy> {
  static constexpr std::array<std::pair<std::string_view, RolloutRules::Busy>, 2> kAll = {
      {{"refuse", RolloutRules::Busy::refuse}, {"queue", RolloutRules::Busy::queue}}};
  static constexpr std::array<std::string_view, 0> kNotYet = {};
};

}  // namespace weir::config
