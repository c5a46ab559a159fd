// What a process may have, from files as proc(5) and cgroups(7) describe them; and the lines for the operator.
#include "control/own_protection.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/temp_folder_for_tests.h"
#include "decide/known_callers.h"
#include "record/caller_tally.h"

namespace weir::control {
namespace {

struct Root {
  TempFolder folder;
  std::filesystem::path path = folder.path();
  Root() {
    put("proc/meminfo", "MemTotal:        1000 kB\nMemFree:          10 kB\n");
  }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
  }
};

TEST(OwnProtection, MemoryIsWhatTheMachineHasOrLessByAnyGroupAbove) {
  const Root root;
  EXPECT_EQ(memory_allowed(root.path), 1000u * 1024);
  root.put("proc/self/cgroup", "0::/system.slice/weir.service\n");
  root.put("sys/fs/cgroup/system.slice/weir.service/memory.max", "max\n");
  EXPECT_EQ(memory_allowed(root.path), 1000u * 1024);
  root.put("sys/fs/cgroup/system.slice/weir.service/memory.max", "700000\n");
  EXPECT_EQ(memory_allowed(root.path), 700'000u);
  root.put("sys/fs/cgroup/system.slice/memory.max", "600000\n");
  EXPECT_EQ(memory_allowed(root.path), 600'000u) << "the group above allows less";
  root.put("sys/fs/cgroup/memory.max", "500000\n");
  EXPECT_EQ(memory_allowed(root.path), 500'000u) << "a container sees its own group at the root";
  root.put("sys/fs/cgroup/system.slice/memory.max", "9223372036854771712\n");
  root.put("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_EQ(memory_allowed(root.path), 700'000u);
  EXPECT_EQ(memory_allowed("/nowhere"), 0u);
}

TEST(OwnProtection, SaysWhatIsShortAndWhomItRefuses) {
  EXPECT_EQ(overload_line(OwnResource::descriptors, {.level = decide::ShedLevel::sheddable, .share = 0.88, .used = 901, .most = 1024}),
            "short of descriptors: 901 of 1,024; refusing sheddable requests");
  EXPECT_EQ(overload_line(OwnResource::loop, {.level = decide::ShedLevel::unknown_normal, .used = 120'000'000}),
            "short of time: requests wait 120 ms for a worker; refusing sheddable requests, and normal ones of unknown callers");
  EXPECT_EQ(overload_line(OwnResource::memory, {.share = 0.5, .used = 1u << 30, .most = 2u << 30}), "no longer short of memory: 1.0 GiB of 2.0 GiB");
}

TEST(OwnProtection, ADecisionIsToldTheWorstAndOfSeveralTheFirst) {
  ResourceStates states;
  const auto at = [&](OwnResource which) -> ResourceState& { return states[static_cast<std::size_t>(which)]; };
  EXPECT_EQ(own_load(states, nullptr).level, decide::ShedLevel::none);
  at(OwnResource::accept_queue).level = at(OwnResource::descriptors).level = decide::ShedLevel::normal;
  at(OwnResource::loop).level = decide::ShedLevel::sheddable;
  const decide::KnownCallers known({1});
  const decide::OwnLoad own = own_load(states, &known);
  EXPECT_EQ(own.level, decide::ShedLevel::normal);
  EXPECT_EQ(own.shortest, OwnResource::descriptors);
  EXPECT_TRUE(own.queue_stands);
  EXPECT_EQ(own.known, &known);
}

// decide asks by the hashes that the directory keeps.
TEST(OwnProtection, ACallerIsFoundUnderTheNameOfTheDirectory) {
  constexpr HashKey kKey{3, 4};
  const auto hash = [&](record::CallerKind kind, std::string_view name) {
    return record::CallerTally::hash_of(kKey, record::CallerName::of(kind, name));
  };
  const Address client = Address::parse("2001:db8:7:8:9::1").value();
  const decide::KnownCallers known({hash(record::CallerKind::credential, "hub"), hash(record::CallerKind::client, to_string(caller_address(client)))});
  Facts facts;
  facts.client = client;
  EXPECT_TRUE(decide::is_known(&known, decide::address_caller(client, kKey), facts, kKey));
  decide::Caller caller{.ref = {.kind = CallerRef::Kind::service}, .subject = "hub", .groups = {}};
  EXPECT_TRUE(decide::is_known(&known, caller, facts, kKey));
  caller.subject = "other";
  EXPECT_FALSE(decide::is_known(&known, caller, facts, kKey));
}

}  // namespace
}  // namespace weir::control
