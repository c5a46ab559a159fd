#include "control/caller_feed.h"

#include <algorithm>
#include <span>
#include <utility>

namespace weir::control {

CallerFeed::CallerFeed(Options options, const NameTable& names)
    : options_(std::move(options)), batches_(names, options_.key, options_.shift, kMostCallers) {}

void CallerFeed::batch(std::span<const std::byte> batch, std::uint32_t epoch) {
  quiet_ = Nanos(0);
  batches_.add(batch, epoch, directory_ ? directory_->known() : nobody_);
}

void CallerFeed::turn(Nanos waited, bool flush, bool ends) {
  since_ += waited;
  quiet_ += waited;
  const record::KnownCallers& known = directory_ ? directory_->known() : nobody_;
  if (settled_ += waited; settled_ >= kSettle) {
    batches_.settle(record::CallerBatches::kWait - quiet_, known);
    settled_ = Nanos(0);
  }
  if (ends) batches_.settle(Nanos(0), known);
  const bool due = since_ >= kEvery || (batches_.tally().is_full() && now_.error.empty());
  if (flush) {
    while (write(SIZE_MAX) && batches_.tally().size() > 0) {
    }
  } else if (due || !writing_.empty()) {
    // After a failure the next try waits for its time.
    if (due || now_.error.empty()) write(kSlice);
  }
  looked_ += waited;
  if (directory_ && options_.tell && !ends && looked_ >= kLook) tell_known();
  publish();
}

void CallerFeed::tell_known() {
  looked_ = Nanos(0);
  auto digests = directory_->known_or_established(decide::KnownCallers::kMost);
  if (!digests) return;   // the next write says what is wrong
  std::shared_ptr<const decide::KnownCallers> known;
  if (!digests->empty()) known = std::make_shared<decide::KnownCallers>(std::move(*digests));
  if (told_ == known || (told_ && known && *told_ == *known)) return;
  options_.tell(told_ = std::move(known));
}

bool CallerFeed::open() {
  if (directory_) return true;
  auto opened = store::CallerDirectory::open(options_.path, {.key = options_.key});
  if (!opened) {
    now_.error = to_string(opened.error());
    return false;
  }
  directory_.emplace(std::move(*opened));
  now_.set_aside = directory_->set_aside();
  return true;
}

// Up to `most` of what waits; false: it failed, and stays.
bool CallerFeed::write(std::size_t most) {
  const bool begins = writing_.empty();
  if (begins) writing_ = batches_.tally().take();
  if (begins || !now_.error.empty()) since_ = Nanos(0);
  if (!open()) return false;
  const std::span slice =
      std::span(writing_).subspan(written_, std::min(most, writing_.size() - written_));
  // Also where there is nothing: whom another process made known is learned by it.
  auto merged = directory_->merge(slice);
  now_.set_aside = directory_->set_aside();
  if (!merged) {
    now_.error = to_string(merged.error());
    return false;
  }
  now_.error.clear();
  written_ += slice.size();
  now_.written += slice.size();
  if (written_ == writing_.size()) {
    writing_.clear();
    written_ = 0;
  }
  return true;
}

void CallerFeed::publish() {
  now_.waiting = writing_.size() - written_ + batches_.tally().size();
  now_.left_out = batches_.tally().left_out() + batches_.unnamed();
  const std::scoped_lock lock(mutex_);
  published_ = now_;
}

CallerFeedStatus CallerFeed::status() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

}  // namespace weir::control
