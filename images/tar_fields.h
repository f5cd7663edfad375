#pragma once

#include "base/result.h"

#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>

// The encodings inside tar headers.
namespace gantry::images::tar {

inline constexpr size_t block_size = 512;

std::string_view field(std::string_view block, size_t offset, size_t size);
std::string text(std::string_view field);  // to the first NUL
// A name out of an archive for a message: control characters and what isn't UTF-8 are written \xHH, and a
// long one is cut.
std::string printable(std::string_view name);
// Octal, with blanks around it; or base-256 when the first bit is set. Errors: corrupt.
Result<int64_t> number(std::string_view field);
// A header's checksum, summed as unsigned or, as some old archivers did, signed bytes.
bool checksum_holds(std::string_view block);
// A number of a pax header, 0 to 2^63-1. Errors: corrupt.
Result<uint64_t> pax_number(std::string_view key, std::string_view text);
// "1700000000.25", perhaps negative.
Result<timespec> pax_time(std::string_view text);
// The records "LENGTH KEY=VALUE\n" of a pax header, in order.
Result<void> pax_records(std::string_view body,
                         const std::function<Result<void>(std::string, std::string)>& take);

}  // namespace gantry::images::tar
