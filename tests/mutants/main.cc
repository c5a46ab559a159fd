// weir_mutants FOLDER [--requests N] [--seed S] [--each N]: a day of traffic as two logs and a
// recording, the base configuration, and mutants of it: N that hurt, a third of them little (0.5 to
// 5 % of the requests of known callers), and N that do not. mutants.json says what each is and what
// it does; test_mutants.py asks weir plan about them.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "logs.h"
#include "model.h"
#include "mutate.h"
#include "recording.h"
#include "traffic.h"
#include "truth.h"

namespace mutants {
namespace {

struct Options {
  std::string folder;
  std::size_t requests = 1'000'000, each = 100;
  std::uint64_t seed = 1;
};

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void write_keys(const std::string& path, const Traffic& traffic) {
  std::string text;
  for (std::size_t i = 0; i < traffic.callers.size(); ++i) {
    char digest[80];
    std::snprintf(digest, sizeof digest, "sha256:%064zx", i + 1);
    const Caller& caller = traffic.callers[i];
    text += "- {name: " + caller.name + ", digest: \"" + digest + "\"" +
            (caller.group.empty() ? "" : ", groups: [" + caller.group + "]") + "}\n";
  }
  write(path, text);
}

// Which facts an edit asks for that an input may lack.
struct Asks {
  bool timeouts = false, balance = false, head = false, identity = false;
};
Asks asks_of(const Gateway& base, const Gateway& mutant) {
  Asks asks{.head = base.head_cap != mutant.head_cap};
  for (const Route& route : mutant.routes) {
    const auto old = std::ranges::find(base.routes, route.name, &Route::name);
    if (old == base.routes.end()) continue;
    asks.timeouts = asks.timeouts || old->response_ms.value_or(base.response_ms) !=
                                         route.response_ms.value_or(mutant.response_ms);
    asks.balance = asks.balance || old->to != route.to;
  }
  const auto flat = [](const Gateway& gateway) {
    std::set<std::string> all;
    for (const Upstream& upstream : gateway.upstreams) {
      for (const Endpoint& endpoint : upstream.endpoints)
        all.insert(upstream.name + " " + endpoint.address + " " + std::to_string(endpoint.weight) +
                   " " + upstream.balance);
    }
    return all;
  };
  asks.balance = asks.balance || flat(base) != flat(mutant);
  for (const Identity& rule : mutant.identities) {
    const auto old = std::ranges::find(base.identities, rule.name, &Identity::name);
    asks.identity = asks.identity || old == base.identities.end() || old->header != rule.header;
  }
  return asks;
}

const std::vector<Edit>& all_edits() {
  static const std::vector<Edit> all = [] {
    std::vector<Edit> made;
    for (const auto edits : {limit_edits(), route_edits(), quiet_edits()})
      made.insert(made.end(), edits.begin(), edits.end());
    return made;
  }();
  return all;
}

class Draw {
 public:
  Draw(const Options& options, const Traffic& traffic, const Gateway& base, const Outcome& outcome)
      : options_(options),
        traffic_(traffic),
        base_(base),
        outcome_(outcome),
        known_(known_persons(traffic, outcome)),
        random_(options.seed * 7919 + 1) {
    const std::size_t little = options.each / 3;
    wanted_ = {{Kind::harmless, options.each},
               {Kind::hurts_little, little},
               {Kind::hurts, options.each - little}};
  }

  bool run() {
    std::size_t left = 0;
    for (const auto& [kind, count] : wanted_) left += count;
    std::set<std::string> texts = {yaml(base_)};
    for (std::size_t round = 0; left > 0 && round < 400; ++round) {
      for (const Edit& edit : all_edits()) {
        if (left == 0) break;
        Gateway mutant = base_;
        const std::string what = edit.apply(mutant, random_);
        if (what.empty() || is_full(edit, Kind::harmless)) {
          if (what.empty() || (is_full(edit, Kind::hurts) && is_full(edit, Kind::hurts_little)))
            continue;
        }
        const std::string text = yaml(mutant);
        if (!texts.insert(text).second || !compiles(text, options_.folder)) continue;
        ++drawn_;
        const Harm harm =
            harm_of(traffic_, known_, base_, outcome_, mutant, simulate(mutant, traffic_));
        const Kind kind = kind_of(harm);
        if (kind == Kind::neither || wanted_[kind] == 0 || is_full(edit, kind)) continue;
        --wanted_[kind];
        --left;
        ++had_[{edit.name, kind}];
        keep(edit, what, text, harm, kind, asks_of(base_, mutant));
      }
    }
    write(options_.folder + "/mutants.json",
          "{\"known\": " + std::to_string(std::ranges::count(known_, true)) + ", \"drawn\": " +
              std::to_string(drawn_) + ", \"full_format\": " + quoted(kFullFormat) +
              ", \"plain_format\": " + quoted(kPlainFormat) + ", \"mutants\": [\n" + list_ +
              "\n]}\n");
    return left == 0;
  }

 private:
  static std::string quoted(std::string_view text) {
    std::string made = "\"";
    for (const char c : text) made += c == '"' ? "\\\"" : std::string(1, c);
    return made + '"';
  }
  // No edit may be more than so many of a kind; those that a log cannot tell are few.
  bool is_full(const Edit& edit, Kind kind) {
    const bool rare = edit.name == "key header renamed" || edit.name == "header cap cut";
    const std::size_t most = rare ? std::max<std::size_t>(1, options_.each / 50)
                                  : std::max<std::size_t>(1, options_.each / 14);
    return had_[{edit.name, kind}] >= most;
  }

  void keep(const Edit& edit, const std::string& what, const std::string& text, const Harm& harm,
            Kind kind, const Asks& asks) {
    char file[32], numbers[400];
    std::snprintf(file, sizeof file, "m%03zu.yaml", count_++);
    write(options_.folder + "/" + file, text);
    std::snprintf(numbers, sizeof numbers,
                  "\"refused\": %llu, \"refused_known\": %llu, \"cut\": %llu, \"persons\": %llu, "
                  "\"load_ratio\": %.3f, \"known_share\": %.5f, "
                  "\"timeouts\": %s, \"balance\": %s, \"head\": %s, \"identity\": %s",
                  static_cast<unsigned long long>(harm.refused),
                  static_cast<unsigned long long>(harm.refused_known),
                  static_cast<unsigned long long>(harm.cut),
                  static_cast<unsigned long long>(harm.persons), harm.load_ratio, harm.known_share,
                  asks.timeouts ? "true" : "false", asks.balance ? "true" : "false",
                  asks.head ? "true" : "false", asks.identity ? "true" : "false");
    if (!list_.empty()) list_ += ",\n";
    list_ += "  {\"file\": \"" + std::string(file) + "\", \"edit\": " + quoted(edit.name) +
             ", \"what\": " + quoted(what) +
             ", \"hurts\": " + (kind == Kind::harmless ? "false" : "true") +
             ", \"little\": " + (kind == Kind::hurts_little ? "true" : "false") + ", " + numbers +
             "}";
  }

  const Options& options_;
  const Traffic& traffic_;
  const Gateway& base_;
  const Outcome& outcome_;
  std::vector<bool> known_;
  Random random_;
  std::map<Kind, std::size_t> wanted_;
  std::map<std::pair<std::string_view, Kind>, std::size_t> had_;
  std::string list_;
  std::size_t count_ = 0, drawn_ = 0;
};

int run(const Options& options) {
  std::filesystem::create_directories(options.folder);
  const Traffic traffic = draw_traffic(options.seed, options.requests);
  const Gateway base = base_gateway();
  const Outcome outcome = simulate(base, traffic);
  write(options.folder + "/base.yaml", yaml(base));
  write_keys(options.folder + "/keys.yaml", traffic);
  if (!compiles(yaml(base), options.folder)) {
    std::fprintf(stderr, "the base configuration does not compile: weir check %s/base.yaml\n",
                 options.folder.c_str());
    return 1;
  }
  {
    const Logs logs = write_logs(traffic, base, outcome);
    write(options.folder + "/access.log", logs.full);
    write(options.folder + "/plain.log", logs.plain);
  }
  if (const auto recorded =
          write_recording(options.folder + "/base.yaml", traffic, options.folder + "/recording");
      !recorded) {
    std::fprintf(stderr, "%s\n", weir::to_string(recorded.error()).c_str());
    return 1;
  }
  std::printf("%zu requests of %zu persons, %lld refused today; fullest buckets:",
              traffic.requests.size(), traffic.persons,
              static_cast<long long>(std::ranges::count_if(
                  outcome.refusals, [](Refusal each) { return each != Refusal::none; })));
  for (std::size_t i = 0; i < base.limits.size(); ++i)
    std::printf(" %s %.0f %%", base.limits[i].name.c_str(), outcome.fullest[i] * 100);
  std::printf("\n");
  const bool enough = Draw(options, traffic, base, outcome).run();
  if (!enough) std::fprintf(stderr, "not enough mutants of each kind could be drawn\n");
  return enough ? 0 : 1;
}

}  // namespace
}  // namespace mutants

int main(int count, char** words) {
  mutants::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--requests" && i + 1 < count) {
      options.requests = std::stoull(words[++i]);
    } else if (word == "--seed" && i + 1 < count) {
      options.seed = std::stoull(words[++i]);
    } else if (word == "--each" && i + 1 < count) {
      options.each = std::stoull(words[++i]);
    } else if (options.folder.empty() && !word.starts_with('-')) {
      options.folder = word;
    } else {
      options.folder.clear();
      break;
    }
  }
  if (options.folder.empty() || options.requests < 1000) {
    std::fprintf(stderr, "usage: weir_mutants FOLDER [--requests N] [--seed S] [--each N]\n");
    return 2;
  }
  return mutants::run(options);
}
