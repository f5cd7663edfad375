#include "base/address.h"

#include "base/text.h"

#include <arpa/inet.h>

namespace gantry {

bool is_ipv4(std::string_view address) {
  in_addr parsed{};
  return inet_pton(AF_INET, std::string(address).c_str(), &parsed) == 1;
}

bool is_ipv6(std::string_view address) {
  in6_addr parsed{};
  return inet_pton(AF_INET6, std::string(address).c_str(), &parsed) == 1;
}

bool is_loopback(std::string_view host) {
  if (equals_ignoring_case(host, "localhost")) return true;
  if (is_ipv4(host)) return host.starts_with("127.");
  in6_addr parsed{};
  return inet_pton(AF_INET6, std::string(host).c_str(), &parsed) == 1 && IN6_IS_ADDR_LOOPBACK(&parsed);
}

}  // namespace gantry
