#include "controlplane/control_options.h"

#include "base/text.h"
#include "http/message.h"

#include <algorithm>
#include <functional>
#include <map>

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
    return Error::make(ErrorKind::invalid, "must have 12 digits, found {}", value);
  options.identity.account = value;
  return {};
}

Result<void> set_region(ControlOptions& options, const std::string& value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  });
  if (value.empty() || !plain)
    return Error::make(ErrorKind::invalid, "must be like us-east-1, found {}", value);
  options.identity.region = value;
  return {};
}

Result<void> set_endpoint_url(ControlOptions& options, const std::string& value) {
  const auto url = TRY(http::Url::parse(value));
  if (url.scheme != "http" && url.scheme != "https") {
    return Error::make(ErrorKind::invalid, "must begin with http:// or https://, found {}", value);
  }
  options.endpoint_url = value;
  return {};
}

Result<void> set_host_lost_after(ControlOptions& options, const std::string& value) {
  options.host_lost_after = static_cast<double>(TRY(parse_unsigned("seconds", value, 365 * 86400)));
  return {};
}

Result<void> set_healthy_after(ControlOptions& options, const std::string& value) {
  options.healthy_after = static_cast<double>(TRY(parse_unsigned("seconds", value, 86400)));
  return {};
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all = {
      {"--listen", text(&ControlOptions::listen)},
      {"--state", text(&ControlOptions::state_directory)},
      {"--credentials", text(&ControlOptions::credentials_file)},
      {"--tls-cert", text(&ControlOptions::tls_certificate)},
      {"--tls-key", text(&ControlOptions::tls_key)},
      {"--log-level", text(&ControlOptions::log_level)},
      {"--region", set_region},
      {"--account", set_account},
      {"--endpoint-url", set_endpoint_url},
      {"--host-lost-after", set_host_lost_after},
      {"--healthy-after", set_healthy_after},
  };
  return all;
}

}  // namespace

const char* const control_usage =
    "Usage: gantry-control --credentials FILE [OPTIONS]\n"
    "\n"
    "The control plane: serves the ECS API and the agents, and keeps services running.\n"
    "\n"
    "Options:\n"
    "  --listen ADDRESS:PORT     where to serve (default 127.0.0.1:51480; port 0: any free one)\n"
    "  --state DIR               folder of the database (default /var/lib/gantry-control)\n"
    "  --credentials FILE        accepted keys: an AWS shared credentials file, each profile one key (mode "
    "0600)\n"
    "  --region NAME             the region's name in ARNs and signatures (default us-east-1)\n"
    "  --account ID              the account's 12 digits in ARNs (default 123456789012)\n"
    "  --tls-cert FILE           certificate chain (PEM); with --tls-key. Without both: plain HTTP, on "
    "loopback only\n"
    "  --tls-key FILE            private key (PEM)\n"
    "  --endpoint-url URL        what agents are told to connect to (default: the address that they called)\n"
    "  --host-lost-after SECONDS a host without connection for so long has lost its tasks (default 300; 0: "
    "never)\n"
    "  --healthy-after SECONDS   a task without health checks counts as healthy after running so long "
    "(default 40)\n"
    "  --log-level LEVEL         trace, debug, info, warning or error (default info)\n"
    "  --help                    show this and exit\n"
    "  --version                 show the version and exit\n";

Result<ControlOptions> parse_control_options(const std::vector<std::string>& arguments) {
  ControlOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (name == "--help" || name == "-h") options.help = true;
    if (name == "--version") options.version = true;
    if (options.help || options.version) return options;
    const auto equals = name.find('=');
    std::optional<std::string> value;
    if (equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const auto setter = setters().find(name);
    if (setter == setters().end()) return Error::make(ErrorKind::invalid, "unknown option {}", name);
    if (!value) {
      if (++i == arguments.size()) return Error::make(ErrorKind::invalid, "option {} needs a value", name);
      value = arguments[i];
    }
    TRY(setter->second(options, *value).context("option {}", name));
  }
  if (options.credentials_file.empty()) return Error(ErrorKind::invalid, "option --credentials is required");
  return options;
}

}  // namespace gantry::controlplane
