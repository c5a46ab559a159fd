// Every reader of foreign logs has a seed in fuzz/foreign_fuzz that reaches it: at least one entry
// is read from it. Without one a fuzzer rarely finds the way into a format by itself.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include "foreign/fuzzed_format_for_tests.h"
#include "foreign/reading_for_tests.h"

namespace weir::foreign {
namespace {

std::multimap<std::uint8_t, std::string> seeds() {
  std::multimap<std::uint8_t, std::string> all;
  for (const auto& file :
       std::filesystem::directory_iterator(std::string(WEIR_ROOT) + "/fuzz/foreign_fuzz")) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    if (bytes.size() < 3) continue;
    const auto choice =
        static_cast<std::uint8_t>(static_cast<unsigned char>(bytes[0]) % FuzzedFormat::kChoices);
    all.emplace(choice, bytes.substr(2));
  }
  return all;
}

std::uint64_t entries(const Format& format, std::string_view text) {
  return read_log(format, text, 4096).report.entries;
}

TEST(Seeds, ReachEveryReader) {
  const auto all = seeds();
  const std::size_t formats = format_names().size() + FuzzedFormat::kTexts.size();
  ASSERT_LT(formats, FuzzedFormat::kTextFirst);
  for (std::size_t choice = 0; choice < formats; ++choice) {
    const auto format = FuzzedFormat::chosen(static_cast<std::uint8_t>(choice));
    ASSERT_TRUE(format) << choice;
    std::uint64_t read = 0;
    const auto [from, to] = all.equal_range(static_cast<std::uint8_t>(choice));
    for (auto seed = from; seed != to; ++seed) read += entries(*format, seed->second);
    EXPECT_GT(read, 0u) << "no seed of fuzz/foreign_fuzz is read by " << format->name
                        << ": a file that begins with byte " << choice << " and one for the pieces";
  }
}

TEST(Seeds, ReachEveryPackingAndEveryKindOfRecognition) {
  const auto all = seeds();
  std::set<Packing> packings;
  const auto [from, to] = all.equal_range(FuzzedFormat::kPacked);
  for (auto seed = from; seed != to; ++seed)
    packings.insert(packing_of(std::as_bytes(std::span(seed->second))));
  EXPECT_TRUE(packings.contains(Packing::gzip) && packings.contains(Packing::xz) &&
              packings.contains(Packing::zstd));

  std::set<std::string> names;
  const auto [first, last] = all.equal_range(FuzzedFormat::kRecognised);
  for (auto seed = first; seed != last; ++seed) {
    const auto found = recognise(seed->second, {});
    if (found && entries(found->format, seed->second) > 0) names.insert(found->format.name);
  }
  EXPECT_TRUE(names.contains("CSV"));
  EXPECT_GE(names.size(), 2u);
}

}  // namespace
}  // namespace weir::foreign
