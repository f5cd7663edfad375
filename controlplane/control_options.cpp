#include "controlplane/control_options.h"

#include "base/text.h"
#include "http/listen.h"
#include "http/message.h"

#include <algorithm>
#include <functional>

namespace gantry::controlplane {
namespace {

using Setter = std::function<Result<void>(ControlOptions&, const std::string&)>;

Setter text(std::string ControlOptions::*member) {
  return [member](ControlOptions& options, const std::string& value) -> Result<void> {
    if (value.empty()) return Error(ErrorKind::invalid, "must not be empty");
    options.*member = value;
    return {};
  };
}

Result<void> set_account(ControlOptions& options, const std::string& value) {
  const bool digits =
      std::all_of(value.begin(), value.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  if (value.size() != 12 || !digits)
    return Error::make(ErrorKind::invalid, "must have 12 digits, found \"{}\"", value);
  options.identity.account = value;
  return {};
}

Result<void> set_region(ControlOptions& options, const std::string& value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  });
  if (value.empty() || !plain)
    return Error::make(ErrorKind::invalid, "must be like us-east-1, found \"{}\"", value);
  options.identity.region = value;
  return {};
}

Result<void> set_endpoint_url(ControlOptions& options, const std::string& value) {
  const auto url = TRY(http::Url::parse(value));
  if (url.scheme != "http" && url.scheme != "https") {
    return Error::make(ErrorKind::invalid, "must begin with http:// or https://, found \"{}\"", value);
  }
  options.endpoint_url = value;
  return {};
}

Result<void> add_registry(ControlOptions& options, const std::string& value) {
  return options.registries.add(value);
}

Result<void> set_host_lost_after(ControlOptions& options, const std::string& value) {
  options.host_lost_after = static_cast<double>(TRY(parse_unsigned("seconds", value, 365 * 86400)));
  return {};
}

Result<void> set_healthy_after(ControlOptions& options, const std::string& value) {
  options.healthy_after = static_cast<double>(TRY(parse_unsigned("seconds", value, 86400)));
  return {};
}

Result<void> set_log_level(ControlOptions& options, const std::string& value) {
  const std::vector<std::string> known = {"trace", "debug", "info", "warning", "error"};
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    return Error::make(ErrorKind::invalid, "must be trace, debug, info, warning or error, found \"{}\"",
                       value);
  }
  options.log_level = value;
  return {};
}

struct OptionRow {
  std::string name;         // "--listen"
  std::string placeholder;  // "ADDRESS:PORT"
  std::string help;
  Setter set;
};

const std::vector<OptionRow>& option_rows() {
  static const std::vector<OptionRow> all = {
      {"--credentials", "FILE",
       "accepted keys: an AWS shared-credentials file, mode 0600, each profile a key",
       text(&ControlOptions::credentials_file)},
      {"--listen", "ADDRESS:PORT",
       "where to serve; other than loopback only with TLS; port 0: any free one (default 127.0.0.1:51480)",
       text(&ControlOptions::listen)},
      {"--state", "DIR", "folder of the database (default /var/lib/gantry-control)",
       text(&ControlOptions::state_directory)},
      {"--region", "NAME", "region in ARNs and signatures (default us-east-1)", set_region},
      {"--account", "ID", "account in ARNs, 12 digits (default 123456789012)", set_account},
      {"--tls-cert", "FILE", "certificate with its chain, PEM; with --tls-key (default: plain HTTP)",
       text(&ControlOptions::tls_certificate)},
      {"--tls-key", "FILE", "its key, PEM", text(&ControlOptions::tls_key)},
      {"--endpoint-url", "URL", "what agents are told to connect to (default: the address that they called)",
       set_endpoint_url},
      {"--registry", "HOST[:PORT][=URL]",
       "hosts pull its images with a token of the ECR API at URL; repeatable (default URL: the registry's "
       "own)",
       add_registry},
      {"--host-lost-after", "SECONDS",
       "a host without connection for so long has lost its tasks; 0: never (default 300)",
       set_host_lost_after},
      {"--healthy-after", "SECONDS",
       "a task without health checks counts as healthy after running so long (default 40)",
       set_healthy_after},
      {"--log-level", "LEVEL", "trace, debug, info, warning or error (default info)", set_log_level},
  };
  return all;
}

const OptionRow* find_option(const std::string& name) {
  const auto found = std::find_if(option_rows().begin(), option_rows().end(),
                                  [&](const OptionRow& row) { return row.name == name; });
  return found == option_rows().end() ? nullptr : &*found;
}

Error wrong_option(std::string_view what) {
  return Error::make(ErrorKind::invalid, "{} (see gantry-control --help)", what);
}

Error unknown_option(const std::string& argument) {
  return wrong_option(
      format("unknown {} \"{}\"", argument.starts_with('-') ? "option" : "argument", argument));
}

}  // namespace

std::string control_help() {
  std::string text =
      "Usage: gantry-control --credentials FILE [OPTIONS]\n\n"
      "The control plane: serves the ECS API and the agents, and keeps services running.\n\nOptions:\n";
  const auto line = [&](const std::string& name, const std::string& help) {
    text += format("  {:<33} {}\n", name, help);
  };
  for (const auto& row : option_rows()) line(format("    {} {}", row.name, row.placeholder), row.help);
  line("-v, --version", "show the version");
  line("-h, --help", "show this help");
  return text + "\nExit status: 0 ended by SIGTERM or SIGINT, 1 it couldn't serve, 2 wrong options.\n";
}

Result<ControlOptions> parse_control_options(const std::vector<std::string>& arguments) {
  ControlOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") options.help = true;
    if (name == "--version" || name == "-v") options.version = true;
    if (options.help || options.version) return options;
    const auto equals = name.find('=');
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const auto* row = find_option(name);
    if (row == nullptr) return unknown_option(arguments[i]);
    if (!value) {
      if (++i == arguments.size()) return wrong_option(format("option {} needs a value", name));
      value = arguments[i];
    }
    TRY(row->set(options, *value).context("option {}", name));
  }
  if (options.credentials_file.empty()) return wrong_option("--credentials FILE must be given");
  http::ServerOptions unused;
  TRY(http::set_listen_address(options.listen, options.tls_certificate, options.tls_key, unused));
  return options;
}

}  // namespace gantry::controlplane
