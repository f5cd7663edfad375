#include "registry/options.h"

#include "base/text.h"
#include "base/time.h"
#include "http/listen.h"

#include <algorithm>
#include <functional>
#include <map>

namespace gantry::registry {
namespace {

struct RawOptions {
  std::map<std::string, std::string> values;
  std::vector<std::string> given;  // options by name, as they came
  bool check = false;
  std::map<std::string, bool> switches = {
      {"--create-on-push", false}, {"--open-metrics", false}, {"--read-only", false}};
  bool help = false;
  bool version = false;
};

struct OptionRow {
  std::string name;         // "--listen"
  std::string placeholder;  // "ADDRESS:PORT"
  std::string standard;     // the default; empty: none
  std::string help;
};

const std::vector<OptionRow> option_rows = {
    {"--credentials", "FILE", "",
     "keys that may call: an AWS shared-credentials file, mode 0600, each profile a key"},
    {"--listen", "ADDRESS:PORT", "127.0.0.1:5000", "where to serve; other than loopback only with TLS"},
    {"--data", "FOLDER", "/var/lib/gantry-registry", "where images are kept"},
    {"--tls-cert", "FILE", "", "certificate with its chain, PEM; with --tls-key (default: plain HTTP)"},
    {"--tls-key", "FILE", "", "its key, PEM"},
    {"--host", "NAME[:PORT],...", "",
     "further names by which clients and hosts reach this registry; its events name them beside the one that "
     "was called, so that services follow images by any of them"},
    {"--events-endpoint", "URL", "",
     "where to tell of pushes and deletes (EventBridge's PutEvents), such as http://127.0.0.1:51480 for "
     "gantry-control (default: nowhere)"},
    {"--token-lifetime", "TIME", "12h", "of authorization tokens, 1s to 12h"},
    {"--region", "NAME", "us-east-1", "region in ARNs and signatures"},
    {"--account", "DIGITS", "123456789012", "account and registry id, 12 digits"},
    {"--access-log", "FILE", "",
     "a JSON object a line for each request; -: stdout. SIGHUP opens it anew (default: none)"},
    {"--log-level", "LEVEL", "info", "trace, debug, info, warning or error"},
};

const OptionRow* find_option(const std::string& name) {
  const auto found = std::find_if(option_rows.begin(), option_rows.end(),
                                  [&](const OptionRow& row) { return row.name == name; });
  return found == option_rows.end() ? nullptr : &*found;
}

std::map<std::string, std::string> defaults() {
  std::map<std::string, std::string> values;
  for (const auto& row : option_rows) values[row.name] = row.standard;
  return values;
}

Error usage(std::string_view why) {
  return Error::make(ErrorKind::invalid, "{} (see gantry-registry --help)", why);
}

Result<RawOptions> read_flags(const std::vector<std::string>& arguments) {
  RawOptions raw;
  raw.values = defaults();
  raw.check = !arguments.empty() && arguments[0] == "check";
  for (size_t i = raw.check ? 1 : 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto equals = argument.find('=');
    const auto name = argument.substr(0, equals);
    raw.given.push_back(name);
    if (argument == "--help" || argument == "-h") {
      raw.help = true;
    } else if (argument == "--version" || argument == "-v") {
      raw.version = true;
    } else if (const auto found = raw.switches.find(name); found != raw.switches.end()) {
      if (equals != std::string::npos) return usage(format("option {} takes no value", name));
      found->second = true;
    } else if (find_option(name) == nullptr) {
      return usage(format("unknown {} \"{}\"", argument.starts_with('-') ? "option" : "argument", argument));
    } else if (equals != std::string::npos) {
      raw.values[name] = argument.substr(equals + 1);
    } else if (i + 1 == arguments.size()) {
      return usage(format("option {} needs a value", name));
    } else {
      raw.values[name] = arguments[++i];
    }
  }
  return raw;
}

// "12h", "30m", "90s"; 1 s to 12 h, as AWS has it.
Result<std::chrono::seconds> parse_lifetime(const std::string& text) {
  const auto given = parse_duration(text).value_or(std::chrono::nanoseconds(0));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(given);
  if (seconds >= std::chrono::seconds(1) && seconds <= std::chrono::hours(12)) return seconds;
  return usage(format("--token-lifetime must be 1s to 12h, such as 30m, found \"{}\"", text));
}

// Names by which clients reach this registry, beside the one that each calls it by:
// "a.example,10.0.0.1:5000".
Result<std::vector<std::string>> parse_hosts(const std::string& text) {
  std::vector<std::string> hosts;
  if (text.empty()) return hosts;
  for (const auto& part : split(text, ',')) {
    const std::string host(trim(part));
    const auto url = http::Url::parse("http://" + host + "/");
    const bool plain = url && host.find_first_of("/@? \t") == std::string::npos;
    if (!plain) {
      return usage(format(
          "--host must be names such as registry.example:5000, separated by commas, found \"{}\"", text));
    }
    hosts.push_back(host);
  }
  return hosts;
}

Result<void> check_account(const std::string& account) {
  const bool digits =
      std::all_of(account.begin(), account.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (account.size() == 12 && digits) return {};
  return usage(format("--account must have 12 digits, found \"{}\"", account));
}

Result<void> check_level(const std::string& level) {
  for (const auto* known : {"trace", "debug", "info", "warning", "error"}) {
    if (level == known) return {};
  }
  return usage(format("--log-level must be trace, debug, info, warning or error, found \"{}\"", level));
}

Result<void> check_endpoint(const std::string& endpoint) {
  if (endpoint.empty()) return {};
  const auto url = TRY(http::Url::parse(endpoint).context("--events-endpoint"));
  if (url.secure() || http::is_loopback(url.host)) return {};
  return Error::make(ErrorKind::denied,
                     "--events-endpoint {}: plain HTTP is for loopback addresses only; use https", endpoint);
}

Result<ProgramOptions> check_options(const RawOptions& raw) {
  for (const auto& name : raw.given) {
    if (name != "--data") return usage(format("check takes no option {}", name));
  }
  ProgramOptions options;
  options.check = true;
  options.registry.data = raw.values.at("--data");
  if (options.registry.data.empty()) return usage("--data must not be empty");
  return options;
}

}  // namespace

Result<ProgramOptions> parse_options(const std::vector<std::string>& arguments) {
  auto raw = TRY(read_flags(arguments));
  ProgramOptions options;
  options.help = raw.help;
  options.version = raw.version;
  if (raw.help || raw.version) return options;
  if (raw.check) return check_options(raw);
  options.credentials_file = raw.values["--credentials"];
  if (options.credentials_file.empty()) return usage("--credentials FILE must be given");
  auto& registry = options.registry;
  registry.data = raw.values["--data"];
  registry.region = raw.values["--region"];
  registry.account = raw.values["--account"];
  registry.events_endpoint = raw.values["--events-endpoint"];
  registry.create_on_push = raw.switches["--create-on-push"];
  registry.read_only = raw.switches["--read-only"];
  options.open_metrics = raw.switches["--open-metrics"];
  options.access_log = raw.values["--access-log"];
  registry.hosts = TRY(parse_hosts(raw.values["--host"]));
  registry.secure = !raw.values["--tls-cert"].empty();
  registry.token_lifetime = TRY(parse_lifetime(raw.values["--token-lifetime"]));
  TRY(check_account(registry.account));
  TRY(check_endpoint(registry.events_endpoint));
  if (registry.data.empty() || registry.region.empty()) return usage("--data and --region must not be empty");
  TRY(http::set_listen_address(raw.values["--listen"], raw.values["--tls-cert"], raw.values["--tls-key"],
                               options.server));
  options.log_level = raw.values["--log-level"];
  TRY(check_level(options.log_level));
  return options;
}

std::string help_text() {
  std::string text =
      "Usage: gantry-registry --credentials FILE [OPTIONS]\n"
      "       gantry-registry check [--data FOLDER]\n\n"
      "An image registry: OCI Distribution 1.1, and Amazon ECR's API. \"check\" looks through the data of a\n"
      "stopped one: blobs, links, manifests, tags, referrers; it names each fault.\n\nOptions:\n";
  const auto line = [&](const std::string& name, const std::string& help) {
    text += format("  {:<28} {}\n", name, help);
  };
  for (const auto& row : option_rows) {
    const std::string standard = row.standard.empty() ? "" : format(" (default {})", row.standard);
    line(format("    {} {}", row.name, row.placeholder), row.help + standard);
  }
  line("    --create-on-push", "make a repository at its first push, instead of refusing the push");
  line("    --read-only", "refuse pushes, deletes and changes, and collect and expire nothing");
  line("    --open-metrics", "GET /metrics for everybody, instead of for clients on loopback");
  line("-v, --version", "show the version");
  line("-h, --help", "show this help");
  return text + R"(
Signals: SIGTERM and SIGINT end it once requests are answered, for up to 5 s; SIGHUP reads certificate and key
again, and opens the access log anew.

Exit status: 0 ended by SIGTERM or SIGINT, or nothing wrong; 1 an error or a fault; 2 wrong options.

Log in:  aws ecr get-login-password --endpoint-url http://127.0.0.1:5000 |
           gantry login --username AWS --password-stdin 127.0.0.1:5000
)";
}

}  // namespace gantry::registry
