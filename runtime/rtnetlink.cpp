#include "runtime/rtnetlink.h"

#include <cstring>
#include <sys/socket.h>

namespace gantry::runtime {

void NetlinkRequest::append(const void* data, size_t size) {
  const size_t at = bytes_.size();
  bytes_.resize(at + NLMSG_ALIGN(size));
  std::memcpy(bytes_.data() + at, data, size);
}

void NetlinkRequest::attribute(uint16_t type, const void* data, size_t size) {
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(size)), type};
  append(&header, sizeof header);
  append(data, size);
}

std::vector<NetlinkMessage::Attribute> NetlinkMessage::attributes(size_t fixed_size) const {
  std::vector<Attribute> all;
  const size_t start = NLMSG_ALIGN(fixed_size);
  size_t left = NLMSG_PAYLOAD(header_, 0);
  if (left < start) return all;
  left -= start;
  const char* at = static_cast<const char*>(NLMSG_DATA(header_)) + start;
  while (left >= sizeof(rtattr)) {
    rtattr header{};
    std::memcpy(&header, at, sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > left) break;
    const auto type = static_cast<uint16_t>(header.rta_type & NLA_TYPE_MASK);
    all.push_back({type, {at + RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0)}});
    const size_t step = std::min<size_t>(RTA_ALIGN(header.rta_len), left);
    at += step;
    left -= step;
  }
  return all;
}

std::string_view NetlinkMessage::attribute(size_t fixed_size, uint16_t type) const {
  for (const auto& entry : attributes(fixed_size)) {
    if (entry.type == type) return entry.data;
  }
  return {};
}

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return Error::system(errno, "open a netlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::watch_links() {
  const int group = RTNLGRP_LINK;
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0) return {};
  return Error::system(errno, "watch network links");
}

Result<uint32_t> NetlinkSocket::send(NetlinkRequest& request) {
  nlmsghdr header{};
  std::memcpy(&header, request.bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(request.bytes_.size());
  header.nlmsg_seq = ++sequence_;
  if ((header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) header.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(request.bytes_.data(), &header, sizeof header);
  if (::send(fd_.get(), request.bytes_.data(), request.bytes_.size(), 0) < 0) {
    return Error::system(errno, "send a netlink request");
  }
  return sequence_;
}

Result<std::span<const char>> NetlinkSocket::receive() {
  for (;;) {
    const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::system(errno, "receive a netlink answer");
    return std::span<const char>(buffer_.data(), static_cast<size_t>(count));
  }
}

Result<void> NetlinkSocket::answer_of(const nlmsghdr& header) {
  int error = 0;
  if (header.nlmsg_type == NLMSG_DONE && NLMSG_PAYLOAD(&header, 0) < sizeof error) return {};
  std::memcpy(&error, NLMSG_DATA(&header), sizeof error);
  if (error == 0) return {};
  return Error::system(-error, "netlink");
}

}  // namespace gantry::runtime
