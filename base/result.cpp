#include "base/result.h"

#include <cstring>

namespace gantry {
namespace {

ErrorKind kind_of(int error) {
  switch (error) {
    case ENOENT:
      return ErrorKind::not_found;
    case EEXIST:
      return ErrorKind::exists;
    case EACCES:
    case EPERM:
      return ErrorKind::denied;
    case ETIMEDOUT:
      return ErrorKind::timeout;
    default:
      return ErrorKind::system;
  }
}

}  // namespace

Error Error::from_errno(int error, std::string what) {
  Error result(kind_of(error),
               format("{}: {}", what, strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error"));
  result.errno_ = error;
  return result;
}

}  // namespace gantry
