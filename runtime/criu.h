#pragma once

#include "base/fd.h"
#include "oci/runtime_config.h"
#include "runtime/criu_message.h"

#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace gantry::runtime {

// Talks to criu(8), which saves and restores processes: `criu swrk`, its RPC over an inherited socket.
// Source: criu.org/RPC, images/rpc.proto; what runc and crun ask of it.

// criu_cg_mode
enum class CriuCgroups : uint64_t { ignore = 0, soft = 3, full = 4, strict = 5 };
Result<CriuCgroups> parse_criu_cgroups(const std::string& name);

// The flags that checkpoint and restore share. Paths as given.
struct CriuOptions {
  std::string image_path = "checkpoint";
  std::string work_path;  // empty: image_path
  std::string cgroups_mode = "soft";
  std::string network_lock;  // empty: criu's default
  std::vector<std::string> empty_namespaces;
  bool tcp_established = false;
  bool tcp_close = false;
  bool ext_unix_sk = false;
  bool shell_job = false;
  bool file_locks = false;
  bool lazy_pages = false;
  bool auto_dedup = false;
};

// The folders of a dump, open: criu reaches them through our descriptors.
struct CriuFolders {
  UniqueFd images;
  UniqueFd work;
  std::string image_path;
  std::string work_path;
};
// Makes them (0700) for a dump; for a restore the images must be there.
Result<CriuFolders> open_criu_folders(const CriuOptions& options, bool make_images);

// criu_opts with what both directions ask alike. Errors: invalid, unsupported, naming the flag.
Result<CriuMessage> common_criu_options(const CriuOptions& options, const CriuFolders& folders,
                                        const oci::RuntimeConfig& config, const std::string& log);

// One entry of ext_mnt: on dump `key` is the place in the container and `value` its name in the images, on
// restore `key` is that name and `value` the source on this host.
void add_criu_mount(CriuMessage& options, const std::string& key, const std::string& value);
void add_criu_inherited(CriuMessage& options, const std::string& key, int number);

struct CriuCall {
  CriuRequest request = CriuRequest::dump;
  CriuMessage options;
  std::vector<UniqueFd> inherited;   // criu's descriptors from first_inherited_by_criu on
  std::string keyring;               // restore: the session keyring that the container gets; empty: ours
  std::string log;                   // path of criu's log, for errors
  const UniqueFd* cgroup = nullptr;  // criu is born there, and what it restores
  std::function<Result<void>(pid_t criu, bool in_cgroup)> before;     // criu waits meanwhile
  std::function<Result<void>(const CriuResponse&, UniqueFd)> notice;  // with a descriptor that came along
};

inline constexpr int first_inherited_by_criu = 4;

// criu's path. Errors: unsupported when it isn't in PATH.
Result<std::string> find_criu();

// Runs criu to its end. Errors: quote the last error in criu's log, and name it.
Result<CriuResponse> call_criu(CriuCall& call);

// Members of config.json that neither direction can honour. Errors: unsupported, naming them.
Result<void> check_for_criu(const oci::RuntimeConfig& config, const std::string& source);

bool is_bind(const oci::Mount& mount);

}  // namespace gantry::runtime
