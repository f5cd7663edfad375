#pragma once

#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::builder {

using Variables = std::map<std::string, std::string>;

// Takes quotes and escapes off a word and replaces $NAME and ${NAME}, with the modifiers :- - :+ + :? ? # ##
// % %% / and //, as a Dockerfile's instructions have them. What isn't set is empty. Errors: invalid. Source:
// docs.docker.com/reference/dockerfile "Environment replacement"; BuildKit's shell lexer.
Result<std::string> expand(std::string_view word, const Variables& variables, char escape);
// The same, split at white space that isn't quoted, a value's too.
Result<std::vector<std::string>> expand_words(std::string_view text, const Variables& variables, char escape);
// Only the variables, quotes stay: a heredoc's content.
Result<std::string> expand_heredoc(std::string_view text, const Variables& variables, char escape);

// Whether the whole of `text` is one that the shell's pattern (* ? [a-z] \x) means. `*` and `?` take "/" too.
bool matches_shell_pattern(std::string_view pattern, std::string_view text);

}  // namespace gantry::builder
