#pragma once

#include <string_view>

namespace gantry::registry {

// ECR's filters know "*" alone, IAM's patterns "?" too, for any one character.
enum class Wildcards { star, star_and_question_mark };

// `pattern` with "*" for any run of characters.
bool matches_wildcard(std::string_view pattern, std::string_view text, Wildcards wildcards = Wildcards::star);

}  // namespace gantry::registry
