// Which structs of spec.h have a table of keys, and the codecs that are no templates. What
// schema*.cc share.
#pragma once

#include "config/codec.h"
#include "config/spec.h"
#include "config/words.h"

namespace weir::config {

template <>
const Object& object<ListenerSpec::Timeouts>();
template <>
const Object& object<ListenerSpec::Caps>();
template <>
const Object& object<ListenerSpec>();
template <>
const Object& object<AdminSpec>();
template <>
const Object& object<DefaultTimeoutsSpec>();
template <>
const Object& object<DefaultsSpec>();
template <>
const Object& object<ApiKeySpec>();
template <>
const Object& object<ServiceSpec>();
template <>
const Object& object<IdentitySpec>();
template <>
const Object& object<CallersSpec>();
template <>
const Object& object<OverrideSpec>();
template <>
const Object& object<ExpectSpec>();
template <>
const Object& object<LearnedSpec>();
template <>
const Object& object<LimitSpec>();
template <>
const Object& object<ConcurrencySpec>();
template <>
const Object& object<EndpointSpec>();
template <>
const Object& object<HashSpec>();
template <>
const Object& object<HealthCheckSpec>();
template <>
const Object& object<EjectionSpec>();
template <>
const Object& object<BreakerSpec>();
template <>
const Object& object<AdaptiveLimitSpec>();
template <>
const Object& object<UpstreamSpec>();
template <>
const Object& object<FieldMatchSpec>();
template <>
const Object& object<QueryMatchSpec>();
template <>
const Object& object<MatchSpec>();
template <>
const Object& object<SplitSpec>();
template <>
const Object& object<RewriteSpec>();
template <>
const Object& object<RedirectSpec>();
template <>
const Object& object<RespondSpec>();
template <>
const Object& object<HeadersSpec>();
template <>
const Object& object<AuthCacheSpec>();
template <>
const Object& object<ExternalAuthSpec>();
template <>
const Object& object<AuthSpec>();
template <>
const Object& object<RetryBudgetSpec>();
template <>
const Object& object<RetrySpec>();
template <>
const Object& object<RouteTimeoutsSpec>();
template <>
const Object& object<RouteSpec>();
template <>
const Object& object<RefusalsSpec>();
template <>
const Object& object<LoopSpec>();
template <>
const Object& object<DeadlineSpec>();
template <>
const Object& object<DnsSpec>();
template <>
const Object& object<OverloadSpec>();
template <>
const Object& object<RecordSpec>();
template <>
const Object& object<HarmBudgetSpec>();
template <>
const Object& object<RolloutSpec>();
template <>
const Object& object<Spec>();

}  // namespace weir::config
