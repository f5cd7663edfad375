#include "runtime/interface_statistics.h"

#include "base/files.h"
#include "base/text.h"

#include <sys/stat.h>

namespace gantry::runtime {
namespace {

constexpr size_t columns = 16;  // eight of what came, eight of what went

std::vector<uint64_t> numbers_of(std::string_view text) {
  std::vector<uint64_t> numbers;
  for (const auto& word : split(text, ' ')) {
    if (!word.empty()) numbers.push_back(parse_unsigned("net/dev", word).value_or(0));
  }
  return numbers;
}

bool shares_our_network(pid_t pid) {
  struct stat own {};
  struct stat other {};
  return ::stat("/proc/self/ns/net", &own) == 0 &&
         ::stat(format("/proc/{}/ns/net", pid).c_str(), &other) == 0 && own.st_ino == other.st_ino;
}

}  // namespace

std::vector<InterfaceStatistics> parse_interfaces(std::string_view text) {
  std::vector<InterfaceStatistics> interfaces;
  for (const auto& line : split(text, '\n')) {
    const auto colon = line.rfind(':');  // a name may hold one
    if (colon == std::string::npos) continue;
    const auto numbers = numbers_of(std::string_view(line).substr(colon + 1));
    if (numbers.size() < columns) continue;
    interfaces.push_back({std::string(trim(std::string_view(line).substr(0, colon))), numbers[0], numbers[1],
                          numbers[2], numbers[3], numbers[8], numbers[9], numbers[10], numbers[11]});
  }
  return interfaces;
}

std::vector<InterfaceStatistics> interfaces_of(pid_t pid) {
  if (pid <= 0 || shares_our_network(pid)) return {};
  return parse_interfaces(read_file(format("/proc/{}/net/dev", pid)).value_or(""));
}

}  // namespace gantry::runtime
