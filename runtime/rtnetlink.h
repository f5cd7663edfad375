#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <linux/rtnetlink.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The little of rtnetlink(7) that moving a network device takes.

namespace gantry::runtime {

// A request under construction: a header, a fixed part, attributes.
class NetlinkRequest {
 public:
  template <class Fixed>
  NetlinkRequest(uint16_t type, uint16_t flags, const Fixed& fixed) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    append(&header, sizeof header);
    append(&fixed, sizeof fixed);
  }
  void attribute(uint16_t type, const void* data, size_t size);
  void attribute(uint16_t type, const std::string& text) { attribute(type, text.c_str(), text.size() + 1); }

 private:
  friend class NetlinkSocket;
  void append(const void* data, size_t size);
  std::vector<char> bytes_;
};

// One message that came: an ifinfomsg, an ifaddrmsg and the like, and its attributes.
class NetlinkMessage {
 public:
  explicit NetlinkMessage(const nlmsghdr& header) : header_(&header) {}
  uint16_t type() const { return header_->nlmsg_type; }
  template <class Fixed>
  const Fixed& fixed() const {
    return *static_cast<const Fixed*>(NLMSG_DATA(header_));
  }
  // Data of the attribute behind a fixed part of `fixed_size` bytes; empty when it isn't there.
  std::string_view attribute(size_t fixed_size, uint16_t type) const;
  // All of them, as they came.
  struct Attribute {
    uint16_t type;
    std::string_view data;
  };
  std::vector<Attribute> attributes(size_t fixed_size) const;

 private:
  const nlmsghdr* header_;
};

class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();
  // Gets what the kernel tells all about links from now on. RTNLGRP_LINK.
  Result<void> watch_links();

  // Sends it and waits for the answer, or for a dump's end. `each` gets every message on the way, answers and
  // what was watched, and must not keep it. Errors: the kernel's.
  template <class Each>
  Result<void> request(NetlinkRequest request, Each each) {
    const uint32_t sequence = TRY(send(request));
    for (;;) {
      const std::span<const char> received = TRY(receive());
      auto left = static_cast<unsigned>(received.size());
      const auto* header = reinterpret_cast<const nlmsghdr*>(received.data());
      for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
          if (header->nlmsg_seq == sequence) return answer_of(*header);
        } else {
          each(NetlinkMessage(*header), header->nlmsg_seq == sequence);
        }
      }
    }
  }
  Result<void> request(NetlinkRequest request) {
    return this->request(std::move(request), [](const NetlinkMessage&, bool) {});
  }

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)), buffer_(64 * 1024) {}
  Result<uint32_t> send(NetlinkRequest& request);
  Result<std::span<const char>> receive();
  static Result<void> answer_of(const nlmsghdr& header);

  UniqueFd fd_;
  std::vector<char> buffer_;
  uint32_t sequence_ = 0;
};

}  // namespace gantry::runtime
