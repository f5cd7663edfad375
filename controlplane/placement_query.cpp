#include "controlplane/placement_query.h"

#include "base/text.h"
#include "base/time.h"
#include "controlplane/placement_regex.h"

#include <charconv>
#include <functional>
#include <optional>
#include <utility>

namespace gantry::controlplane {

namespace {

enum class Operator {
  equals,
  not_equals,
  greater,
  greater_equal,
  less,
  less_equal,
  exists,
  not_exists,
  in,
  not_in,
  matches,
  not_matches
};

enum class Subject {
  agent_connected,
  agent_version,
  attribute,
  ec2_instance_id,
  registered_at,
  running_tasks,
  task_group
};

struct OperatorName {
  std::string_view text;
  Operator value;
};

// Longer symbols first: the parser takes the first that fits.
constexpr OperatorName operator_symbols[] = {{"==", Operator::equals},        {"!=", Operator::not_equals},
                                             {">=", Operator::greater_equal}, {"<=", Operator::less_equal},
                                             {"=~", Operator::matches},       {"!~", Operator::not_matches},
                                             {">", Operator::greater},        {"<", Operator::less}};

constexpr OperatorName operator_words[] = {{"equals", Operator::equals},
                                           {"not_equals", Operator::not_equals},
                                           {"greater_than", Operator::greater},
                                           {"greater_than_equal", Operator::greater_equal},
                                           {"less_than", Operator::less},
                                           {"less_than_equal", Operator::less_equal},
                                           {"exists", Operator::exists},
                                           {"!exists", Operator::not_exists},
                                           {"not_exists", Operator::not_exists},
                                           {"in", Operator::in},
                                           {"!in", Operator::not_in},
                                           {"not_in", Operator::not_in},
                                           {"matches", Operator::matches},
                                           {"not_matches", Operator::not_matches}};

struct Comparison {
  Subject subject{};
  std::string attribute;  // of Subject::attribute
  Operator op{};
  std::vector<std::string> arguments;
  std::shared_ptr<const PlacementRegex> regex;
};

// "1.105.1" against "1.99.0": numbers between dots compare as numbers.
int compare_versions(std::string_view left, std::string_view right) {
  const auto lefts = split(left, '.');
  const auto rights = split(right, '.');
  for (size_t i = 0; i < std::max(lefts.size(), rights.size()); ++i) {
    const auto number = [&](const std::vector<std::string>& parts) {
      long value = 0;
      if (i < parts.size()) {
        std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), value);
      }
      return value;
    };
    if (const long a = number(lefts), b = number(rights); a != b) return a < b ? -1 : 1;
  }
  return 0;
}

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int compare_values(std::string_view left, std::string_view right) {
  const auto a = as_number(left);
  const auto b = as_number(right);
  if (a && b) return *a < *b ? -1 : *a > *b ? 1 : 0;
  return left.compare(right);
}

// A date, or a date and time with Z, an offset or neither (then UTC).
std::optional<double> as_time(std::string text) {
  if (text.size() == 10) text += "T00:00:00";
  auto time = parse_rfc3339(text);
  if (!time) time = parse_rfc3339(text + "Z");
  if (!time) return std::nullopt;
  return to_epoch_seconds(*time);
}

int compare_subject(Subject subject, const std::string& value, const std::string& argument) {
  switch (subject) {
    case Subject::agent_version:
      return compare_versions(value, argument);
    case Subject::registered_at: {
      const double a = *as_number(value);
      const double b = as_time(argument).value_or(0);
      return a < b ? -1 : a > b ? 1 : 0;
    }
    case Subject::agent_connected:
    case Subject::ec2_instance_id:
    case Subject::task_group:
      return value.compare(argument);
    case Subject::attribute:
    case Subject::running_tasks:
      return compare_values(value, argument);
  }
  return 0;
}

// The values that `host` has for a subject: none, one, or (task:group) several.
std::vector<std::string> values_of(const Comparison& comparison, const HostSnapshot& host) {
  switch (comparison.subject) {
    case Subject::agent_connected:
      return {host.connected ? "true" : "false"};
    case Subject::agent_version:
      return host.agent_version.empty() ? std::vector<std::string>() : std::vector{host.agent_version};
    case Subject::ec2_instance_id:
      return host.ec2_instance_id.empty() ? std::vector<std::string>() : std::vector{host.ec2_instance_id};
    case Subject::registered_at:
      return {format("{:.3f}", host.registered_at)};
    case Subject::running_tasks:
      return {std::to_string(host.running_tasks)};
    case Subject::attribute: {
      const auto found = host.attributes.find(comparison.attribute);
      return found == host.attributes.end() ? std::vector<std::string>() : std::vector{found->second};
    }
    case Subject::task_group: {
      std::vector<std::string> groups;
      for (const auto& [group, count] : host.tasks_by_group) {
        if (count > 0) groups.push_back(group);
      }
      return groups;
    }
  }
  return {};
}

bool is_negative(Operator op) {
  return op == Operator::not_equals || op == Operator::not_exists || op == Operator::not_in ||
         op == Operator::not_matches;
}

// One value against the positive form of the operator.
bool value_satisfies(const Comparison& comparison, const std::string& value) {
  const auto order = [&](size_t i) {
    return compare_subject(comparison.subject, value, comparison.arguments[i]);
  };
  switch (comparison.op) {
    case Operator::equals:
    case Operator::not_equals:
      return order(0) == 0;
    case Operator::greater:
      return order(0) > 0;
    case Operator::greater_equal:
      return order(0) >= 0;
    case Operator::less:
      return order(0) < 0;
    case Operator::less_equal:
      return order(0) <= 0;
    case Operator::exists:
    case Operator::not_exists:
      return true;
    case Operator::in:
    case Operator::not_in:
      for (size_t i = 0; i < comparison.arguments.size(); ++i) {
        if (order(i) == 0) return true;
      }
      return false;
    case Operator::matches:
    case Operator::not_matches:
      return comparison.regex->matches_all(value);
  }
  return false;
}

bool satisfied(const Comparison& comparison, const HostSnapshot& host) {
  bool any = false;
  for (const auto& value : values_of(comparison, host)) any = any || value_satisfies(comparison, value);
  return any != is_negative(comparison.op);
}

}  // namespace

struct PlacementQuery::Node {
  enum class Kind { all, any, no, comparison } kind = Kind::comparison;
  std::vector<std::shared_ptr<const Node>> children;
  Comparison comparison;

  bool matches(const HostSnapshot& host) const {
    switch (kind) {
      case Kind::all:
        for (const auto& child : children) {
          if (!child->matches(host)) return false;
        }
        return true;
      case Kind::any:
        for (const auto& child : children) {
          if (child->matches(host)) return true;
        }
        return false;
      case Kind::no:
        return !children[0]->matches(host);
      case Kind::comparison:
        return satisfied(comparison, host);
    }
    return false;
  }
};

namespace {

using Node = PlacementQuery::Node;
using NodePtr = std::shared_ptr<const Node>;

constexpr int max_depth = 50;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePtr> whole() {
    auto node = TRY(any_of());
    skip_space();
    if (at_ < text_.size()) return fail("the end, && or ||");
    return node;
  }

 private:
  Error fail(std::string_view expected) const {
    return Error::make(ErrorKind::invalid, "Invalid expression \"{}\": expected {} at position {}", text_,
                       expected, at_ + 1);
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool accept(std::string_view symbol) {
    skip_space();
    if (text_.substr(at_, symbol.size()) != symbol) return false;
    at_ += symbol.size();
    return true;
  }
  // A word, and not the beginning of a longer one.
  bool accept_word(std::string_view word) {
    skip_space();
    const auto rest = text_.substr(at_);
    if (!starts_with_ignoring_case(rest, word)) return false;
    if (rest.size() > word.size() && !is_space(rest[word.size()]) && rest[word.size()] != '(' &&
        rest[word.size()] != ')' && rest[word.size()] != '[') {
      return false;
    }
    at_ += word.size();
    return true;
  }

  Result<NodePtr> joined(Node::Kind kind, Result<NodePtr> (Parser::*part)(), std::string_view symbol,
                         std::string_view word) {
    Node node{kind, {}, {}};
    node.children.push_back(TRY((this->*part)()));
    while (accept(symbol) || accept_word(word)) node.children.push_back(TRY((this->*part)()));
    if (node.children.size() == 1) return node.children[0];
    return NodePtr(std::make_shared<Node>(std::move(node)));
  }
  Result<NodePtr> any_of() { return joined(Node::Kind::any, &Parser::all_of, "||", "or"); }
  Result<NodePtr> all_of() { return joined(Node::Kind::all, &Parser::one, "&&", "and"); }

  Result<NodePtr> one() {
    if (++depth_ > max_depth) return fail("less nesting");
    auto node = unary();
    --depth_;
    return node;
  }
  Result<NodePtr> unary() {
    if (accept("!") || accept_word("not")) {
      return NodePtr(std::make_shared<Node>(Node{Node::Kind::no, {TRY(one())}, {}}));
    }
    if (accept("(")) {
      auto node = TRY(any_of());
      if (!accept(")")) return fail("\")\"");
      return node;
    }
    auto comparison = TRY(this->comparison());
    return NodePtr(std::make_shared<Node>(Node{Node::Kind::comparison, {}, std::move(comparison)}));
  }

  Result<Comparison> comparison() {
    Comparison comparison;
    TRY(read_subject(comparison));
    comparison.op = TRY(read_operator());
    TRY(read_arguments(comparison));
    TRY(check_arguments(comparison));
    return comparison;
  }

  Result<void> read_subject(Comparison& comparison) {
    skip_space();
    const size_t start = at_;
    while (at_ < text_.size() && !is_space(text_[at_]) &&
           std::string_view("=!<>()[],").find(text_[at_]) == std::string_view::npos) {
      ++at_;
    }
    const auto name = text_.substr(start, at_ - start);
    constexpr std::pair<std::string_view, Subject> names[] = {
        {"agentConnected", Subject::agent_connected},  {"agentVersion", Subject::agent_version},
        {"ec2InstanceId", Subject::ec2_instance_id},   {"registeredAt", Subject::registered_at},
        {"runningTasksCount", Subject::running_tasks}, {"task:group", Subject::task_group}};
    for (const auto& [text, subject] : names) {
      if (name != text) continue;
      comparison.subject = subject;
      return {};
    }
    constexpr std::string_view prefix = "attribute:";
    if (name.starts_with(prefix) && name.size() > prefix.size()) {
      comparison.subject = Subject::attribute;
      comparison.attribute = std::string(name.substr(prefix.size()));
      return {};
    }
    at_ = start;
    return fail(
        "a subject (attribute:NAME, agentConnected, agentVersion, ec2InstanceId, registeredAt, "
        "runningTasksCount or task:group)");
  }

  Result<Operator> read_operator() {
    for (const auto& [word, op] : operator_words) {
      if (accept_word(word)) return op;
    }
    for (const auto& [symbol, op] : operator_symbols) {
      if (accept(symbol)) return op;
    }
    skip_space();
    return fail("an operator");
  }

  Result<void> read_arguments(Comparison& comparison) {
    if (comparison.op == Operator::exists || comparison.op == Operator::not_exists) return {};
    if (comparison.op != Operator::in && comparison.op != Operator::not_in) {
      comparison.arguments.push_back(TRY(read_value()));
      return {};
    }
    if (!accept("[")) return fail("\"[\" and a list");
    do {
      comparison.arguments.push_back(TRY(read_value()));
    } while (accept(","));
    if (!accept("]")) return fail("\",\" or \"]\"");
    return {};
  }

  Result<std::string> read_value() {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) return read_quoted(text_[at_]);
    return read_bare();
  }
  Result<std::string> read_quoted(char quote) {
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return fail("a closing quote for the one");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  // Runs to whitespace, "," , "]" or ")"; brackets that open inside (a regular expression's) are taken whole.
  Result<std::string> read_bare() {
    const size_t start = at_;
    int round = 0;
    int square = 0;
    for (; at_ < text_.size() && !is_space(text_[at_]); ++at_) {
      const char c = text_[at_];
      if (c == ',' && round == 0 && square == 0) break;
      if (c == '(') ++round;
      if (c == '[') ++square;
      if (c == ')' && round-- == 0) break;
      if (c == ']' && square-- == 0) break;
      if (text_.substr(at_, 2) == "&&" || text_.substr(at_, 2) == "||") break;
    }
    if (at_ == start) return fail("a value");
    return std::string(text_.substr(start, at_ - start));
  }

  Result<void> check_arguments(Comparison& comparison) {
    if (comparison.op == Operator::matches || comparison.op == Operator::not_matches) {
      auto regex = PlacementRegex::compile(comparison.arguments[0]);
      if (!regex) {
        return std::move(regex).error().context("Invalid expression \"{}\"", text_);
      }
      comparison.regex = std::make_shared<const PlacementRegex>(std::move(regex).value());
      return {};
    }
    for (const auto& argument : comparison.arguments) {
      if (comparison.subject == Subject::registered_at && !as_time(argument))
        return fail("a date before here");
      if (comparison.subject == Subject::running_tasks && !as_number(argument)) {
        return fail("a number before here");
      }
      if (comparison.subject == Subject::agent_connected && argument != "true" && argument != "false") {
        return fail("true or false before here");
      }
    }
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<PlacementQuery> PlacementQuery::parse(std::string_view expression) {
  Parser parser(expression);
  PlacementQuery query;
  query.root_ = TRY(parser.whole());
  return query;
}

bool PlacementQuery::matches(const HostSnapshot& host) const {
  return root_->matches(host);
}

}  // namespace gantry::controlplane
