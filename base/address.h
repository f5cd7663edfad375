#pragma once

#include <string_view>

namespace gantry {

// In text, without brackets or a zone. inet_pton(3).
bool is_ipv4(std::string_view address);
bool is_ipv6(std::string_view address);

// 127.0.0.0/8, ::1 or "localhost".
bool is_loopback(std::string_view host);

}  // namespace gantry
