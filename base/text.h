#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry {

bool is_alphanumeric(char c);  // ASCII, whatever the locale
// One character or more, each a letter or digit or one of `marks`.
bool is_plain(std::string_view text, std::string_view marks);
// [a-zA-Z0-9][a-zA-Z0-9_.-]*: what names a thing of ours, as a file too, on a line of its own or in an
// argument.
bool is_plain_name(std::string_view text);

std::vector<std::string> split(std::string_view text,
                               char separator);  // "a,,b" gives three; "" gives one empty
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view trim(std::string_view text);  // spaces, tabs, newlines
std::string to_lower(std::string_view text);   // ASCII
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);
bool equals_ignoring_case(std::string_view left, std::string_view right);

// The whole of `text` as a decimal number without sign (parse_integer: or with a minus), no spaces.
// Errors: invalid, naming `what`, the text and the range.
Result<uint64_t> parse_unsigned(std::string_view what, std::string_view text, uint64_t most = UINT64_MAX);
Result<int64_t> parse_integer(std::string_view what, std::string_view text, int64_t least, int64_t most);

// Bytes from docker's size notation: a number, a fraction allowed, then b, k, m, g or t, or kb, kib, … in any
// case.
Result<uint64_t> parse_size(std::string_view what, std::string_view text);
// "1.4GB", "187.8kB": powers of 1000, as docker prints sizes.
std::string format_size(uint64_t bytes);

std::string base64_encode(std::string_view bytes);  // RFC 4648 section 4, padded
Result<std::string> base64_decode(std::string_view text);
std::string hex_encode(std::string_view bytes);  // lower case

}  // namespace gantry
