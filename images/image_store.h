#pragma once

#include "base/fd.h"
#include "base/time.h"
#include "images/build_cache.h"
#include "images/changes.h"
#include "images/content_store.h"
#include "images/credentials.h"
#include "images/progress.h"
#include "images/registry_limits.h"
#include "images/tar_writer.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::images {

struct ImageLayer {
  oci::Descriptor blob;  // as the manifest has it: compressed
  oci::Digest diff_id;
  oci::Digest chain_id;
  uint64_t size = 0;  // bytes of the unpacked files
};

struct Image {
  oci::Digest id;  // the config's digest
  oci::Digest manifest_digest;
  std::string manifest_media_type;
  std::vector<oci::Reference> tags;     // repository and tag
  std::vector<oci::Reference> digests;  // repository and manifest digest, for what was pulled or pushed
  oci::ImageConfig config;
  std::vector<ImageLayer> layers;    // lowest first
  uint64_t size = 0;                 // unpacked, all layers
  uint64_t compressed_size = 0;      // layers and config, as the registry counts it
  std::vector<std::string> holders;  // who called hold()
};

struct ImageStoreOptions {
  std::string root;                                // such as /var/lib/gantry/images
  uint64_t layer_size_limit = uint64_t{64} << 30;  // most bytes a layer may unpack to
  uint64_t layer_entry_limit = 10'000'000;         // most entries in a layer
  uint32_t zstd_window_log_limit = 27;             // 128 MiB
  unsigned parallel_layers = 0;                    // 0: one for each core, 2 to 4
  // A blob of this size is fetched over several connections at once; absent: from 48 MiB on, but not from
  // loopback.
  std::optional<uint64_t> ranged_from;
  std::string ca_file;  // for registries, where PullOptions names none
  RegistryLimits registry_limits;
};

struct PullOptions {
  oci::Platform platform = oci::Platform::host();
  ProgressSink progress;                 // may be empty; called from several threads, one at a time
  std::optional<Credential> credential;  // absent: looked up in CredentialFiles
  std::string ca_file;                   // further CA certificates, PEM; empty: the system's
};
using PushOptions = PullOptions;

struct ImportOptions {
  std::optional<oci::Reference> reference;  // its tag is moved here
  ChangeList changes;
  std::string message;               // history comment
  std::optional<TimePoint> created;  // absent: $SOURCE_DATE_EPOCH, else now
  oci::Platform platform = oci::Platform::host();
  ProgressSink progress;
};

// A layer to be made of an overlay's upper folder.
struct NewLayer {
  std::string upper;
  oci::Digest parent;  // chain id of the layer below; empty: none
  LayerTarOptions tar;
  bool may_move = false;  // the folder needn't stay; nothing is mounted on it any more
};

struct NewImage {
  oci::ImageConfig config;         // its diff ids are those of `layers`
  std::vector<ImageLayer> layers;  // in the store, lowest first
  std::vector<oci::Reference> tags;
};

struct RemovedImage {
  std::vector<oci::Reference> untagged;
  std::optional<oci::Digest> deleted;  // the image's id, when nothing refers to it any more
  uint64_t freed = 0;                  // bytes: blobs and layers
};

struct PrunedImages {
  std::vector<oci::Reference> untagged;
  std::vector<oci::Digest> deleted;
  uint64_t freed = 0;
};

// What check() found wrong.
struct StoreFault {
  std::string subject;  // "blob sha256:…", "image sha256:…", "layer sha256:…" (by chain id)
  std::string fault;
  bool repaired = false;
};

struct StoreCheck {
  size_t blobs = 0;
  size_t images = 0;
  size_t layers = 0;
  uint64_t bytes = 0;  // of the blobs
  std::vector<StoreFault> faults;
};

struct CheckOptions {
  bool repair = false;  // layers are unpacked again, images that came from a registry pulled again
  PullOptions pull;
  std::function<void(const StoreFault&)> on_fault;  // told at once; may be empty
};

// What the store takes on disk, in bytes: blobs, and unpacked files as they were in their archives.
struct StoreUsage {
  size_t images = 0;
  size_t held_images = 0;    // that a container needs
  uint64_t size = 0;         // of the images, shared layers once
  uint64_t reclaimable = 0;  // of it, what only images that nobody holds need
  size_t cached_steps = 0;   // of builds
  uint64_t cache_size = 0;   // of what only the build cache needs
};

// The host's images: ROOT/index.json (what is here, tags), ROOT/blobs (a ContentStore with manifests, configs
// and compressed layers, kept so that a push gives back the same bytes), ROOT/layers/CHAINID/diff (unpacked),
// ROOT/holds/OWNER (who needs which image). Several processes may use one root at once (file locks); all
// functions may be called from any thread. A kill at any moment leaves temporaries that the next open
// removes.
//
// Names accepted: a reference ("web", "web:v1", "host/web@sha256:…"), an id "sha256:HEX" or a prefix of its
// hex digits.
class ImageStore {
 public:
  static Result<ImageStore> open(const ImageStoreOptions& options);
  ImageStore(ImageStore&&) noexcept;
  ImageStore& operator=(ImageStore&&) noexcept;
  ~ImageStore();

  // Errors: not_found "no such image: NAME"; conflict for an ambiguous prefix.
  Result<Image> resolve(std::string_view name) const;
  // Newest first.
  Result<std::vector<Image>> list() const;

  Result<void> tag(std::string_view name, const oci::Reference& target);
  // A tag's name takes the tag away, and the image too with its last tag; an id takes all. Errors: not_found;
  // conflict when the image is held or an id has tags in several repositories, unless `force`. A held image's
  // layers stay until it is released and collect() runs.
  Result<RemovedImage> remove(std::string_view name, bool force = false);
  // Removes what no image, hold or lease needs; says how many bytes. Errors: an image whose documents can't
  // be read, since nobody knows what it needs.
  Result<uint64_t> collect();
  // Removes images that nobody holds and `matches` picks (an empty one: all): those without a tag, or `all`;
  // and collects.
  Result<PrunedImages> prune(bool all, const std::function<bool(const Image&)>& matches = {});

  // Reads every blob and every layer again: blobs against their digests, unpacked layers against what their
  // blobs unpack to. A fault is no error of the call.
  Result<StoreCheck> check(const CheckOptions& options);
  Result<StoreUsage> usage() const;

  // Errors: unauthenticated, denied, not_found (naming the reference), corrupt, unavailable, unsupported.
  Result<Image> pull(const oci::Reference& reference, const PullOptions& options = {});
  // Pushes the image that `reference` names here. Answers the manifest's digest.
  Result<oci::Digest> push(const oci::Reference& reference, const PushOptions& options = {});

  // A tar stream (plain, gzip or zstd; a file or a pipe), or a directory, as an image of one layer.
  // The layer's bytes depend only on the input.
  Result<Image> import_tar(UniqueFd stream, const ImportOptions& options);
  Result<Image> import_directory(const std::string& directory, const ImportOptions& options);

  // Writes the images that the names mean as one archive: an OCI layout with docker's manifest.json beside,
  // which docker, podman and skopeo load. A name with a tag brings that tag along, an id all the image's
  // tags.
  Result<void> save(const std::vector<std::string>& names, const TarOutput& output) const;
  // Takes over the images of an archive, docker's or an OCI layout, plain, gzip or zstd, with their tags and
  // ids. Errors: invalid and corrupt for archives that are none or whose content doesn't match its digests.
  struct LoadedImage {
    oci::Digest id;
    std::vector<oci::Reference> tags;
  };
  Result<std::vector<LoadedImage>> load(UniqueFd stream);

  // For overlay mounts: the layers' diff folders, topmost first. They exist, and stay while the image is
  // held.
  Result<std::vector<std::string>> lower_directories(const Image& image) const;
  // Says that `owner` (a container's id, [A-Za-z0-9_.-]+) needs the image, on disk, until released.
  // Errors: not_found when the image has gone meanwhile.
  Result<void> hold(const oci::Digest& image_id, const std::string& owner);
  Result<void> release(const std::string& owner);  // unknown owner: fine
  Result<std::vector<std::string>> holders() const;

  // For builds. A build holds one lease (content().lease()): what it names stays while the build runs.
  // The same files give the same layer.
  Result<ImageLayer> add_layer(const NewLayer& layer, Lease& lease);
  Result<Image> add_image(const NewImage& image, Lease& lease);
  // Errors: not_found when one of them has gone meanwhile.
  Result<void> lease_layers(const std::vector<ImageLayer>& layers, Lease& lease) const;
  std::string layer_directory(const oci::Digest& chain_id) const;  // its lower folder
  // What a step with this key came to; its layer is there, and leased.
  std::optional<CachedStep> find_step(const oci::Digest& key, Lease& lease) const;
  Result<void> keep_step(const CachedStep& step);  // collect() leaves its layer alone from now on
  Result<std::vector<CachedStep>> cached_steps() const;
  // Forgets the steps that are longest unused until the rest is no more than this, and collects. 0: all.
  // Answers the bytes freed.
  Result<uint64_t> trim_build_cache(uint64_t most_bytes);

  ContentStore& content();

  struct State;  // store_state.h

 private:
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gantry::images
