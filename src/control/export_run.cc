#include "control/export_run.h"

#include "config/diagnostic.h"
#include "control/recording_input.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr std::size_t kChunk = 64 << 10;

class Lines {
 public:
  Lines(const ExportQuestion& question, ExportAnswer& answer)
      : question_(question), answer_(answer), out_(export_heading(question.form)) {}

  // False: nobody reads any more.
  bool add(const record::Recording& recording, const record::RecordedArrival& arrival,
           const record::Flight* flight) {
    const WallTime at(arrival.stamp.time_since_epoch());
    if ((question_.since && at < *question_.since) || (question_.until && at >= *question_.until))
      return true;
    append_exported(out_, question_.form, recording, arrival, flight);
    ++answer_.rows;
    return out_.size() < kChunk || flush();
  }
  bool flush() {
    const bool taken = out_.empty() || question_.write(out_);
    out_.clear();
    return taken;
  }

 private:
  const ExportQuestion& question_;
  ExportAnswer& answer_;
  std::string out_;
};

}  // namespace

Result<ExportAnswer> run_export(const ExportQuestion& question) {
  auto input = RecordingInput::open({question.folder});
  if (!input) return std::unexpected(input.error());
  ExportAnswer answer;
  Lines lines(question, answer);
  bool is_read = true;
  while (is_read) {
    const record::RecordedArrival* const arrival = input->next();
    if (arrival == nullptr) break;
    is_read = lines.add(input->recording(), *arrival, input->stream().flight());
  }
  const record::Recording::Damage& damage = input->recording().damage;
  answer.segments = input->segments();
  answer.damaged_blocks = damage.blocks;
  answer.skipped_bytes = damage.bytes;
  answer.lost_shapes = damage.shapes;
  answer.left_out = input->left_out();
  if (answer.segments == 0) {
    return fail(ErrorKind::invalid,
                fmt::format("no segment in {} could be read: {}",
                            config::printable(question.folder), answer.left_out.front()),
                Origin::system);
  }
  if (!is_read) return answer;
  lines.flush();
  return answer;
}

}  // namespace weir::control
