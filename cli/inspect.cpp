#include "cli/flags.h"
#include "cli/inspect_json.h"
#include "cli/session.h"
#include "cli/template.h"

#include <fmt/core.h>

namespace gantry::cli {

namespace {

using Lookup = std::function<Result<std::string>(const std::string&)>;

// Prints what was found, and an error for each that wasn't.
Result<int> print_objects(const std::vector<std::string>& names, const std::string& format,
                          const Lookup& look_up) {
  std::vector<std::string> objects;
  int code = 0;
  for (const auto& name : names) {
    auto object = look_up(name);
    if (object) {
      objects.push_back(std::move(object).value());
      continue;
    }
    print_error(object.error());
    code = 1;
  }
  if (format.empty() || format == "json") {
    fmt::print("{}\n", inspect_array(objects));
    return code;
  }
  for (const auto& object : objects) {
    const std::string text = TRY(render_template(format, object));
    fmt::print("{}\n", text);
  }
  return code;
}

Result<std::string> look_up_image(const images::ImageStore& store, const std::string& name) {
  return inspect_text(TRY(store.resolve(name)));
}

Result<std::string> look_up_any(const engine::Engine& engine, const std::string& name,
                                const std::string& type) {
  if (type != "image") {
    const auto info = engine.inspect(name);
    if (info) return inspect_text(*info);
    if (type == "container" || info.error().kind() != ErrorKind::not_found) return Error(info.error());
  }
  auto image = look_up_image(engine.images(), name);
  if (!image && type.empty() && image.error().kind() == ErrorKind::not_found) {
    return Error::make(ErrorKind::not_found, "no such object: {}", name);
  }
  return image;
}

Result<int> inspect(const Session& session, const std::vector<std::string>& words) {
  std::string format;
  std::string type;
  FlagSet set(session.title, "[OPTIONS] NAME|ID [NAME|ID...]");
  set.value("format", 'f', format, "FORMAT", "json, or a template such as {{.State.Pid}} (default json)")
      .value("type", 0, type, "container|image", "look only among these (default both)");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  if (!type.empty() && type != "container" && type != "image") {
    return set.wrong_usage("--type must be container or image, found \"" + type + "\"");
  }
  const auto engine = TRY(session.open_engine());
  return print_objects(parsed.arguments, format,
                       [&](const std::string& name) { return look_up_any(engine, name, type); });
}

Result<int> inspect_container(const Session& session, const std::vector<std::string>& words) {
  std::string format;
  FlagSet set(session.title, "[OPTIONS] CONTAINER [CONTAINER...]");
  set.value("format", 'f', format, "FORMAT", "json, or a template such as {{.State.Pid}} (default json)");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto engine = TRY(session.open_engine());
  return print_objects(parsed.arguments, format,
                       [&](const std::string& name) { return look_up_any(engine, name, "container"); });
}

Result<int> inspect_image(const Session& session, const std::vector<std::string>& words) {
  std::string format;
  FlagSet set(session.title, "[OPTIONS] IMAGE [IMAGE...]");
  set.value("format", 'f', format, "FORMAT", "json, or a template such as {{.Size}} (default json)");
  const Parsed parsed = set.arguments(1).parse(words);
  if (parsed.exit) return *parsed.exit;
  const auto store = TRY(session.open_images());
  return print_objects(parsed.arguments, format,
                       [&](const std::string& name) { return look_up_image(store, name); });
}

}  // namespace

std::vector<VerbEntry> inspect_verbs() {
  return {{{"inspect"}, inspect, "Show all that is known of containers or images"},
          {{"container inspect"}, inspect_container, "Show all that is known of containers"},
          {{"image inspect"}, inspect_image, "Show all that is known of images"}};
}

}  // namespace gantry::cli
