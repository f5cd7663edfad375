#include "images/image_store.h"

#include "base/log.h"
#include "base/text.h"
#include "images/store_state.h"

#include <algorithm>
#include <map>
#include <set>

namespace gantry::images {
namespace {

Result<void> check_owner(const std::string& owner) {
  const bool good = is_plain(owner, "_.-") && owner.size() <= 128 && owner.front() != '.' &&
                    !owner.ends_with(".tmp");  // write_file's temporaries end so
  if (good) return {};
  return Error::make(ErrorKind::invalid, "owner \"{}\" must be letters, digits, _, . and -", owner);
}

std::string repository_of(const std::string& tag) {
  return tag.substr(0, tag.rfind(':'));
}

std::vector<oci::Reference> references(const std::vector<std::string>& texts) {
  std::vector<oci::Reference> parsed;
  for (const auto& text : texts) {
    if (auto reference = oci::Reference::parse(text)) parsed.push_back(std::move(reference).value());
  }
  return parsed;
}

// The image's tag that `name` is; "" when it names the image otherwise.
std::string tag_named(const IndexedImage& image, std::string_view name) {
  const auto reference = oci::Reference::parse(name);
  if (!reference || !reference->digest.empty()) return {};
  const std::string text = reference->string();
  return std::find(image.tags.begin(), image.tags.end(), text) == image.tags.end() ? "" : text;
}

Result<void> check_one_repository(const IndexedImage& image) {
  std::set<std::string> repositories;
  for (const auto& tag : image.tags) repositories.insert(repository_of(tag));
  if (repositories.size() <= 1) return {};
  return Error::make(ErrorKind::conflict,
                     "unable to delete {} (must be forced): image is referenced in multiple repositories",
                     image.id.hex().substr(0, 12));
}

Result<std::string> holder_of(const std::string& root, const oci::Digest& id) {
  for (const auto& [owner, held] : TRY(read_holds(root))) {
    if (held == id) return owner;
  }
  return std::string();
}

// What write_file left when it was killed. Those files are written only under the index's lock.
Result<void> sweep_temporaries(const std::string& root) {
  const auto lock = TRY(FileLock::acquire(root + "/locks/index"));
  for (const auto& folder : {root, root + "/holds", root + "/build-cache"}) {
    for (const auto& name : TRY(list_directory(folder))) {
      if (name.ends_with(".tmp")) TRY(remove_file(join_path(folder, name)));
    }
  }
  return {};
}

// By the image's documents alone: a layer may be missing, and is still the image's. Without the documents
// nobody knows what it needs.
Result<void> mark_image(const ImageStore::State& state, const IndexedImage& indexed,
                        std::set<oci::Digest>& blobs, std::set<oci::Digest>& layers) {
  const auto name = indexed.id.string();
  const auto unknown = [&](const Error& error) {
    return Error::make(
        error.kind(),
        "nothing is removed, since it isn't known what image {} needs (gantry system check --repair): {}",
        name.substr(0, 19), error.message());
  };
  const auto text = state.content.read(indexed.manifest, oci::manifest_size_limit);
  if (!text) return unknown(text.error());
  const auto manifest = oci::parse_manifest(*text, "manifest " + indexed.manifest.string());
  if (!manifest) return unknown(manifest.error());
  const auto config_text = state.content.read(indexed.id, config_size_limit);
  if (!config_text) return unknown(config_text.error());
  const auto config = oci::parse_image_config(*config_text, "image config " + name);
  if (!config) return unknown(config.error());
  blobs.insert({indexed.id, indexed.manifest});
  for (const auto& layer : manifest->layers) blobs.insert(layer.digest);
  for (const auto& chain_id : chain_ids(*config)) layers.insert(chain_id);
  return {};
}

// After something was removed already: what can't be collected now is no failure of the removal.
uint64_t collect_or_warn(ImageStore& store) {
  auto freed = store.collect();
  if (freed) return *freed;
  log::warning("images: {}", freed.error().message());
  return 0;
}

}  // namespace

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::ImageStore(ImageStore&&) noexcept = default;
ImageStore& ImageStore::operator=(ImageStore&&) noexcept = default;
ImageStore::~ImageStore() = default;

Result<ImageStore> ImageStore::open(const ImageStoreOptions& options) {
  TRY(make_directories(options.root, 0700));
  TRY(make_directories(options.root + "/holds", 0700));
  TRY(make_directories(options.root + "/build-cache", 0700));
  auto content = TRY(ContentStore::open(options.root));
  auto layers = TRY(LayerStore::open(options.root));
  TRY(sweep_temporaries(options.root));
  return ImageStore(std::make_unique<State>(State{options, std::move(content), std::move(layers),
                                                  IndexFile(options.root), BuildCacheFiles(options.root)}));
}

ContentStore& ImageStore::content() {
  return state_->content;
}

Result<Image> ImageStore::resolve(std::string_view name) const {
  const auto index = TRY(state_->index.read());
  const auto indexed = TRY(find_image(index, name));
  auto image = TRY(load_image(state_->content, state_->layers, indexed));
  for (auto& [owner, id] : TRY(read_holds(state_->options.root))) {
    if (id == image.id) image.holders.push_back(std::move(owner));
  }
  return image;
}

Result<std::vector<Image>> ImageStore::list() const {
  const auto index = TRY(state_->index.read());
  const auto holds = TRY(read_holds(state_->options.root));
  std::vector<Image> images;
  for (const auto& indexed : index.images) {
    auto image = load_image(state_->content, state_->layers, indexed);
    if (!image && image.error().kind() == ErrorKind::not_found) continue;  // removed since the index was read
    if (!image) return std::move(image).error();
    for (const auto& [owner, id] : holds) {
      if (id == image->id) image->holders.push_back(owner);
    }
    images.push_back(std::move(image).value());
  }
  std::stable_sort(images.begin(), images.end(), [](const Image& left, const Image& right) {
    return left.config.created > right.config.created;
  });
  return images;
}

Result<void> ImageStore::tag(std::string_view name, const oci::Reference& target) {
  if (target.tag.empty() || !target.digest.empty()) {
    return Error::make(ErrorKind::invalid, "cannot tag as \"{}\": the target must have a tag and no digest",
                       target.familiar());
  }
  return state_->index.change([&](ImageIndex& index) -> Result<void> {
    const auto image = TRY(find_image(index, name));
    index.move_tag(target.string(), image.id);
    return {};
  });
}

Result<RemovedImage> ImageStore::remove(std::string_view name, bool force) {
  RemovedImage removed;
  const auto untag = [&](ImageIndex& index) -> Result<void> {
    const auto found = TRY(find_image(index, name));
    IndexedImage& image = *index.find(found.id);
    const std::string tag = tag_named(image, name);
    if (!tag.empty() && image.tags.size() > 1) {
      std::erase(image.tags, tag);
      removed.untagged = references({tag});
      return {};
    }
    if (tag.empty() && !force) TRY(check_one_repository(image));
    const std::string holder = TRY(holder_of(state_->options.root, image.id));
    if (!holder.empty() && !force) {
      return Error::make(ErrorKind::conflict,
                         "unable to remove \"{}\" (must force): container {} is using it", name,
                         holder.substr(0, 12));
    }
    removed.untagged = references(image.tags);
    image.tags.clear();
    if (!holder.empty()) return {};  // the holder needs it: it stays, without a tag
    removed.deleted = found.id;
    std::erase_if(index.images, [&](const auto& each) { return each.id == found.id; });
    return {};
  };
  TRY(state_->index.change(untag));
  if (removed.deleted) removed.freed = collect_or_warn(*this);
  return removed;
}

Result<uint64_t> ImageStore::collect() {
  uint64_t freed = 0;
  std::set<oci::Digest> blobs;
  std::set<oci::Digest> layers;
  const auto mark_used = [&](const ImageIndex& index) -> Result<void> {
    for (const auto& indexed : index.images) TRY(mark_image(*state_, indexed, blobs, layers));
    for (const auto& step : TRY(state_->cache.list())) {
      blobs.insert(step.blob.digest);
      layers.insert(step.chain_id);
    }
    return {};
  };
  // Runs under the collection lock: what was leased before it is in `leased`, what comes later waits.
  const auto collect_layers = [&](const ContentStore::Leased& leased) -> Result<void> {
    TRY(state_->index.inspect(mark_used));
    layers.insert(leased.begin(), leased.end());
    freed += TRY(state_->layers.keep_only(layers));
    return {};
  };
  const auto is_used = [&](const oci::Digest& digest) { return blobs.count(digest) != 0; };
  freed += TRY(state_->content.collect(is_used, std::chrono::seconds(0), collect_layers)).bytes;
  return freed;
}

Result<PrunedImages> ImageStore::prune(bool all, const std::function<bool(const Image&)>& matches) {
  PrunedImages pruned;
  const auto drop = [&](ImageIndex& index) -> Result<void> {
    std::set<oci::Digest> held;
    for (const auto& [owner, id] : TRY(read_holds(state_->options.root))) held.insert(id);
    std::set<oci::Digest> gone;
    for (const auto& indexed : index.images) {
      if (held.count(indexed.id) != 0 || (!all && !indexed.tags.empty())) continue;
      const auto image = load_image(state_->content, state_->layers, indexed);
      if (matches && (!image || !matches(*image))) continue;
      gone.insert(indexed.id);
      for (auto& tag : references(indexed.tags)) pruned.untagged.push_back(std::move(tag));
    }
    std::erase_if(index.images, [&](const auto& image) { return gone.count(image.id) != 0; });
    pruned.deleted.assign(gone.begin(), gone.end());
    return {};
  };
  TRY(state_->index.change(drop));
  pruned.freed = TRY(collect());
  return pruned;
}

Result<StoreUsage> ImageStore::usage() const {
  StoreUsage usage;
  std::map<oci::Digest, uint64_t> held;
  std::map<oci::Digest, uint64_t> all;
  for (const auto& image : TRY(list())) {
    usage.images += 1;
    if (!image.holders.empty()) usage.held_images += 1;
    std::map<oci::Digest, uint64_t> parts{{image.id, 0}, {image.manifest_digest, 0}};
    for (auto& [digest, size] : parts) size = TRY(state_->content.info(digest)).size;
    for (const auto& layer : image.layers) {
      parts[layer.blob.digest] = static_cast<uint64_t>(layer.blob.size);
      parts[layer.chain_id] = layer.size;
    }
    all.insert(parts.begin(), parts.end());
    if (!image.holders.empty()) held.insert(parts.begin(), parts.end());
  }
  for (const auto& [digest, size] : all) {
    usage.size += size;
    if (held.count(digest) == 0) usage.reclaimable += size;
  }
  for (const auto& step : TRY(state_->cache.list())) {
    usage.cached_steps += 1;
    if (!step.changed || !all.emplace(step.chain_id, 0).second) continue;
    usage.cache_size += step.size + static_cast<uint64_t>(step.blob.size);
  }
  return usage;
}

Result<std::vector<std::string>> ImageStore::lower_directories(const Image& image) const {
  std::vector<std::string> folders;
  for (auto layer = image.layers.rbegin(); layer != image.layers.rend(); ++layer) {
    if (!state_->layers.exists(layer->chain_id)) {
      return Error::make(ErrorKind::not_found, "image {}: layer {} isn't in the store", image.id.string(),
                         layer->chain_id.string());
    }
    folders.push_back(state_->layers.diff(layer->chain_id));
  }
  return folders;
}

Result<void> ImageStore::hold(const oci::Digest& image_id, const std::string& owner) {
  TRY(check_owner(owner));
  // Under the index's lock, so that the image can't be removed between the look and the hold.
  return state_->index.inspect([&](const ImageIndex& index) -> Result<void> {
    if (index.find(image_id) == nullptr) {
      return Error::make(ErrorKind::not_found, "no such image: {}", image_id.string());
    }
    return write_file(format("{}/holds/{}", state_->options.root, owner), image_id.string() + "\n", 0600,
                      Durability::durable);
  });
}

Result<void> ImageStore::release(const std::string& owner) {
  TRY(check_owner(owner));
  return remove_file(format("{}/holds/{}", state_->options.root, owner));
}

Result<std::vector<std::string>> ImageStore::holders() const {
  std::vector<std::string> owners;
  for (auto& [owner, id] : TRY(read_holds(state_->options.root))) owners.push_back(std::move(owner));
  return owners;
}

}  // namespace gantry::images
