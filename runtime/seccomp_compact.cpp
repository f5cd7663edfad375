#include "runtime/seccomp_compact.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace gantry::runtime {
namespace {

constexpr uint16_t bpf_load = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t bpf_mask = BPF_ALU | BPF_AND | BPF_K;
constexpr uint16_t bpf_return = BPF_RET | BPF_K;
constexpr uint16_t bpf_skip = BPF_JMP | BPF_JA;
constexpr uint16_t bpf_equal = BPF_JMP | BPF_JEQ | BPF_K;
constexpr uint16_t bpf_at_least = BPF_JMP | BPF_JGE | BPF_K;
constexpr uint16_t bpf_above = BPF_JMP | BPF_JGT | BPF_K;
constexpr uint16_t bpf_any_bit = BPF_JMP | BPF_JSET | BPF_K;

constexpr size_t longest_jump = 255;
constexpr size_t least_chain = 4;     // comparisons that are worth a search
constexpr size_t largest_block = 96;  // ranges whose search and ends reach each other by conditional jumps

bool is_branch(const sock_filter& code) {
  return code.code == bpf_equal || code.code == bpf_at_least || code.code == bpf_above ||
         code.code == bpf_any_bit;
}

bool is_known(const sock_filter& code) {
  return code.code == bpf_load || code.code == bpf_mask || code.code == bpf_return || code.code == bpf_skip ||
         is_branch(code);
}

// From `least` on, up to the next range's, the accumulator leads to instruction `target`.
struct NumberRange {
  uint32_t least;
  size_t target;
};

class Compactor {
 public:
  explicit Compactor(const std::vector<sock_filter>& program) : program_(program) {}

  bool understands() const;
  std::vector<sock_filter> rewrite();

 private:
  // Where a jump to `at` really leads.
  size_t follow(size_t at) const {
    while (program_[at].code == bpf_skip) at += 1 + program_[at].k;
    return at;
  }
  size_t when_true(size_t at) const { return follow(at + 1 + program_[at].jt); }
  size_t when_false(size_t at) const { return follow(at + 1 + program_[at].jf); }

  std::vector<NumberRange> chain_from(size_t at) const;
  bool same_end(size_t one, size_t other) const;
  void visit(size_t at, std::set<size_t>& pending);

  void emit(size_t at, size_t next);
  void emit_branch(size_t at);
  size_t emit_tree(const std::vector<NumberRange>& ranges, size_t first, size_t last);
  void emit_block(const std::vector<NumberRange>& ranges, size_t first, size_t last);
  void emit_comparisons(const std::vector<NumberRange>& ranges, size_t first, size_t last);
  void end_at(uint8_t sock_filter::*side, size_t from, size_t target);
  void emit_leaf(size_t target);
  void jump_to(size_t target);
  bool resolve();

  // A jump in the result whose distance is known once all is placed.
  struct Open {
    size_t from;
    size_t target;  // in the old program
  };

  // A side of a comparison of the block under way, that leads out of it.
  struct End {
    size_t from;
    uint8_t sock_filter::*side;
    size_t target;  // in the old program
  };

  const std::vector<sock_filter>& program_;
  std::vector<sock_filter> result_;
  std::vector<End> ends_;
  std::map<size_t, std::vector<NumberRange>> searches_;  // by the instruction that a chain begins with
  std::map<size_t, size_t> placed_;                      // old instruction to new
  std::vector<Open> open_;
};

bool Compactor::understands() const {
  for (size_t at = 0; at < program_.size(); ++at) {
    const sock_filter& code = program_[at];
    const size_t left = program_.size() - at - 1;
    if (!is_known(code)) return false;
    if (code.code == bpf_skip && code.k >= left) return false;
    if (is_branch(code) && (code.jt >= left || code.jf >= left)) return false;
    if (code.code != bpf_return && left == 0) return false;
  }
  return !program_.empty();
}

bool Compactor::same_end(size_t one, size_t other) const {
  return one == other || (program_[one].code == bpf_return && program_[other].code == bpf_return &&
                          program_[one].k == program_[other].k);
}

// Empty: not worth it. What isn't compared leads to the chain's end.
std::vector<NumberRange> Compactor::chain_from(size_t at) const {
  std::map<uint32_t, size_t> targets;
  while (program_[at].code == bpf_equal) {
    targets.emplace(program_[at].k, when_true(at));  // the first comparison with a value decides
    at = when_false(at);
  }
  if (targets.size() < least_chain) return {};
  std::vector<NumberRange> ranges = {{0, at}};
  const auto add = [&](uint32_t least, size_t target) {
    if (ranges.back().least == least) {
      ranges.back().target = target;
    } else {
      ranges.push_back({least, target});
    }
    const size_t size = ranges.size();
    if (size > 1 && same_end(ranges[size - 2].target, target)) ranges.pop_back();
  };
  for (const auto& [value, target] : targets) {
    add(value, target);
    if (value != UINT32_MAX) add(value + 1, at);
  }
  return ranges;
}

// Finds the searches, and in `pending` what can be reached at all.
void Compactor::visit(size_t at, std::set<size_t>& pending) {
  if (program_[at].code == bpf_equal) {
    auto ranges = chain_from(at);
    if (!ranges.empty()) {
      for (const NumberRange& range : ranges) pending.insert(range.target);
      searches_.emplace(at, std::move(ranges));
      return;
    }
  }
  if (is_branch(program_[at])) {
    pending.insert(when_true(at));
    pending.insert(when_false(at));
  } else if (program_[at].code != bpf_return) {
    pending.insert(follow(at + 1));
  }
}

void Compactor::jump_to(size_t target) {
  open_.push_back({result_.size(), target});
  result_.push_back(BPF_STMT(bpf_skip, 0));
}

void Compactor::emit_leaf(size_t target) {
  if (program_[target].code == bpf_return) {
    result_.push_back(program_[target]);
  } else {
    jump_to(target);
  }
}

// A conditional jump reaches 255 instructions: it goes to one of the two behind it, and these reach all.
void Compactor::emit_branch(size_t at) {
  sock_filter code = program_[at];
  code.jt = 0;
  code.jf = 1;
  result_.push_back(code);
  emit_leaf(when_true(at));
  emit_leaf(when_false(at));
}

void Compactor::end_at(uint8_t sock_filter::*side, size_t from, size_t target) {
  ends_.push_back({from, side, target});
}

// The search in [first, last), at least two ranges, whose ends are left open.
void Compactor::emit_comparisons(const std::vector<NumberRange>& ranges, size_t first, size_t last) {
  const size_t at = result_.size();
  const bool is_hole = last - first == 3 && ranges[first + 2].least - ranges[first + 1].least == 1 &&
                       same_end(ranges[first].target, ranges[first + 2].target);
  if (is_hole) {
    result_.push_back(BPF_JUMP(bpf_equal, ranges[first + 1].least, 0, 0));
    end_at(&sock_filter::jt, at, ranges[first + 1].target);
    end_at(&sock_filter::jf, at, ranges[first].target);
    return;
  }
  const size_t middle = first + (last - first) / 2;
  result_.push_back(BPF_JUMP(bpf_at_least, ranges[middle].least, 0, 0));
  if (middle - first == 1) {
    end_at(&sock_filter::jf, at, ranges[first].target);
  } else {
    emit_comparisons(ranges, first, middle);
  }
  if (last - middle == 1) {
    end_at(&sock_filter::jt, at, ranges[middle].target);
  } else {
    result_[at].jt = static_cast<uint8_t>(result_.size() - at - 1);
    emit_comparisons(ranges, middle, last);
  }
}

// A search, and behind it each of its ends once.
void Compactor::emit_block(const std::vector<NumberRange>& ranges, size_t first, size_t last) {
  ends_.clear();
  emit_comparisons(ranges, first, last);
  std::vector<std::pair<size_t, size_t>> placed;  // an end's target, and where it is
  for (const End& end : ends_) {
    auto found = std::find_if(placed.begin(), placed.end(),
                              [&](const auto& entry) { return same_end(entry.first, end.target); });
    if (found == placed.end()) {
      found = placed.insert(found, {end.target, result_.size()});
      emit_leaf(end.target);
    }
    result_[end.from].*end.side = static_cast<uint8_t>(found->second - end.from - 1);
  }
}

// The ranges [first, last); returns where the tree begins.
size_t Compactor::emit_tree(const std::vector<NumberRange>& ranges, size_t first, size_t last) {
  const size_t begin = result_.size();
  if (last - first == 1) {
    emit_leaf(ranges[first].target);
    return begin;
  }
  if (last - first <= largest_block) {
    emit_block(ranges, first, last);
    return begin;
  }
  const size_t middle = first + (last - first) / 2;
  result_.push_back(BPF_JUMP(bpf_at_least, ranges[middle].least, 0, 0));
  emit_tree(ranges, first, middle);
  const size_t right = emit_tree(ranges, middle, last);
  const size_t distance = right - begin - 1;
  if (distance <= longest_jump) {
    result_[begin].jt = static_cast<uint8_t>(distance);
    return begin;
  }
  // Too far: over an unconditional jump, which pushes all behind it on by one.
  result_[begin].jf = 1;
  result_.insert(result_.begin() + static_cast<ptrdiff_t>(begin) + 1,
                 BPF_STMT(bpf_skip, static_cast<uint32_t>(distance)));
  for (Open& jump : open_) jump.from += jump.from > begin ? 1 : 0;
  return begin;
}

// `next` is emitted after it.
void Compactor::emit(size_t at, size_t next) {
  if (program_[at].code == bpf_return && !result_.empty()) return;  // copied to wherever it is reached from
  placed_[at] = result_.size();
  if (const auto search = searches_.find(at); search != searches_.end()) {
    emit_tree(search->second, 0, search->second.size());
    return;
  }
  if (is_branch(program_[at])) return emit_branch(at);
  result_.push_back(program_[at]);
  if (program_[at].code == bpf_return) return;
  const size_t target = follow(at + 1);
  if (target != next || program_[target].code == bpf_return) emit_leaf(target);
}

bool Compactor::resolve() {
  for (const Open& jump : open_) {
    const auto target = placed_.find(jump.target);
    if (target == placed_.end() || target->second <= jump.from) return false;
    result_[jump.from].k = static_cast<uint32_t>(target->second - jump.from - 1);
  }
  return true;
}

std::vector<sock_filter> Compactor::rewrite() {
  // All jumps lead forward, so that what is met in the order of the old program is met after all that leads
  // to it.
  std::set<size_t> pending = {follow(0)};
  std::set<size_t> order;
  while (!pending.empty()) {
    const size_t at = *pending.begin();
    pending.erase(pending.begin());
    order.insert(at);
    visit(at, pending);
  }
  for (auto at = order.begin(); at != order.end(); ++at) {
    const auto next = std::next(at);
    emit(*at, next == order.end() ? program_.size() : *next);
  }
  return resolve() ? result_ : program_;
}

}  // namespace

std::vector<sock_filter> compact_filter(const std::vector<sock_filter>& program) {
  Compactor compactor(program);
  if (!compactor.understands()) return program;
  auto result = compactor.rewrite();
  return result.size() < program.size() ? result : program;
}

}  // namespace gantry::runtime
