#pragma once

#include "base/result.h"
#include "http/sigv4.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace gantry::http {

// AWS shared-credentials INI text: profiles with aws_access_key_id, aws_secret_access_key and
// aws_session_token. Other keys are ignored, as the SDKs do. Errors: invalid, naming the source and the line
// (never a secret).
Result<std::map<std::string, Credentials>> parse_credentials(std::string_view text, std::string_view source);
Result<std::map<std::string, Credentials>> load_credentials_file(const std::string& path);

// A client's own keys: `file` if given; else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN;
// else AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials. `profile` empty: AWS_PROFILE or "default". Errors:
// not_found, saying where it looked.
Result<Credentials> find_credentials(const std::string& file = {}, const std::string& profile = {});

// Each profile of a file is an accepted key. The file is read again when it changes; a file that has become
// unreadable leaves the last good content in force (and a warning in the log).
class FileCredentialStore final : public CredentialStore {
 public:
  // Errors: not_found; invalid (syntax; no profile at all); denied when others can read or write the file.
  static Result<std::unique_ptr<FileCredentialStore>> open(const std::string& path);
  std::optional<Credentials> find(std::string_view access_key_id) const override;
  // The profile that the key stands in; empty when there is none.
  std::string profile_of(std::string_view access_key_id) const;
  // Any one of them, for a server that signs calls to its peers.
  Credentials first() const;

 private:
  FileCredentialStore() = default;
  void refresh() const;

  std::string path_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, Credentials> profiles_;
  mutable std::string stamp_;  // inode, size and time of change of what was read
};

// Keys added and removed while a server runs (task roles), or in tests. Thread-safe.
class MemoryCredentialStore final : public CredentialStore {
 public:
  void add(Credentials credentials);
  void remove(std::string_view access_key_id);
  std::optional<Credentials> find(std::string_view access_key_id) const override;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Credentials, std::less<>> keys_;
};

}  // namespace gantry::http
