#pragma once

#include "oci/hasher.h"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::builder {

// A digest of fields: each goes in with its length, so that two lists of fields never read the same.
class Key {
 public:
  Key& add(std::string_view field) {
    hasher_.update(std::to_string(field.size()) + ":");
    hasher_.update(field);
    return *this;
  }
  Key& add_all(const std::vector<std::string>& fields) {
    add(std::to_string(fields.size()));
    for (const auto& field : fields) add(field);
    return *this;
  }
  oci::Digest finish() { return hasher_.finish(); }

 private:
  oci::Hasher hasher_;
};

}  // namespace gantry::builder
