#include "oci/descriptor.h"

#include "base/format.h"
#include "base/text.h"

#include <algorithm>
#include <array>
#include <sys/utsname.h>

namespace gantry::oci {
namespace {

// What uname(2) says, and Go's name for it, which is the images'.
struct Machine {
  std::string_view uname;
  std::string_view architecture;
  std::string_view variant;
};
constexpr std::array machines = {
    Machine{"x86_64", "amd64", ""},
    Machine{"aarch64", "arm64", "v8"},
    Machine{"armv7l", "arm", "v7"},
    Machine{"armv6l", "arm", "v6"},
    Machine{"i686", "386", ""},
    Machine{"i386", "386", ""},
    Machine{"ppc64le", "ppc64le", ""},
    Machine{"riscv64", "riscv64", ""},
    Machine{"s390x", "s390x", ""},
    Machine{"mips64", "mips64", ""},
    Machine{"loongarch64", "loong64", ""},
};

bool variant_runs(const Platform& offered, const Platform& wanted) {
  if (offered.variant == wanted.variant || offered.variant.empty()) return true;
  if (offered.architecture == "amd64") return true;
  if (offered.architecture == "arm64") return offered.variant == "v8";
  if (offered.architecture == "arm" && !wanted.variant.empty()) return offered.variant <= wanted.variant;
  return false;
}

}  // namespace

bool is_index_type(std::string_view type) {
  return type == media_type::oci_index || type == media_type::docker_index;
}

bool is_manifest_type(std::string_view type) {
  return type == media_type::oci_manifest || type == media_type::docker_manifest;
}

Result<Platform> parse_platform(std::string_view text) {
  const auto parts = split(text, '/');
  const bool complete =
      std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
  if (parts.size() < 2 || parts.size() > 3 || !complete) {
    return Error::make(ErrorKind::invalid, "platform must be OS/ARCHITECTURE[/VARIANT], found \"{}\"", text);
  }
  Platform platform;
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  return platform;
}

std::string Platform::string() const {
  return variant.empty() ? format("{}/{}", os, architecture) : format("{}/{}/{}", os, architecture, variant);
}

Platform Platform::host() {
  utsname name{};
  uname(&name);
  Platform platform{.architecture = name.machine, .os = "linux"};
  for (const auto& machine : machines) {
    if (machine.uname != name.machine) continue;
    platform.architecture = machine.architecture;
    platform.variant = machine.variant;
  }
  return platform;
}

bool platform_matches(const Platform& offered, const Platform& wanted) {
  return offered.os == wanted.os && offered.architecture == wanted.architecture &&
         variant_runs(offered, wanted);
}

Result<LayerCompression> layer_compression(const Descriptor& layer) {
  const std::string_view type = layer.media_type;
  if (type == media_type::oci_layer || type == media_type::docker_layer) return LayerCompression::none;
  if (type == media_type::oci_layer_gzip || type == media_type::docker_layer_gzip)
    return LayerCompression::gzip;
  if (type == media_type::oci_layer_zstd) return LayerCompression::zstd;
  const bool foreign = type.find("foreign") != std::string_view::npos ||
                       type.find("nondistributable") != std::string_view::npos;
  if (foreign) {
    return Error::make(ErrorKind::unsupported,
                       "layer {}: is foreign ({}), to be fetched from {}: not supported",
                       layer.digest.string(), type, layer.urls.empty() ? "nowhere" : join(layer.urls, ", "));
  }
  return Error::make(ErrorKind::unsupported, "layer {}: media type \"{}\" is not supported",
                     layer.digest.string(), type);
}

}  // namespace gantry::oci
