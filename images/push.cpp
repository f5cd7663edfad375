#include "images/store_state.h"
#include "images/transfer.h"

#include <algorithm>

namespace gantry::images {
namespace {

constexpr unsigned upload_threads = 3;

struct Push {
  ImageStore::State& state;
  const oci::Reference& reference;
  const RegistrySource& source;
  const Image& image;
  RegistryClient& client;
  Reporter reporter;
};

// Another repository of the same registry that has the image's blobs, so that they needn't be sent.
std::string mount_source(const Push& push) {
  if (push.source.path != push.reference.path) return {};  // registries.conf has other names there
  for (const auto& digest : push.image.digests) {
    if (digest.host == push.reference.host && digest.path != push.reference.path) return digest.path;
  }
  return {};
}

Result<void> push_blob(Push& push, const oci::Descriptor& blob) {
  const auto& path = push.source.path;
  const auto total = static_cast<uint64_t>(blob.size);
  if (TRY(push.client.has_blob(path, blob.digest))) {
    push.reporter.report(blob.digest, Step::exists);
    return {};
  }
  const auto file = TRY(push.state.content.open_blob(blob.digest));
  const auto uploaded = TRY(push.client.upload(path, blob, file, mount_source(push), [&](uint64_t sent) {
    push.reporter.report(blob.digest, Step::uploading, sent, total);
  }));
  const bool mounted = uploaded == RegistryClient::Uploaded::mounted;
  push.reporter.report(blob.digest, mounted ? Step::mounted : Step::done, total, total);
  return {};
}

Result<oci::Digest> push_image(Push& push) {
  const auto text = TRY(push.state.content.read(push.image.manifest_digest, oci::manifest_size_limit));
  const auto manifest = TRY(oci::parse_manifest(text, "manifest " + push.image.manifest_digest.string()));
  std::vector<oci::Descriptor> blobs;
  for (const auto& layer : manifest.layers) {
    const bool known = std::any_of(blobs.begin(), blobs.end(),
                                   [&](const auto& blob) { return blob.digest == layer.digest; });
    if (!known) blobs.push_back(layer);
  }
  std::atomic<bool> stop = false;
  TRY(run_parallel(blobs.size(), upload_threads, stop, [&](size_t i) {
    return push_blob(push, blobs[i]).context("blob {}", blobs[i].digest.string());
  }));
  TRY(push_blob(push, manifest.config).context("config {}", manifest.config.digest.string()));
  return push.client.put_manifest(push.source.path, push.reference.tag, text, push.image.manifest_media_type);
}

}  // namespace

Result<oci::Digest> ImageStore::push(const oci::Reference& reference, const PushOptions& options) {
  if (reference.tag.empty() || !reference.digest.empty()) {
    return Error::make(ErrorKind::invalid, "push {}: the name must have a tag and no digest",
                       reference.familiar());
  }
  // The lease comes before the look, so that nothing goes away meanwhile.
  auto lease = TRY(state_->content.lease());
  const auto image = TRY(resolve(reference.familiar()));
  TRY(lease.add(image.manifest_digest));
  TRY(lease.add(image.id));
  for (const auto& layer : image.layers) TRY(lease.add(layer.blob.digest));
  const auto source = TRY(TRY(RegistriesConf::from_environment()).primary(reference));
  RegistryClient client(source.host, TRY(registry_options(source, options, state_->options)));
  Push push{*state_, reference, source, image, client, Reporter(options.progress)};
  const auto digest = TRY(push_image(push).context("push {}", reference.familiar()));
  const std::string name = format("{}@{}", reference.name(), digest.string());
  TRY(state_->index.change([&](ImageIndex& index) -> Result<void> {
    IndexedImage* indexed = index.find(image.id);
    if (indexed == nullptr || indexed->manifest != digest) return {};  // removed or pulled anew meanwhile
    const bool known =
        std::find(indexed->digests.begin(), indexed->digests.end(), name) != indexed->digests.end();
    if (!known) indexed->digests.push_back(name);
    return {};
  }));
  return digest;
}

}  // namespace gantry::images
