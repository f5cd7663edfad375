#include "base/files.h"
#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "images/credentials.h"
#include "images/registries_conf.h"
#include "images/registry_client.h"

#include <fmt/core.h>
#include <iostream>
#include <termios.h>
#include <unistd.h>

namespace gantry::cli {

namespace {

// "https://host/v2/" and "host" are the same registry.
std::string registry_host(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return "docker.io";
  std::string host = arguments[0];
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (host.rfind(scheme, 0) == 0) host.erase(0, scheme.size());
  }
  return host.substr(0, host.find('/'));
}

// The line's end isn't part of the password, as docker has it.
Result<std::string> password_from_stdin() {
  std::string password = TRY(read_all(BorrowedFd(STDIN_FILENO), 1 << 16).context("read the password"));
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) password.pop_back();
  return password;
}

Result<std::string> prompt(const std::string& what, bool hidden) {
  if (isatty(STDIN_FILENO) == 0) {
    return Error::make(ErrorKind::invalid,
                       "no terminal to ask for the {} on: use --username and --password-stdin", what);
  }
  fmt::print(stderr, "{}: ", what);
  termios before{};
  tcgetattr(STDIN_FILENO, &before);
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (hidden) tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  std::string line;
  std::getline(std::cin, line);
  if (hidden) {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fmt::print(stderr, "\n");
  }
  return line;
}

Result<images::Credential> ask(const std::string& username, bool from_stdin) {
  images::Credential credential;
  if (from_stdin && username.empty()) {
    return Error::make(ErrorKind::invalid, "must provide --username with --password-stdin");
  }
  credential.username = username.empty() ? TRY(prompt("username", false)) : username;
  credential.password = Secret(from_stdin ? TRY(password_from_stdin()) : TRY(prompt("password", true)));
  if (credential.username.empty() || credential.password.empty()) {
    return Error::make(ErrorKind::invalid, "username and password must not be empty");
  }
  return credential;
}

Result<int> login(const Session& session, const std::vector<std::string>& words) {
  std::string username;
  bool from_stdin = false;
  FlagSet set(session.title, "[OPTIONS] [REGISTRY]");
  set.value("username", 'u', username, "NAME", "the user (default: asks)")
      .toggle("password-stdin", 0, from_stdin, "read the password from stdin")
      .refused("password", 'p', "PASSWORD",
               "a password on the command line can be seen by everyone; use --password-stdin");
  const Parsed parsed = set.arguments(0, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const std::string host = registry_host(parsed.arguments);
  const auto credential = TRY(ask(username, from_stdin));
  images::RegistryOptions options;
  options.credential = credential;
  options.ca_file = session.options.ca_file;
  const auto conf = TRY(images::RegistriesConf::from_environment());
  const auto source = TRY(conf.primary(oci::Reference{host, "login", "", {}}));
  options.insecure = source.insecure;
  TRY(images::RegistryClient(source.host, options).check_login().context("login to {}", host));
  TRY(images::CredentialFiles().store(host, credential));
  fmt::print("Login Succeeded\n");
  return 0;
}

Result<int> logout(const Session& session, const std::vector<std::string>& words) {
  FlagSet set(session.title, "[REGISTRY]");
  const Parsed parsed = set.arguments(0, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const std::string host = registry_host(parsed.arguments);
  const auto erased = images::CredentialFiles().erase(host);
  if (!erased && erased.error().kind() == ErrorKind::not_found) {
    fmt::print("Not logged in to {}\n", host);
    return 0;
  }
  TRY(erased);
  fmt::print("Removing login credentials for {}\n", host);
  return 0;
}

}  // namespace

std::vector<VerbEntry> login_verbs() {
  return {{{"login"}, login, "Check credentials for a registry and keep them"},
          {{"logout"}, logout, "Forget the credentials for a registry"}};
}

}  // namespace gantry::cli
