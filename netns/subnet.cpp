#include "netns/subnet.h"

#include "base/text.h"

namespace gantry::netns {

Result<Ipv4> Ipv4::parse(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return Error::make(ErrorKind::invalid, "\"{}\" is not an IPv4 address", text);
  Ipv4 address;
  for (const auto& part : parts) {
    const auto number = parse_unsigned("IPv4 address", part, 255);
    if (!number || (part.size() > 1 && part[0] == '0')) {
      return Error::make(ErrorKind::invalid, "\"{}\" is not an IPv4 address", text);
    }
    address.value = address.value << 8 | static_cast<uint32_t>(*number);
  }
  return address;
}

std::string Ipv4::string() const {
  return format("{}.{}.{}.{}", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
}

Result<Subnet> Subnet::parse(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() != 2) {
    return Error::make(ErrorKind::invalid, "subnet \"{}\": must be ADDRESS/PREFIX, such as 10.88.0.0/16",
                       text);
  }
  Subnet subnet;
  subnet.base = TRY(Ipv4::parse(parts[0]).context("subnet \"{}\"", text));
  subnet.prefix = static_cast<int>(TRY(parse_unsigned("subnet prefix", parts[1], 32)));
  if ((subnet.base.value & ~subnet.mask()) != 0) {
    return Error::make(ErrorKind::invalid,
                       "subnet \"{}\": has bits set after its prefix, did you mean {}/{}?", text,
                       Ipv4{subnet.base.value & subnet.mask()}.string(), subnet.prefix);
  }
  return subnet;
}

std::string Subnet::string() const {
  return format("{}/{}", base.string(), prefix);
}

}  // namespace gantry::netns
