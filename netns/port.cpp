#include "netns/port.h"

#include "base/fd.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "netns/subnet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace gantry::netns {

namespace {

constexpr EnumName<Protocol> protocol_names[] = {{Protocol::tcp, "tcp"}, {Protocol::udp, "udp"}};

}  // namespace

std::span<const EnumName<Protocol>> enum_names(Protocol) {
  return protocol_names;
}

std::string_view protocol_name(Protocol protocol) {
  return enum_name(protocol);
}

std::string PortMapping::string() const {
  return format("{}:{}->{}/{}", host_ip.empty() ? "0.0.0.0" : host_ip, host_port, container_port,
                protocol_name(protocol));
}

Result<PortRange> kernel_port_range() {
  const std::string path = "/proc/sys/net/ipv4/ip_local_port_range";
  const auto text = TRY(read_file(path));
  const auto tab = text.find('\t');
  if (tab == std::string::npos) return Error::make(ErrorKind::corrupt, "{}: found \"{}\"", path, trim(text));
  PortRange range;
  range.first = static_cast<uint16_t>(TRY(parse_unsigned(path, trim(text.substr(0, tab)), 65535)));
  range.last = static_cast<uint16_t>(TRY(parse_unsigned(path, trim(text.substr(tab)), 65535)));
  return range;
}

Result<void> check_bindable(const PortMapping& mapping) {
  const bool tcp = mapping.protocol == Protocol::tcp;
  const UniqueFd fd(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!fd) return Error::system(errno, "test port {}: socket", mapping.host_port);
  // With it, connections in TIME_WAIT don't count, but a listening socket still does.
  const int on = 1;
  if (tcp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(mapping.host_port);
  if (!mapping.host_ip.empty()) address.sin_addr.s_addr = htonl(TRY(Ipv4::parse(mapping.host_ip)).value);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return {};
  const int error = errno;
  const std::string where = mapping.host_ip.empty() ? "0.0.0.0" : mapping.host_ip;
  if (error == EADDRINUSE) {
    return Error::make(ErrorKind::conflict, "port {}/{} on {} is in use by another program of this host",
                       mapping.host_port, protocol_name(mapping.protocol), where);
  }
  if (error == EADDRNOTAVAIL) {
    return Error::make(ErrorKind::invalid, "port {}/{}: {} is not an address of this host", mapping.host_port,
                       protocol_name(mapping.protocol), where);
  }
  return Error::system(error, "test port {}/{} on {}", mapping.host_port, protocol_name(mapping.protocol),
                       where);
}

}  // namespace gantry::netns
