#pragma once

#include "base/fd.h"
#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::engine {

struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
  std::string home = "/";
};

// `user` is "", NAME, UID, NAME:GROUP, UID:GID and mixtures, looked up in the root's /etc/passwd and
// /etc/group, which may be missing. A number without an entry stands for itself. Without a group: the one of
// passwd and all that list the user. `groups`: further ones, names or numbers.
// Errors: not_found, in docker's words: "unable to find user X: no matching entries in passwd file".
Result<ResolvedUser> resolve_user(BorrowedFd root, const std::string& user,
                                  const std::vector<std::string>& groups);

// The same on the text of the two files.
Result<ResolvedUser> resolve_user(const std::string& passwd, const std::string& group,
                                  const std::string& user, const std::vector<std::string>& groups);

}  // namespace gantry::engine
