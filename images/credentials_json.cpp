#include "images/credentials_json.h"

#include "base/json.h"
#include "base/text.h"

namespace gantry::images {
namespace {

using RawMembers = std::map<std::string, RawJson>;

struct AuthEntry {
  std::string auth;
  std::string identity_token;
  std::string username;
  std::string password;
};

template <class Visitor>
void members(Visitor& visit, AuthEntry& entry) {
  visit("auth", entry.auth);
  visit("identitytoken", entry.identity_token);
  visit("username", entry.username);
  visit("password", entry.password);
}

struct HelperDocument {
  std::string server;
  std::string username;
  std::string secret;
};

template <class Visitor>
void members(Visitor& visit, HelperDocument& document) {
  visit.always("ServerURL", document.server);
  visit.required("Username", document.username);
  visit.required("Secret", document.secret);
}

std::map<std::string, std::string> texts(const RawMembers& members) {
  std::map<std::string, std::string> result;
  for (const auto& [name, value] : members) result[name] = value.text;
  return result;
}

RawMembers raw(const std::map<std::string, std::string>& texts) {
  RawMembers result;
  for (const auto& [name, text] : texts) result[name].text = text;
  return result;
}

}  // namespace

Result<CredentialFile> parse_credential_file(std::string_view text, const std::string& source) {
  CredentialFile file;
  auto document = TRY(parse_json<RawMembers>(text, source));
  if (const auto found = document.find("auths"); found != document.end()) {
    file.auths = texts(TRY(parse_json<RawMembers>(found->second.text, source + ": $.auths")));
    document.erase(found);
  }
  if (const auto found = document.find("credHelpers"); found != document.end()) {
    using Names = std::map<std::string, std::string>;
    file.helpers = TRY(parse_json<Names>(found->second.text, source + ": $.credHelpers"));
    document.erase(found);
  }
  if (const auto found = document.find("credsStore"); found != document.end()) {
    file.store = TRY(parse_json<std::string>(found->second.text, source + ": $.credsStore"));
    document.erase(found);
  }
  file.others = texts(document);
  return file;
}

std::string to_json_text(const CredentialFile& file) {
  RawMembers document = raw(file.others);
  document["auths"].text = to_json(raw(file.auths));
  if (!file.helpers.empty()) document["credHelpers"].text = to_json(file.helpers);
  if (!file.store.empty()) document["credsStore"].text = to_json(file.store);
  return to_json(document, 2) + "\n";
}

Result<Credential> parse_auth_entry(std::string_view text, const std::string& source) {
  const auto entry = TRY(parse_json<AuthEntry>(text, source));
  Credential credential{entry.username, Secret(entry.password), Secret(entry.identity_token)};
  if (entry.auth.empty()) return credential;
  const auto decoded = base64_decode(entry.auth);  // its text is a secret: not quoted in errors
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return Error::invalid(source, "$.auth", "must be base64 of USER:PASSWORD");
  credential.username = decoded->substr(0, colon);
  credential.password = Secret(decoded->substr(colon + 1));
  return credential;
}

std::string auth_entry_text(const Credential& credential) {
  AuthEntry entry;
  entry.auth = base64_encode(credential.username + ":" + credential.password.reveal());
  entry.identity_token = credential.identity_token.reveal();
  return to_json(entry);
}

Result<Credential> parse_helper_answer(std::string_view text, const std::string& source) {
  const auto document = TRY(parse_json<HelperDocument>(text, source));
  if (document.username == "<token>") return Credential{"", Secret(), Secret(document.secret)};
  return Credential{document.username, Secret(document.secret), Secret()};
}

std::string helper_request(const std::string& server, const Credential& credential) {
  const bool token = !credential.identity_token.empty();
  return to_json(HelperDocument{server, token ? "<token>" : credential.username,
                                token ? credential.identity_token.reveal() : credential.password.reveal()});
}

}  // namespace gantry::images
