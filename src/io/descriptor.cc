#include "io/descriptor.h"

#include <linux/close_range.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include "base/check.h"

namespace weir::io {
namespace {

// As many as one message takes (unix(7): SCM_MAX_FD).
constexpr std::size_t kAtOnce = 253;

struct Message {
  char byte = 0;  // one without any is none
  iovec piece{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kAtOnce * sizeof(int))> control{};
  msghdr header{};

  explicit Message(std::size_t count) {
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
  }
};

}  // namespace

Descriptor::~Descriptor() {
  if (value_ >= 0) ::close(value_);
}

bool own_descriptors(std::span<const int> kept) {
  std::vector<int> sorted(kept.begin(), kept.end());
  std::ranges::sort(sorted);
  // close_range(2): both ends are meant. With its flag the thread has a table of its own first.
  unsigned from = STDERR_FILENO + 1;
  int flags = CLOSE_RANGE_UNSHARE;
  for (const int each : sorted) {
    const auto one = static_cast<unsigned>(each);
    if (each < 0 || one < from) continue;
    if (one > from) {
      if (::close_range(from, one - 1, flags) != 0) return false;
      flags = 0;
    }
    from = one + 1;
  }
  return ::close_range(from, UINT_MAX, flags) == 0;
}

DescriptorPassage::DescriptorPassage() {
  std::array<int, 2> ends{};
  WEIR_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
  entrance_ = Descriptor(ends[0]);
  exit_ = Descriptor(ends[1]);
}

void DescriptorPassage::pass(std::span<const int> descriptors) {
  while (!descriptors.empty()) {
    const auto some = descriptors.first(std::min(descriptors.size(), kAtOnce));
    Message message(some.size());
    cmsghdr* const head = CMSG_FIRSTHDR(&message.header);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(some.size_bytes());
    std::memcpy(CMSG_DATA(head), some.data(), some.size_bytes());
    if (::sendmsg(entrance_.get(), &message.header, MSG_NOSIGNAL) < 0) return;
    descriptors = descriptors.subspan(some.size());
  }
}

std::vector<Descriptor> DescriptorPassage::receive(std::size_t count) {
  std::vector<Descriptor> all;
  bool gap = false;  // behind it nothing is kept, even where there is room again
  for (std::size_t left = count; left > 0;) {
    const std::size_t sent = std::min(left, kAtOnce);
    Message message(sent);
    if (::recvmsg(exit_.get(), &message.header, MSG_CMSG_CLOEXEC) <= 0) break;
    const cmsghdr* const head = CMSG_FIRSTHDR(&message.header);
    const std::size_t got = head == nullptr ? 0 : (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < got; ++i) {
      int value = -1;
      std::memcpy(&value, CMSG_DATA(head) + i * sizeof(int), sizeof value);
      Descriptor one(value);
      if (!gap) all.push_back(std::move(one));
    }
    gap = gap || got < sent;
    left -= sent;
  }
  return all;
}

}  // namespace weir::io
