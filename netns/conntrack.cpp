#include "netns/conntrack.h"

#include <cstring>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <memory>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string>
#include <vector>

namespace gantry::netns {

namespace {

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
struct FreeMessage {
  void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using SocketPtr = std::unique_ptr<nl_sock, FreeSocket>;
using MessagePtr = std::unique_ptr<nl_msg, FreeMessage>;

struct Search {
  uint32_t address;                 // network byte order
  std::vector<std::string> tuples;  // payloads of CTA_TUPLE_ORIG of what was found
};

bool tuple_names(nlattr* tuple, uint32_t address) {
  nlattr* parts[CTA_TUPLE_MAX + 1] = {};
  nlattr* ip[CTA_IP_MAX + 1] = {};
  if (tuple == nullptr || nla_parse_nested(parts, CTA_TUPLE_MAX, tuple, nullptr) < 0) return false;
  if (parts[CTA_TUPLE_IP] == nullptr || nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], nullptr) < 0) {
    return false;
  }
  const auto is = [&](nlattr* attribute) {
    return attribute != nullptr && nla_get_u32(attribute) == address;
  };
  return is(ip[CTA_IP_V4_SRC]) || is(ip[CTA_IP_V4_DST]);
}

int collect(nl_msg* message, void* argument) {
  auto& search = *static_cast<Search*>(argument);
  nlattr* entry[CTA_MAX + 1] = {};
  if (nlmsg_parse(nlmsg_hdr(message), sizeof(nfgenmsg), entry, CTA_MAX, nullptr) < 0) return NL_SKIP;
  nlattr* original = entry[CTA_TUPLE_ORIG];
  if (original == nullptr) return NL_SKIP;
  if (tuple_names(original, search.address) || tuple_names(entry[CTA_TUPLE_REPLY], search.address)) {
    search.tuples.emplace_back(static_cast<const char*>(nla_data(original)), nla_len(original));
  }
  return NL_OK;
}

MessagePtr make_message(int operation, int flags) {
  MessagePtr message(nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | operation, NLM_F_REQUEST | flags));
  const nfgenmsg header{AF_INET, NFNETLINK_V0, 0};
  auto copy = header;
  nlmsg_append(message.get(), &copy, sizeof(copy), NLMSG_ALIGNTO);
  return message;
}

Result<void> erase(nl_sock* socket, const std::string& tuple) {
  const auto message = make_message(IPCTNL_MSG_CT_DELETE, NLM_F_ACK);
  nla_put(message.get(), CTA_TUPLE_ORIG | NLA_F_NESTED, static_cast<int>(tuple.size()), tuple.data());
  int code = nl_send_auto(socket, message.get());
  if (code >= 0) code = nl_wait_for_ack(socket);
  if (code >= 0 || code == -NLE_OBJ_NOTFOUND) return {};  // gone by itself meanwhile
  return Error::make(ErrorKind::system, "forget tracked connection: {}", nl_geterror(code));
}

}  // namespace

Result<void> forget_connections(Ipv4 address) {
  const SocketPtr socket(nl_socket_alloc());
  if (!socket) return Error::make(ErrorKind::system, "netlink: out of memory");
  // Without nfnetlink there is nothing that could have tracked a connection.
  if (nl_connect(socket.get(), NETLINK_NETFILTER) < 0) return {};
  Search search{__builtin_bswap32(address.value), {}};
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, collect, &search);
  const auto dump = make_message(IPCTNL_MSG_CT_GET, NLM_F_DUMP);
  int code = nl_send_auto(socket.get(), dump.get());
  if (code >= 0) code = nl_recvmsgs_default(socket.get());
  if (code == -NLE_OPNOTSUPP || code == -NLE_INVAL) return {};  // nf_conntrack_netlink isn't there
  if (code < 0) return Error::make(ErrorKind::system, "list tracked connections: {}", nl_geterror(code));
  for (const auto& tuple : search.tuples) TRY(erase(socket.get(), tuple));
  return {};
}

}  // namespace gantry::netns
