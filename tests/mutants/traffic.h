// One day of traffic like that of testbed T0 of the incident research, drawn from a seed and scaled
// to a number of requests (300 a second there; a million a day are 11.6): 2,000 callers with API
// keys by Zipf 0.9 in bursts of four at 30 ms, 20 % from 6 internal services, sources over 600
// networks, two callers in five behind a few shared addresses; batches of the heavy; rate modulated
// over the day and by the second; durations LogN by service; 0.3 % of bad answers in clusters of
// one caller. From noon to noon and a minute, so that the input spans 24 h and two days of the
// calendar.
//
// Nothing here is weir's: generator, model and simulation share no code with what they judge.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mutants {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kBegin = 1'772'539'200 * kSecond;  // 2026-03-03 12:00:00 UTC
inline constexpr std::int64_t kLength = (86'400 + 60) * kSecond;

inline constexpr std::array<std::string_view, 6> kServices = {"web",    "mobile-bff", "worker",
                                                              "search", "billing",    "mailer"};
inline constexpr std::array<std::string_view, 5> kMethods = {"GET", "HEAD", "POST", "PUT",
                                                             "DELETE"};
inline constexpr std::array<std::string_view, 2> kHosts = {"api.example.com",
                                                           "internal.example.com"};

// What is asked for: `#` stands for a number.
struct Template {
  std::string_view path;
  std::uint8_t host, method;
};
extern const std::array<Template, 22> kTemplates;

struct Caller {             // with an API key
  std::string name, group;  // "gold", "silver", "inhouse", ""
};

struct Request {
  std::int64_t at = 0;       // ns since 1970
  std::uint32_t client = 0;  // IPv4
  std::int16_t caller = -1;  // of Traffic::callers; -1: no key
  std::int8_t service = -1;  // of kServices
  std::uint8_t target = 0;   // of kTemplates
  std::uint32_t number = 0;  // in its path
  std::uint32_t micros = 0;  // until the upstream answers
  std::uint16_t head = 0;    // bytes
  std::uint16_t person = 0;  // who asks, densely numbered: key, else service, else address
  std::uint16_t address = 0, net = 0;  // of the client, densely numbered; net: /24
  bool canary = false;                 // X-Canary: always
  bool bad = false;                    // its upstream answers 500
};

struct Traffic {
  std::vector<Caller> callers;
  std::vector<Request> requests;  // in the order of time
  std::size_t persons = 0, addresses = 0, nets = 0;
};

Traffic draw_traffic(std::uint64_t seed, std::size_t requests);

std::string path_of(const Request& request);
std::string dotted(std::uint32_t address);

}  // namespace mutants
