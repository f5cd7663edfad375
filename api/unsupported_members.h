#pragma once

#include "base/json.h"

#include <initializer_list>
#include <set>

// Members that a document may hold and that gantry can't honour: noted by name while it is read, so that
// whoever was sent them can refuse them by name. For …_json.cpp files only.

namespace gantry::api {

// Absent, null, false, 0, "", and lists and objects of nothing but these: what a client sends that fills in
// every member.
bool asks_for_nothing(const RawJson& given);

// Reading: adds to `names` each of `candidates` that asks for something.
template <class Visitor>
void note_unsupported(Visitor& visit, std::vector<std::string>& names,
                      std::initializer_list<std::string_view> candidates) {
  if constexpr (Visitor::reading) {
    for (const auto name : candidates) {
      RawJson given;
      visit(name, given);
      if (!asks_for_nothing(given)) names.emplace_back(name);
    }
  }
}

// The visitor that learns which members a table names.
class MemberNames {
 public:
  static constexpr bool reading = true;

  template <class T>
  void operator()(std::string_view name, T&) {
    names_.emplace(name);
  }
  template <class T>
  void always(std::string_view name, T&) {
    names_.emplace(name);
  }
  template <class T>
  void required(std::string_view name, T&) {
    names_.emplace(name);
  }
  std::vector<std::string> keys() const { return {}; }
  void fail(std::string_view) {}

  const std::set<std::string>& names() const { return names_; }

 private:
  std::set<std::string> names_;
};

// Reading: adds to `names` each member that asks for something and that T's own table doesn't name. Call it
// at the table's end.
template <class T, class Visitor>
void note_unknown(Visitor& visit, std::vector<std::string>& names) {
  if constexpr (std::is_same_v<Visitor, JsonReader>) {
    static const auto known = [] {
      MemberNames table;
      T value{};
      members(table, value);
      return table.names();
    }();
    for (const auto& name : visit.keys()) {
      if (known.contains(name)) continue;
      RawJson given;
      visit(name, given);
      if (!asks_for_nothing(given)) names.push_back(name);
    }
  }
}

}  // namespace gantry::api
