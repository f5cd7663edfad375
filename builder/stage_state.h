#pragma once

#include "builder/dockerfile.h"
#include "builder/expand.h"
#include "images/image_store.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::builder {

// The variables that a build's ARGs may take their values from.
struct ArgumentValues {
  Variables given;   // --build-arg
  Variables global;  // ARG before the first FROM, with the platform's
};

// docker's predefined arguments: they needn't be declared, and no cache key or history holds them.
bool is_proxy_argument(std::string_view name);

// What a stage has come to: an image's config and its layers.
struct StageState {
  oci::ImageConfig config;
  std::vector<images::ImageLayer> layers;
  Variables arguments;           // that ARG declared in this stage
  bool has_own_command = false;  // CMD was set in this stage
  char escape = '\\';

  oci::Digest chain() const { return layers.empty() ? oci::Digest() : layers.back().chain_id; }
  // ENV before ARG.
  Variables variables() const;
  // "NAME=VALUE" of the arguments that no ENV hides, sorted.
  std::vector<std::string> argument_list() const;
  std::string working_directory() const;  // absolute
  std::vector<std::string> shell() const;
  // `path` as the stage's next instruction means it; absolute and clean, a "/" at its end kept.
  std::string absolute(const std::string& path) const;

  // Takes over an instruction that changes only the config. Errors: invalid.
  Result<void> apply(const Instruction& instruction, const ArgumentValues& values);
  void add_history(std::string created_by, bool empty_layer, const std::string& created);
};

// ARG: declares its variables. `into` may be the global ones. The names that took a value of --build-arg are
// added to `consumed`.
Result<void> apply_argument(const Arg& arg, const Variables& visible, const Variables& given,
                            const Variables* global, char escape, Variables& into);

}  // namespace gantry::builder
