#include "http/listen.h"

#include "base/text.h"

namespace gantry::http {

Result<ListenAddress> ListenAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Error::make(ErrorKind::invalid, "listen address \"{}\": must be ADDRESS:PORT", text);
  }
  ListenAddress listen;
  listen.address = text.substr(0, colon);
  listen.port = static_cast<uint16_t>(
      TRY(parse_unsigned("port", text.substr(colon + 1), 65535).context("listen address \"{}\"", text)));
  if (listen.address.empty()) listen.address = "0.0.0.0";
  if (listen.address == "localhost") listen.address = "127.0.0.1";
  if (listen.address.starts_with('[') && listen.address.ends_with(']')) {
    listen.address = listen.address.substr(1, listen.address.size() - 2);
    if (is_ipv6(listen.address)) return listen;
  } else if (is_ipv4(listen.address)) {
    return listen;
  }
  return Error::make(ErrorKind::invalid,
                     "listen address \"{}\": must be an IPv4 address, or an IPv6 one in []", text);
}

std::string ListenAddress::string() const {
  return address.find(':') == std::string::npos ? format("{}:{}", address, port)
                                                : format("[{}]:{}", address, port);
}

Result<void> set_listen_address(std::string_view listen, const std::string& certificate_file,
                                const std::string& key_file, ServerOptions& options) {
  const auto parsed = TRY(ListenAddress::parse(listen));
  if (certificate_file.empty() != key_file.empty()) {
    return Error(ErrorKind::invalid, "TLS needs both a certificate and a key, only one was given");
  }
  if (certificate_file.empty() && !is_loopback(parsed.address)) {
    return Error::make(
        ErrorKind::denied,
        "listen on {}: plain HTTP is for loopback addresses only; give a TLS certificate and key, or "
        "listen on 127.0.0.1",
        parsed.string());
  }
  options.address = parsed.address;
  options.port = parsed.port;
  options.certificate_file = certificate_file;
  options.key_file = key_file;
  return {};
}

}  // namespace gantry::http
