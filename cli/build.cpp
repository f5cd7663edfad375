#include "builder/build.h"

#include "base/files.h"
#include "base/text.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/values.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fmt/core.h>
#include <thread>

namespace gantry::cli {

namespace {

constexpr uint64_t latest_epoch = 253'402'300'799;  // 9999-12-31

struct BuildFlags {
  builder::BuildOptions options;
  std::string platform;
  std::string id_file;
  bool no_cache = false;
  bool pull = false;
  bool quiet = false;
};

// Ctrl-C ends the build in order: what runs is killed, what was made for it removed.
class SignalWatch {
 public:
  explicit SignalWatch(builder::Canceller& canceller) {
    sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::thread([this, &canceller] {
      while (sigwaitinfo(&signals_, nullptr) < 0 && errno == EINTR) {
      }
      if (!done_) canceller.cancel();
    });
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch() {
    done_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);  // to it alone, which has them blocked
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signals_{};
  sigset_t before_{};
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

FlagSet::Setter add_tag(std::vector<oci::Reference>& tags) {
  return [&tags](const std::string& text) -> Result<void> {
    auto reference = TRY(oci::Reference::parse(text));
    if (!reference.digest.empty()) return Error(ErrorKind::invalid, "a tag can't have a digest");
    tags.push_back(std::move(reference));
    return {};
  };
}

// NAME=VALUE; NAME alone takes our variable, and is left out when there is none.
FlagSet::Setter add_argument(std::map<std::string, std::string>& arguments) {
  return [&arguments](const std::string& text) -> Result<void> {
    const size_t equals = text.find('=');
    if (equals == 0 || text.empty()) return Error(ErrorKind::invalid, "must be NAME=VALUE or NAME");
    const std::string name = text.substr(0, equals);
    if (equals != std::string::npos) {
      arguments[name] = text.substr(equals + 1);
    } else if (const char* value = getenv(name.c_str())) {
      arguments[name] = value;
    }
    return {};
  };
}

FlagSet::Setter add_label(std::map<std::string, std::string>& labels) {
  return [&labels](const std::string& text) -> Result<void> {
    const auto [key, value] = parse_label(text);
    if (key.empty()) return Error(ErrorKind::invalid, "must be KEY=VALUE");
    labels[key] = value;
    return {};
  };
}

// "id=token,src=FILE" or "id=token,env=NAME".
FlagSet::Setter add_secret(std::map<std::string, builder::SecretSource>& secrets) {
  return [&secrets](const std::string& text) -> Result<void> {
    std::string id;
    builder::SecretSource secret;
    for (const auto& member : split(text, ',')) {
      const size_t equals = member.find('=');
      const std::string key = member.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : member.substr(equals + 1);
      if (key == "id") {
        id = value;
      } else if (key == "src" || key == "source") {
        secret.file = value;
      } else if (key == "env") {
        secret.environment = value;
      } else if (key != "type" || (value != "file" && value != "env")) {
        return Error::make(ErrorKind::unsupported, "\"{}\" is not supported (id, src and env are)", member);
      }
    }
    if (id.empty()) return Error(ErrorKind::invalid, "needs id=NAME");
    if (secret.file.empty() && secret.environment.empty()) secret.environment = id;
    secrets[id] = secret;
    return {};
  };
}

FlagSet::Setter set_network(std::string& network) {
  return [&network](const std::string& text) -> Result<void> {
    if (text != "default" && text != "bridge" && text != "host" && text != "none") {
      return Error::make(ErrorKind::unsupported, "must be default, bridge, host or none, found \"{}\"", text);
    }
    network = text == "default" ? "bridge" : text;
    return {};
  };
}

FlagSet::Setter check_progress() {
  return [](const std::string& text) -> Result<void> {
    if (text == "plain" || text == "auto") return {};
    return Error::make(ErrorKind::unsupported, "\"{}\" is not supported (plain is, and auto, which is plain)",
                       text);
  };
}

void add_build_flags(FlagSet& set, BuildFlags& flags) {
  auto& options = flags.options;
  set.custom("tag", 't', add_tag(options.tags), "NAME[:TAG]", "name the image")
      .value("file", 'f', options.dockerfile, "FILE",
             "the Dockerfile, - for stdin (default CONTEXT/Dockerfile)")
      .custom("build-arg", 0, add_argument(options.arguments), "NAME=VALUE",
              "set an ARG; NAME alone takes ours")
      .value("target", 0, options.target, "STAGE", "the stage to build (default the last)")
      .toggle("no-cache", 0, flags.no_cache, "run every step again")
      .value("platform", 0, flags.platform, "OS/ARCH[/VARIANT]", "the image's platform (default this host's)")
      .custom("label", 0, add_label(options.labels), "KEY=VALUE", "a label of the image")
      .custom("network", 0, set_network(options.network), "MODE",
              "of RUN: default, host or none (default bridge)")
      .values("add-host", 0, options.extra_hosts, "NAME:ADDRESS", "a line of /etc/hosts while RUN runs")
      .custom("secret", 0, add_secret(options.secrets), "id=NAME,src=FILE",
              "a secret for RUN --mount=type=secret; env=NAME takes a variable")
      .toggle("pull", 0, flags.pull, "fetch the base images even if they are here")
      .toggle("quiet", 'q', flags.quiet, "print only the image's id")
      .value("iidfile", 0, flags.id_file, "FILE", "write the image's id there")
      .custom("progress", 0, check_progress(), "KIND", "how to tell the progress (default plain)");
}

// $SOURCE_DATE_EPOCH, or the build argument of that name, which counts more.
Result<void> set_epoch(builder::BuildOptions& options) {
  const auto given = options.arguments.find("SOURCE_DATE_EPOCH");
  const char* variable = getenv("SOURCE_DATE_EPOCH");
  if (given == options.arguments.end() && (variable == nullptr || *variable == '\0')) return {};
  const std::string text = given != options.arguments.end() ? given->second : variable;
  options.source_date_epoch =
      static_cast<int64_t>(TRY(parse_unsigned("SOURCE_DATE_EPOCH", text, latest_epoch)));
  return {};
}

Result<void> finish_options(BuildFlags& flags, const std::string& context) {
  auto& options = flags.options;
  options.context = context;
  options.use_cache = !flags.no_cache;
  if (flags.pull) options.base_policy = builder::BasePolicy::always;
  if (!flags.platform.empty()) options.platform = TRY(oci::parse_platform(flags.platform));
  return set_epoch(options);
}

Result<int> build(const Session& session, const std::vector<std::string>& words) {
  BuildFlags flags;
  FlagSet set(session.title, "[OPTIONS] DIR|-");
  add_build_flags(set, flags);
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  TRY(finish_options(flags, parsed.arguments[0]));
  auto canceller = TRY(builder::Canceller::make());
  const SignalWatch signals(canceller);
  auto engine = TRY(session.open_engine());
  builder::Progress progress([&](const std::string& line) {
    if (!flags.quiet) fmt::print(stderr, "{}\n", line);
  });
  const auto image = TRY(builder::build(engine, flags.options, progress, canceller));
  if (!flags.id_file.empty()) TRY(write_file(flags.id_file, image.id.string(), 0644));
  fmt::print("{}\n", image.id.string());
  return 0;
}

Result<int> prune_cache(const Session& session, const std::vector<std::string>& words) {
  bool force = false;
  bool all = false;
  FlagSet set(session.title, "[OPTIONS]");
  set.toggle("force", 'f', force, "don't ask (it never does)")
      .toggle("all", 'a', all, "also what RUN --mount=type=cache has kept");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  auto engine = TRY(session.open_engine());
  uint64_t freed = TRY(engine.images().trim_build_cache(0));
  if (all) freed += TRY(builder::remove_cache_mounts(engine));
  fmt::print("Total reclaimed space: {}\n", format_size(freed));
  return 0;
}

}  // namespace

std::vector<VerbEntry> build_verbs() {
  return {{{"build", "image build", "builder build"}, build, "Build an image from a Dockerfile"},
          {{"builder prune"}, prune_cache, "Remove what builds have cached"}};
}

}  // namespace gantry::cli
