#pragma once

#include "base/result.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::netns {

struct Ipv4 {
  uint32_t value = 0;  // host byte order

  static Result<Ipv4> parse(std::string_view text);  // dotted form, four numbers
  std::string string() const;
  auto operator<=>(const Ipv4&) const = default;
};

// An IPv4 network. The first address is the bridge's, the last is broadcast, those between are leased.
struct Subnet {
  Ipv4 base;
  int prefix = 0;

  static Result<Subnet> parse(
      std::string_view text);  // "10.88.0.0/16"; errors: invalid when host bits are set
  std::string string() const;
  uint32_t mask() const { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }
  bool contains(Ipv4 address) const { return (address.value & mask()) == base.value; }
  bool overlaps(const Subnet& other) const { return contains(other.base) || other.contains(base); }
  Ipv4 gateway() const { return {base.value + 1}; }
  Ipv4 first_lease() const { return {base.value + 2}; }
  Ipv4 last_lease() const { return {(base.value | ~mask()) - 1}; }
};

}  // namespace gantry::netns
