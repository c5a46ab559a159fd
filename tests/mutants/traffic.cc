#include "traffic.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <tuple>
#include <unordered_map>

namespace mutants {

const std::array<Template, 22> kTemplates = {{
    {"/catalog/items", 0, 0},          // 0
    {"/catalog/items/#", 0, 0},        // 1
    {"/catalog/items/#/price", 0, 0},  // 2
    {"/catalog/search", 0, 0},         // 3
    {"/catalog/items/#", 0, 1},        // 4 HEAD
    {"/catalog/items/#", 0, 3},        // 5 PUT
    {"/orders", 0, 0},                 // 6
    {"/orders", 0, 2},                 // 7 POST
    {"/orders/#", 0, 0},               // 8
    {"/orders/#", 0, 4},               // 9 DELETE
    {"/orders/search", 0, 0},          // 10
    {"/auth/login", 0, 2},             // 11
    {"/auth/token", 0, 2},             // 12
    {"/payments", 0, 2},               // 13
    {"/payments/#", 0, 0},             // 14
    {"/reports/daily", 0, 0},          // 15
    {"/reports/export", 0, 2},         // 16
    {"/pricing/quote", 1, 2},          // 17
    {"/enrich/items/#", 1, 0},         // 18
    {"/enrich/users/#", 1, 0},         // 19
    {"/v1/items/#", 0, 0},             // 20
    {"/healthz", 0, 0},                // 21
}};

namespace {

using Random = std::mt19937_64;

double uniform(Random& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

// Shares of the mix: catalog 55, orders 15, auth 12, payments 8, internal 8, reports 2, and what is
// left.
struct Share {
  std::uint8_t target;
  double weight;
};
constexpr Share kOutside[] = {{0, 14}, {1, 20},   {2, 8},   {3, 9},  {4, 1.2}, {5, 0.7}, {6, 5},
                              {7, 4},  {8, 3.2},  {9, 0.8}, {10, 2}, {11, 6},  {12, 6},  {13, 4},
                              {14, 4}, {15, 1.4}, {16, .6}, {20, 2}, {21, 0.6}};
constexpr Share kInside[] = {{17, 20}, {18, 12}, {19, 8}, {1, 25}, {0, 5},
                             {6, 8},   {8, 10},  {7, 4},  {13, 4}, {14, 4}};

// Log-normal by service: median in ms and sigma.
std::uint32_t micros_of(std::uint8_t target, Random& random) {
  double median = 10, sigma = .6;
  if (target >= 6 && target <= 10) median = 15;
  if (target == 11 || target == 12) median = 8, sigma = .5;
  if (target == 13 || target == 14) median = 40, sigma = .7;
  if (target == 15 || target == 16) {  // 30 ms and 4 ms a KiB
    median = 30 + 4 * std::exp(std::normal_distribution<double>(3, 1)(random));
    sigma = .3;
  }
  if (target >= 17 && target <= 19) sigma = .5;
  const double ms = median * std::exp(std::normal_distribution<double>(0, sigma)(random));
  return static_cast<std::uint32_t>(ms * 1000);
}

class Drawing {
 public:
  Drawing(std::uint64_t seed, std::size_t count) : random_(seed), count_(count) {
    draw_callers();
    draw_day();
  }

  Traffic run() {
    const auto outside = count_ * 80 / 100;
    while (traffic_.requests.size() < outside) burst();
    while (traffic_.requests.size() < count_) inside();
    auto& requests = traffic_.requests;
    requests.resize(count_);
    requests.front().at = kBegin;
    requests.back().at = kBegin + kLength - kSecond;
    std::ranges::sort(requests, {}, [](const Request& each) {
      return std::tuple(each.at, each.client, each.target, each.number);
    });
    spoil();
    number();
    return std::move(traffic_);
  }

 private:
  struct Home {
    std::vector<std::uint32_t> addresses;
    std::uint16_t head = 600;
  };

  void draw_callers() {
    for (int i = 0; i < 2000; ++i) {
      std::string group;
      const double u = uniform(random_);
      if (i < 20 || u < .03) {
        group = "gold";
      } else if (u < .35) {
        group = "silver";
      }
      traffic_.callers.push_back({.name = "acme-" + std::to_string(i), .group = group});
      weights_.push_back(std::pow(i + 1, -.9));
      homes_.push_back(home(uniform(random_) < .4));
    }
    for (const std::string_view service : kServices) {  // the two that pay carry a key as well
      traffic_.callers.push_back({.name = "inhouse-" + std::string(service), .group = "inhouse"});
    }
    who_ = std::discrete_distribution<std::size_t>(weights_.begin(), weights_.end());
  }

  // Two in five are behind one of twelve shared addresses; the others have one to three of their
  // own.
  Home home(bool shared) {
    Home made;
    const double u = uniform(random_);
    made.head = static_cast<std::uint16_t>(u < .9 ? 400 + 900 * uniform(random_)
                                                  : 1500 + 2400 * uniform(random_));
    if (shared) {
      made.addresses.push_back(0xC6336400u + static_cast<std::uint32_t>(random_() % 12));
      return made;
    }
    const auto net = static_cast<std::uint32_t>(random_() % 600);
    const auto base = (100u << 24 | 64u << 16) + (net << 8);
    for (std::uint64_t i = 0; i < 1 + random_() % 3; ++i)
      made.addresses.push_back(base + 1 + static_cast<std::uint32_t>(random_() % 250));
    return made;
  }

  // Seconds of the day by their rate: a wave over the day and CV 0.15 from second to second.
  void draw_day() {
    const auto seconds = static_cast<std::size_t>(kLength / kSecond);
    double sum = 0;
    std::normal_distribution<double> noise(1, .15);
    for (std::size_t s = 0; s < seconds; ++s) {
      const double wave =
          1 + .45 * std::sin(2 * 3.14159265358979 * static_cast<double>(s) / 86400 - .5);
      sum += wave * std::max(.2, noise(random_));
      day_.push_back(sum);
    }
  }
  std::int64_t moment() {
    const auto at = std::ranges::lower_bound(day_, uniform(random_) * day_.back());
    return kBegin + (at - day_.begin()) * kSecond +
           static_cast<std::int64_t>(uniform(random_) * 1e9);
  }

  void put(Request request, std::int64_t at) {
    if (at >= kBegin + kLength - kSecond) return;
    request.at = at;
    request.micros = micros_of(request.target, random_);
    request.number = static_cast<std::uint32_t>(1 + random_() % 5000);
    traffic_.requests.push_back(request);
  }

  // A burst of one caller, of geometric mean four; now and then a batch of a heavy one.
  void burst() {
    const std::size_t caller = who_(random_);
    const Home& from = homes_[caller];
    Request request;
    request.client = from.addresses[random_() % from.addresses.size()];
    request.head = static_cast<std::uint16_t>(from.head + random_() % 80);
    // One in twenty comes without a key, as the newly met do; auth needs none.
    const bool anonymous = uniform(random_) < .05;
    request.caller = anonymous ? std::int16_t{-1} : static_cast<std::int16_t>(caller);
    request.canary = uniform(random_) < .01;
    const bool batch = caller < 20 && uniform(random_) < .004;
    const std::size_t size =
        batch ? 120 + random_() % 140
              : 1 + static_cast<std::size_t>(std::geometric_distribution<int>(.25)(random_));
    std::int64_t at = moment();
    for (std::size_t i = 0; i < size; ++i) {
      request.target = pick(kOutside, outside_);
      if (anonymous && (request.target == 5 || (request.target >= 13 && request.target <= 16)))
        request.target = 0;
      put(request, at);
      at += static_cast<std::int64_t>(
          std::exponential_distribution<double>(batch ? 15 : 33)(random_) * 1e9);
    }
  }

  // Internal services: single calls, and batches of the worker and the biller.
  void inside() {
    const auto service = random_() % kServices.size();
    Request request;
    request.service = static_cast<std::int8_t>(service);
    request.client = (10u << 24 | 1u << 16) +
                     static_cast<std::uint32_t>((service + 1) << 8 | (1 + random_() % 3));
    request.head = static_cast<std::uint16_t>(300 + random_() % 200);
    const bool batch = (service == 2 || service == 4) && uniform(random_) < .0008;
    const std::size_t size = batch ? 200 + random_() % 120 : 1 + random_() % 3;
    std::int64_t at = moment();
    for (std::size_t i = 0; i < size; ++i) {
      request.target = pick(kInside, inside_);
      // Payments want a key: the services have one each, and send it there and, the biller, always.
      const bool pays = request.target == 13 || request.target == 14;
      request.caller =
          pays || service == 4 ? static_cast<std::int16_t>(2000 + service) : std::int16_t{-1};
      put(request, at);
      at += static_cast<std::int64_t>(
          std::exponential_distribution<double>(batch ? 22 : 8)(random_) * 1e9);
    }
  }

  template <std::size_t N>
  std::uint8_t pick(const Share (&shares)[N], std::discrete_distribution<std::size_t>& by) {
    if (by.max() == 0) {
      std::vector<double> weights;
      for (const Share& share : shares) weights.push_back(share.weight);
      by = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
    }
    return shares[by(random_)].target;
  }

  // 0.3 % bad, in clusters of one caller of 40 in the mean.
  void spoil() {
    auto& requests = traffic_.requests;
    for (std::size_t left = requests.size() * 3 / 1000; left > 0;) {
      const std::size_t from = random_() % requests.size();
      const std::size_t size = 1 + std::geometric_distribution<std::size_t>(1 / 40.0)(random_);
      std::size_t done = 0;
      for (std::size_t i = from; i < requests.size() && i < from + 200'000 && done < size; ++i) {
        if (requests[i].caller != requests[from].caller ||
            requests[i].client != requests[from].client)
          continue;
        requests[i].bad = true;
        ++done;
      }
      left -= std::min(left, done);
    }
  }

  void number() {
    std::unordered_map<std::uint32_t, std::uint16_t> addresses, nets;
    const std::size_t named = traffic_.callers.size() + kServices.size();
    for (Request& request : traffic_.requests) {
      request.address = addresses.try_emplace(request.client, addresses.size()).first->second;
      request.net = nets.try_emplace(request.client >> 8, nets.size()).first->second;
      request.person = static_cast<std::uint16_t>(
          request.caller >= 0 ? static_cast<std::size_t>(request.caller)
          : request.service >= 0
              ? traffic_.callers.size() + static_cast<std::size_t>(request.service)
              : named + request.address);
    }
    traffic_.addresses = addresses.size();
    traffic_.nets = nets.size();
    traffic_.persons = named + addresses.size();
  }

  Random random_;
  std::size_t count_;
  Traffic traffic_;
  std::vector<double> weights_, day_;
  std::vector<Home> homes_;
  std::discrete_distribution<std::size_t> who_, outside_, inside_;
};

}  // namespace

Traffic draw_traffic(std::uint64_t seed, std::size_t requests) {
  return Drawing(seed, requests).run();
}

std::string path_of(const Request& request) {
  std::string path(kTemplates[request.target].path);
  if (const std::size_t at = path.find('#'); at != std::string::npos)
    path.replace(at, 1, std::to_string(request.number));
  return path;
}

std::string dotted(std::uint32_t a) {
  return std::to_string(a >> 24) + "." + std::to_string(a >> 16 & 255) + "." +
         std::to_string(a >> 8 & 255) + "." + std::to_string(a & 255);
}

}  // namespace mutants
