#pragma once

#include "images/registry_client.h"

#include <cstdint>
#include <functional>
#include <string_view>

namespace gantry::images {

struct RangedDownload {
  unsigned connections = 3;
  uint64_t segment = uint64_t{16} << 20;  // bytes that one request asks for
  // Stores bytes at their offset; called on several threads at once.
  std::function<Result<void>(std::string_view bytes, uint64_t offset)> place;
  // All bytes before `end` are placed; called on run()'s thread, `end` growing up to the blob's size.
  std::function<Result<void>(uint64_t end)> advance;

  // Fetches a blob over several connections at once, in order of its segments. Each goes on where it broke
  // off, as RegistryClient::blob does. Errors: unsupported, before any advance(): the registry answers no
  // ranges; those of RegistryClient::blob_range, of `place` and of `advance`.
  Result<void> run(RegistryClient& client, const std::string& path, const oci::Descriptor& blob) const;
};

}  // namespace gantry::images
