#pragma once

#include "base/result.h"
#include "engine/layout.h"

#include <optional>
#include <string>

namespace gantry::engine {

bool is_valid_name(std::string_view name);  // [a-zA-Z0-9][a-zA-Z0-9_.-]+
std::string made_up_name();                 // "patient_harbour"

// Names are symbolic links, NAME -> ID: making one is the claim, and the kernel lets only one win.
// Errors: exists, naming who has it.
Result<void> claim_name(const Layout& layout, const std::string& name, const std::string& id);
// A free made-up name, claimed.
Result<std::string> claim_made_up_name(const Layout& layout, const std::string& id);
// Takes the name away if it is still this container's.
Result<void> release_name(const Layout& layout, const std::string& name, const std::string& id);
std::optional<std::string> name_owner(const Layout& layout, const std::string& name);

}  // namespace gantry::engine
