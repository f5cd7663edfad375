#include "base/text.h"
#include "cli/filter.h"
#include "cli/flags.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/texts.h"
#include "cli/values.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

std::string command_text(const engine::ContainerInfo& info, bool whole) {
  std::string text = join(info.arguments, " ");
  if (!whole && text.size() > 20) text = text.substr(0, 19) + "…";
  return "\"" + text + "\"";
}

std::map<std::string, std::string> ps_row(const engine::ContainerInfo& info, bool whole, TimePoint now) {
  std::vector<std::string> labels;
  for (const auto& [key, value] : info.spec.labels) labels.push_back(key + "=" + value);
  return {{"ID", whole ? info.id : short_id(info.id)},
          {"Image", info.spec.image},
          {"Command", command_text(info, whole)},
          {"CreatedAt", format_rfc3339(info.created_at, false)},
          {"RunningFor", ago_text(info.created_at, now)},
          {"State", state_text(info)},
          {"Status", status_text(info, now)},
          {"Ports", ports_text(info)},
          {"Names", info.name},
          {"Labels", join(labels, ",")},
          {"Networks", info.spec.network}};
}

bool is_shown(const engine::ContainerInfo& info, bool all) {
  return all || info.state == engine::ContainerState::running ||
         info.state == engine::ContainerState::restarting;
}

Result<int> ps(const Session& session, const std::vector<std::string>& words) {
  bool all = false;
  bool quiet = false;
  bool whole = false;
  std::string format;
  ContainerFilter filter;
  FlagSet set(session.title, "[OPTIONS]");
  set.toggle("all", 'a', all, "also those that don't run")
      .toggle("quiet", 'q', quiet, "ids only")
      .toggle("no-trunc", 0, whole, "don't shorten ids and commands")
      .value("format", 0, format, "FORMAT", "table, json, or a template such as {{.Names}} (default table)")
      .custom(
          "filter", 'f', [&](const std::string& text) { return filter.add(text); }, "KEY=VALUE",
          "by id, name, label, status, ancestor, health or exited");
  const Parsed parsed = set.arguments(0, 0).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  Table table({{"CONTAINER ID", "ID"},
               {"IMAGE", "Image"},
               {"COMMAND", "Command"},
               {"CREATED", "RunningFor"},
               {"STATUS", "Status"},
               {"PORTS", "Ports"},
               {"NAMES", "Names"},
               {"CREATED AT", "CreatedAt", true},
               {"STATE", "State", true},
               {"LABELS", "Labels", true},
               {"NETWORKS", "Networks", true}});
  const TimePoint now = SystemClock().now();
  for (const auto& info : TRY(engine.list())) {
    if (!is_shown(info, all || filter.selects_states()) || !filter.matches(info)) continue;
    if (quiet) {
      fmt::print("{}\n", whole ? info.id : short_id(info.id));
    } else {
      table.add(ps_row(info, whole, now));
    }
  }
  if (!quiet) TRY(table.print(format));
  return 0;
}

Result<void> set_tail(engine::LogQuery& query, const std::string& text) {
  if (text == "all") {
    query.tail.reset();
    return {};
  }
  query.tail = TRY(parse_unsigned("lines", text));
  return {};
}

bool print_line(const engine::LogLine& line, bool timestamps) {
  FILE* to = line.stream == engine::LogStream::standard_error ? stderr : stdout;
  const std::string text = (timestamps ? format_rfc3339(line.time) + " " : std::string()) + line.text;
  return fwrite(text.data(), 1, text.size(), to) == text.size() && fflush(to) == 0;
}

// After what there is: what there would be, had there been room for it.
Result<int> tell_lost_lines(const engine::Engine& engine, const std::string& reference) {
  const auto info = engine.inspect(reference);  // may have removed itself meanwhile
  if (info && info->lost_log_lines > 0) {
    std::fflush(stdout);
    fmt::print(
        stderr,
        "gantry: {} lines could not be logged since it was started: the log's disk was full or failed\n",
        info->lost_log_lines);
  }
  return 0;
}

Result<int> logs(const Session& session, const std::vector<std::string>& words) {
  engine::LogQuery query;
  bool timestamps = false;
  const auto tail = [&](const std::string& text) { return set_tail(query, text); };
  const auto moment = [](std::optional<TimePoint>& target) -> FlagSet::Setter {
    return [&target](const std::string& text) -> Result<void> {
      target = TRY(parse_moment(text, SystemClock().now()));
      return {};
    };
  };
  FlagSet set(session.title, "[OPTIONS] CONTAINER");
  set.toggle("follow", 'f', query.follow, "go on until it has ended")
      .custom("tail", 'n', tail, "N", "only the last N lines (default all)")
      .custom("since", 0, moment(query.since), "TIME", "RFC 3339, epoch seconds, or a duration before now")
      .custom("until", 0, moment(query.until), "TIME", "the same, for the end")
      .toggle("timestamps", 't', timestamps, "put the time before each line");
  const Parsed parsed = set.arguments(1, 1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  TRY(engine.logs(parsed.arguments[0], query,
                  [&](const engine::LogLine& line) { return print_line(line, timestamps); }));
  return tell_lost_lines(engine, parsed.arguments[0]);
}

}  // namespace

std::vector<VerbEntry> list_verbs() {
  return {{{"ps", "container ls", "container list", "container ps"}, ps, "List containers"},
          {{"logs", "container logs"}, logs, "Show the output of a container"}};
}

}  // namespace gantry::cli
