#include "control/known_callers.h"

#include <memory>
#include <unordered_map>

#include "config/diagnostic.h"
#include "control/text.h"
#include "fmt/core.h"
#include "store/caller_directory.h"

namespace weir::control {
namespace {

constexpr Nanos kYoung = store::CallerDirectory::kYoung;

}  // namespace

replay::KnownBefore known_callers(const std::vector<std::string>& folders,
                                  std::vector<std::string>& notes) {
  for (const std::string& folder : folders) {
    auto directory = store::CallerDirectory::open(folder + "/callers.db",
                                                  {.mode = store::CallerDirectory::Mode::read});
    if (!directory) {
      if (directory.error().kind != ErrorKind::not_found)
        notes.push_back(config::printable(to_string(directory.error())));
      continue;
    }
    const auto totals = directory->totals({});
    if (!totals || !totals->first || *totals->last - *totals->first < kYoung) continue;
    const auto days = std::make_shared<std::unordered_map<std::string, std::uint32_t>>();
    const auto read = directory->each([&](const record::CallerEntry& entry) {
      if (entry.standing.is_known()) days->emplace(entry.name.key(), entry.standing.days.count());
    });
    if (!read) {
      notes.push_back(config::printable(to_string(read.error())));
      continue;
    }
    notes.push_back(fmt::format("known callers: {} of the directory in {}", grouped(days->size()),
                                config::printable(folder)));
    return [days](bool by_address, const std::string& name) -> std::uint32_t {
      for (const auto kind : {record::CallerKind::credential, record::CallerKind::client}) {
        if (by_address && kind == record::CallerKind::credential) continue;
        const auto found = days->find(record::CallerName::of(kind, name).key());
        if (found != days->end()) return found->second;
      }
      return 0;
    };
  }
  return {};
}

}  // namespace weir::control
