#include "base/files.h"
#include "base/root_path.h"
#include "base/text.h"
#include "builder/archive.h"
#include "builder/stage_builder.h"
#include "builder/tree_copy.h"
#include "engine/root_files.h"
#include "engine/user.h"

#include <algorithm>
#include <fcntl.h>

namespace gantry::builder {
namespace {

// A COPY with its variables expanded and its sources found.
struct CopyPlan {
  std::string destination;   // absolute, clean
  bool into_folder = false;  // it ends with "/", or there are several sources
  std::string chown;
  std::optional<ModeChange> mode;
  std::vector<SourceTree> trees;
  Pairs files;  // heredocs: name and content
};

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// docker: a number alone is the group too; a name alone has its group of passwd.
Result<Owner> resolve_owner(BorrowedFd root, const std::string& chown) {
  const std::string user = chown.substr(0, chown.find(':'));
  const bool alone = chown.find(':') == std::string::npos || chown.ends_with(':');
  const std::string whole = alone && is_number(user) ? user + ":" + user : chown;
  const auto resolved = TRY(engine::resolve_user(root, whole, {}).context("--chown={}", chown));
  return Owner{resolved.uid, resolved.gid};
}

Result<CopyPlan> expand_copy(const Copy& copy, const StageState& state) {
  const Variables variables = state.variables();
  const auto word = [&](const std::string& text) { return expand(text, variables, state.escape); };
  CopyPlan plan;
  const std::string destination = TRY(word(copy.destination));
  if (destination.empty()) return Error(ErrorKind::invalid, "the destination is empty");
  plan.destination = state.absolute(destination);
  plan.into_folder =
      plan.destination.ends_with('/') || copy.sources.size() + copy.files.size() > 1 || copy.parents;
  plan.destination = "/" + clean_relative(plan.destination);
  plan.chown = TRY(word(copy.chown));
  const std::string mode = TRY(word(copy.chmod));
  if (!mode.empty()) plan.mode = TRY(ModeChange::parse(mode).context("--chmod={}", mode));
  for (const auto& file : copy.files) {
    plan.files.emplace_back(
        file.name, file.expand ? TRY(expand_heredoc(file.content, variables, state.escape)) : file.content);
  }
  return plan;
}

Result<void> find_trees(const Copy& copy, const StageState& state, const SourceRoot& root, CopyPlan& plan) {
  std::vector<std::string> patterns;
  for (const auto& pattern : copy.exclude) {
    patterns.push_back(TRY(expand(pattern, state.variables(), state.escape)));
  }
  const auto exclude = IgnoreRules::of(patterns);
  for (const auto& source : copy.sources) {
    const std::string expanded = TRY(expand(source, state.variables(), state.escape));
    for (const auto& path : TRY(match_sources(root, expanded))) {
      auto tree = read_source_tree(root, path, exclude);
      const bool excluded = !tree && tree.error().kind() == ErrorKind::not_found && has_wildcards(expanded);
      if (excluded) continue;
      plan.trees.push_back(TRY(std::move(tree)));
    }
    // "a/./b": only what is behind the dot is kept by --parents.
    if (copy.parents && expanded.find("/./") != std::string::npos) {
      return Error::make(ErrorKind::unsupported, "{}: a \"/./\" with --parents is not supported", expanded);
    }
  }
  return {};
}

void add_plan(Key& key, const Copy& copy, const CopyPlan& plan) {
  key.add(copy.add ? "add" : "copy").add(plan.destination).add(plan.into_folder ? "folder" : "path");
  key.add(plan.chown).add(copy.chmod).add_all(copy.exclude);
  key.add(copy.link ? "link" : "").add(copy.parents ? "parents" : "");
  for (const auto& [name, content] : plan.files) key.add(name).add(content);
}

// Where a source goes.
std::string place_of(const CopyPlan& plan, const Copy& copy, const TreeCopy& target, const SourceTree& tree) {
  const auto below = [&](const std::string& name) {
    return plan.destination == "/" ? "/" + name : plan.destination + "/" + name;
  };
  if (copy.parents) return below(tree.name);
  if (tree.is_folder()) return plan.destination;
  if (!plan.into_folder && !target.is_folder(plan.destination)) return plan.destination;
  return below(tree.name.substr(tree.name.rfind('/') + 1));
}

struct CopyWork {
  const Copy& copy;
  const CopyPlan& plan;
  const SourceRoot& source;
  Owner owner;          // of what the copy makes itself
  bool keep_owners;     // of the source's files
  timespec time;        // of heredocs' files
  std::string scratch;  // for archives
};

Result<bool> add_archive(const CopyWork& work, TreeCopy& target, const SourceTree& tree, size_t number) {
  if (!work.copy.add || tree.entries.size() != 1 || !S_ISREG(tree.entries[0].info.st_mode)) return false;
  UniqueFd file = TRY(open_entry(work.source, tree, tree.entries[0], O_RDONLY));
  const std::string folder = format("{}/{}", work.scratch, number);
  TRY(make_directories(folder, 0755));
  if (!TRY(unpack_if_archive(std::move(file), folder))) return false;
  const SourceRoot unpacked{TRY(open_file(folder, O_RDONLY | O_DIRECTORY)), nullptr, nullptr};
  const auto content = TRY(read_source_tree(unpacked, "", {}));
  TRY(target.copy(unpacked, content, work.plan.destination));
  TRY(remove_tree(folder));
  return true;
}

Result<void> copy_all(BorrowedFd root, const CopyWork& work) {
  const bool owned = !work.plan.chown.empty();
  CopyRules rules{work.keep_owners ? std::nullopt : std::optional(work.owner), work.plan.mode};
  TreeCopy target(root, rules);
  // An archive's files keep their owners.
  TreeCopy archives(root, {owned ? std::optional(work.owner) : std::nullopt, work.plan.mode});
  size_t number = 0;
  for (const auto& tree : work.plan.trees) {
    const bool done = TRY(add_archive(work, archives, tree, number++).context("{}", tree.name));
    if (!done) TRY(target.copy(work.source, tree, place_of(work.plan, work.copy, target, tree)));
  }
  TreeCopy files(root, {work.owner, work.plan.mode});
  for (const auto& [name, content] : work.plan.files) {
    const bool inside = work.plan.into_folder || target.is_folder(work.plan.destination);
    const std::string folder = work.plan.destination == "/" ? "" : work.plan.destination;
    TRY(files.write_file(content, inside ? folder + "/" + name : work.plan.destination, work.time));
  }
  return {};
}

}  // namespace

Result<void> StageBuilder::copy(const Copy& copy, const Instruction& instruction, Progress::Step& step) {
  CopyPlan plan = TRY(expand_copy(copy, state_));
  const bool from_context = copy.from.empty();
  StageState from;
  Key key = step_key("copy");
  add_plan(key, copy, plan);
  if (from_context) {
    TRY(find_trees(copy, state_, shared_.context.root, plan));
    for (const auto& tree : plan.trees) {
      key.add(tree.name).add(TRY(digest_of_tree(shared_.context.root, tree, Owners::ignored)).hex());
    }
  } else {
    from = TRY(source_state(copy.from));
    key.add(from.chain().string());
    for (const auto& source : copy.sources) key.add(TRY(expand(source, state_.variables(), state_.escape)));
  }
  StepRun run{key.finish(), instruction.text, {}, copy.link};
  return cached(std::move(run), step, [&](engine::BuildRoot& root) -> Result<void> {
    std::optional<FromRoot> mounted;
    if (!from_context) {
      mounted.emplace(TRY(open_from(from)));
      TRY(find_trees(copy, state_, mounted->source, plan));
    }
    const UniqueFd target = TRY(engine::open_root(root.rootfs()));
    Owner owner;
    if (!plan.chown.empty() && copy.link) {
      const FromRoot own = TRY(open_from(state_));
      owner = TRY(resolve_owner(own.source.folder, plan.chown));
    } else if (!plan.chown.empty()) {
      owner = TRY(resolve_owner(target, plan.chown));
    }
    const auto time = parse_rfc3339(shared_.now).value_or({}).time_since_epoch();
    const timespec seconds{std::chrono::duration_cast<std::chrono::seconds>(time).count(), 0};
    const CopyWork work{copy,
                        plan,
                        mounted ? mounted->source : shared_.context.root,
                        owner,
                        !from_context && plan.chown.empty(),
                        seconds,
                        root.scratch()};
    return copy_all(target, work);
  });
}

Result<void> StageBuilder::make_working_directory(const Instruction& instruction, Progress::Step& step) {
  TRY(state_.apply(instruction, shared_.plan.values));
  const std::string path = state_.working_directory();
  const std::string user = state_.config.config.user;
  StepRun run{step_key("workdir").add(path).add(user).finish(), instruction.text, {}, false};
  return cached(std::move(run), step, [&](engine::BuildRoot& root) -> Result<void> {
    const UniqueFd target = TRY(engine::open_root(root.rootfs()));
    const auto owner = TRY(engine::resolve_user(target, user, {}));
    TRY(engine::make_directories_in_root(target, path, owner.uid, owner.gid));
    return {};
  });
}

}  // namespace gantry::builder
