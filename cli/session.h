#pragma once

#include "base/result.h"
#include "cli/flags.h"
#include "engine/engine.h"
#include "images/image_store.h"

#include <functional>
#include <string>
#include <vector>

namespace gantry::cli {

// The global flags, the verb's title, and what a verb opens by them.
struct Session {
  engine::EngineOptions options;
  Title title;

  Result<engine::Engine> open_engine() const { return engine::Engine::open(options); }
  // For verbs that touch no container: works without the runtime.
  Result<images::ImageStore> open_images() const;
};

// A verb: its arguments in, the exit code out. An error is printed by main and gives `failure` of its entry.
using Verb = Result<int> (*)(const Session& session, const std::vector<std::string>& arguments);

struct VerbEntry {
  std::vector<std::string> names;  // {"images", "image ls"}: the first is the one that the help lists
  Verb run;
  std::string summary;
  int failure = 1;     // exit code of an error
  bool listed = true;  // in the help
};

// The groups, one a file.
std::vector<VerbEntry> run_verbs();         // run, create
std::vector<VerbEntry> build_verbs();       // build, builder prune
std::vector<VerbEntry> life_verbs();        // start, stop, restart, kill, rm, wait, clean-up
std::vector<VerbEntry> list_verbs();        // ps, logs
std::vector<VerbEntry> usage_verbs();       // stats, top
std::vector<VerbEntry> exec_verbs();        // exec, attach
std::vector<VerbEntry> inspect_verbs();     // inspect, container inspect, image inspect
std::vector<VerbEntry> image_verbs();       // images, rmi, tag, image prune
std::vector<VerbEntry> transfer_verbs();    // pull, push, import
std::vector<VerbEntry> archive_verbs();     // save, load, history, commit, diff
std::vector<VerbEntry> login_verbs();       // login, logout
std::vector<VerbEntry> system_verbs();      // info, version
std::vector<VerbEntry> store_care_verbs();  // system df, system check

// Does `one` for each argument, in order, prints the argument when it worked and the error when it didn't.
// Returns 1 when any failed.
Result<int> for_each_argument(const std::vector<std::string>& arguments,
                              const std::function<Result<void>(const std::string&)>& one);

void print_error(const Error& error);

}  // namespace gantry::cli
