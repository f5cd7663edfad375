#pragma once

#include "images/credentials.h"

#include <map>
#include <string>

namespace gantry::images {

// Docker's config.json or containers' auth.json, with what we don't know kept as it was.
struct CredentialFile {
  std::map<std::string, std::string> auths;    // server to its entry, as JSON text
  std::map<std::string, std::string> helpers;  // host to the helper's name
  std::string store;                           // the helper for all others
  std::map<std::string, std::string> others;   // members, as JSON text
};
Result<CredentialFile> parse_credential_file(std::string_view text, const std::string& source);
std::string to_json_text(const CredentialFile& file);

// An `auths` entry. Errors: invalid when `auth` isn't base64 of USER:PASSWORD.
Result<Credential> parse_auth_entry(std::string_view text, const std::string& source);
std::string auth_entry_text(const Credential& credential);

// What helpers say and are told.
Result<Credential> parse_helper_answer(std::string_view text, const std::string& source);
std::string helper_request(const std::string& server, const Credential& credential);

}  // namespace gantry::images
