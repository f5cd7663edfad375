#include "base/text.h"
#include "builder/tree_copy.h"

namespace gantry::builder {
namespace {

constexpr uint32_t setuid = 04000;
constexpr uint32_t setgid = 02000;
constexpr uint32_t sticky = 01000;

Error bad_mode(std::string_view text) {
  return Error::make(ErrorKind::invalid, "mode \"{}\" must be octal, or as in u=rwX,go=rX", text);
}

uint32_t who_mask(char c) {
  if (c == 'u') return 0700 | setuid;
  if (c == 'g') return 0070 | setgid;
  if (c == 'o') return 0007;
  return c == 'a' ? 0777 | setuid | setgid | sticky : 0;
}

uint32_t bits_of(char c) {
  if (c == 'r') return 0444;
  if (c == 'w') return 0222;
  if (c == 'x') return 0111;
  if (c == 's') return setuid | setgid;
  return c == 't' ? sticky : 0;
}

}  // namespace

Result<ModeChange> ModeChange::parse(std::string_view text) {
  ModeChange change;
  if (!text.empty() && text.find_first_not_of("01234567") == std::string_view::npos) {
    if (text.size() > 5) return bad_mode(text);
    change.absolute_ = static_cast<uint32_t>(std::stoul(std::string(text), nullptr, 8));
    if (*change.absolute_ > 07777) return bad_mode(text);
    return change;
  }
  for (const auto& part : split(text, ',')) {
    Clause clause;
    size_t at = 0;
    for (; at < part.size() && who_mask(part[at]) != 0; ++at) clause.who |= who_mask(part[at]);
    if (clause.who == 0) clause.who = who_mask('a');
    if (at == part.size() || std::string_view("+-=").find(part[at]) == std::string_view::npos)
      return bad_mode(text);
    clause.operation = part[at++];
    for (; at < part.size(); ++at) {
      clause.execute_some = clause.execute_some || part[at] == 'X';
      if (part[at] != 'X' && bits_of(part[at]) == 0) return bad_mode(text);
      clause.bits |= bits_of(part[at]);
    }
    change.clauses_.push_back(clause);
  }
  return change;
}

uint32_t ModeChange::apply(uint32_t mode, bool is_folder) const {
  if (absolute_) return *absolute_;
  for (const auto& clause : clauses_) {
    uint32_t bits = clause.bits;
    if (clause.execute_some && (is_folder || (mode & 0111U) != 0)) bits |= 0111U;
    bits &= clause.who;
    if (clause.operation == '=') mode = (mode & ~clause.who) | bits;
    if (clause.operation == '+') mode |= bits;
    if (clause.operation == '-') mode &= ~bits;
  }
  return mode;
}

}  // namespace gantry::builder
