#include "images/layer_pipeline.h"
#include "images/store_layer.h"
#include "images/store_state.h"
#include "images/tree_difference.h"

#include <algorithm>
#include <fcntl.h>

namespace gantry::images {
namespace {

// One look at a whole store. Blobs come first, since all else is made of them.
class Check {
 public:
  Check(ImageStore& store, ImageStore::State& state, const CheckOptions& options)
      : store_(store), state_(state), options_(options) {}

  Result<StoreCheck> run() {
    auto lease = TRY(state_.content.lease());
    for (const auto& blob : TRY(state_.content.list())) TRY(check_blob(blob));
    const auto index = TRY(state_.index.read());
    for (const auto& image : index.images) {
      TRY(check_image(image, lease).context("image {}", image.id.string()));
    }
    return std::move(result_);
  }

 private:
  Result<void> check_blob(const BlobInfo& blob) {
    FileSource file(TRY(state_.content.open_blob(blob.digest)));
    oci::Hasher hasher(blob.digest.algorithm());
    std::string fault;
    while (true) {
      const auto block = file.next();
      if (!block) fault = block.error().message();
      if (!block || block->empty()) break;
      hasher.update(*block);
    }
    result_.blobs += 1;
    result_.bytes += blob.size;
    if (fault.empty() && hasher.finish() != blob.digest) fault = "its content has another digest";
    if (fault.empty()) return {};
    bad_.insert(blob.digest);
    report("blob " + blob.digest.string(), fault, false);
    return {};
  }

  bool has(const oci::Descriptor& blob) const {
    const auto info = state_.content.info(blob.digest);
    return info && info->size == static_cast<uint64_t>(blob.size) && bad_.count(blob.digest) == 0;
  }

  // The image's documents, when they can be read.
  struct Documents {
    oci::Manifest manifest;
    oci::ImageConfig config;
  };
  Result<Documents> read_documents(const IndexedImage& image) const {
    const auto text = TRY(state_.content.read(image.manifest, oci::manifest_size_limit));
    Documents documents{.manifest = TRY(oci::parse_manifest(text, "manifest " + image.manifest.string())),
                        .config = {}};
    const auto config = TRY(state_.content.read(image.id, config_size_limit));
    documents.config = TRY(oci::parse_image_config(config, "config " + image.id.string()));
    if (documents.manifest.layers.size() == documents.config.rootfs.diff_ids.size()) return documents;
    return Error(ErrorKind::corrupt, "its manifest and its config have different numbers of layers");
  }

  Result<void> check_image(const IndexedImage& image, Lease& lease) {
    result_.images += 1;
    TRY(lease.add(image.manifest));
    TRY(lease.add(image.id));
    auto documents = read_documents(image);
    std::string fault;
    if (!documents) fault = documents.error().message();
    for (size_t i = 0; documents && i < documents->manifest.layers.size(); ++i) {
      const auto& blob = documents->manifest.layers[i];
      TRY(lease.add(blob.digest));
      if (!has(blob)) fault = format("layer blob {} is missing or damaged", blob.digest.string());
    }
    if (!fault.empty()) {
      const auto again = options_.repair ? pull_again(image) : Result<void>();
      const bool repaired = options_.repair && again;
      report("image " + image.id.string(), again ? fault : format("{}; {}", fault, again.error().message()),
             repaired);
      documents = read_documents(image);
      if (!repaired || !documents) return {};
    }
    const auto chain = chain_ids(documents->config);
    for (size_t i = 0; i < chain.size(); ++i) {
      TRY(lease.add(chain[i]));
      TRY(check_layer(documents->manifest.layers[i], documents->config.rootfs.diff_ids[i], chain[i])
              .context("layer {}", chain[i].string()));
    }
    return {};
  }

  // From where it came, by digest: nothing else can take its place.
  Result<void> pull_again(const IndexedImage& image) {
    for (const auto& digest : bad_) {
      const auto lock = TRY(state_.content.lock_blob(digest));
      TRY(state_.content.remove(digest));
    }
    bad_.clear();
    Error last(ErrorKind::not_found, "it came from no registry: load or build it again");
    for (const auto& name : image.digests) {
      const auto pulled = store_.pull(TRY(oci::Reference::parse(name)), options_.pull);
      if (pulled && pulled->id == image.id) return {};
      if (!pulled) last = pulled.error();
    }
    return last;
  }

  Result<void> check_layer(const oci::Descriptor& blob, const oci::Digest& diff_id,
                           const oci::Digest& chain_id) {
    if (!seen_.insert(chain_id).second) return {};
    result_.layers += 1;
    const auto lock = TRY(state_.layers.lock(chain_id));
    auto draft = TRY(state_.layers.begin());
    const auto fresh = unpack_blob(state_, blob, draft.diff());
    const std::string subject = "layer " + chain_id.string();
    if (!fresh || fresh->diff_id != diff_id) {
      report(subject, fresh ? "its blob is another layer's" : fresh.error().message(), false);
      return {};
    }
    const auto fault = TRY(layer_fault(draft, chain_id));
    if (fault.empty()) return {};
    if (options_.repair) {
      TRY(state_.layers.drop(chain_id));
      TRY(draft.commit({chain_id, diff_id, fresh->content.size}));
    }
    report(subject, fault, options_.repair);
    return {};
  }

  Result<std::string> layer_fault(const LayerDraft& draft, const oci::Digest& chain_id) const {
    if (!state_.layers.exists(chain_id)) return std::string("is missing");
    if (const auto info = state_.layers.info(chain_id); !info) return info.error().message();
    return TRY(tree_difference(draft.diff(), state_.layers.diff(chain_id))).value_or("");
  }

  void report(std::string subject, std::string fault, bool repaired) {
    result_.faults.push_back({std::move(subject), std::move(fault), repaired});
    if (options_.on_fault) options_.on_fault(result_.faults.back());
  }

  ImageStore& store_;
  ImageStore::State& state_;
  const CheckOptions& options_;
  StoreCheck result_;
  std::set<oci::Digest> bad_;
  std::set<oci::Digest> seen_;
};

}  // namespace

Result<StoreCheck> ImageStore::check(const CheckOptions& options) {
  return Check(*this, *state_, options).run();
}

}  // namespace gantry::images
