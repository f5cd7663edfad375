#pragma once

#include "images/byte_source.h"
#include "images/layer_pipeline.h"
#include "images/store_state.h"

#include <string>
#include <string_view>

// What import and builds share; for this folder only.
namespace gantry::images {

struct StoreLayerOptions {
  oci::Digest parent;  // chain id of the layer below; empty: none
  ProgressSink progress;
  oci::Digest diff_id;  // what it must be; empty: anything
};

// The tar stream as a blob (as it came when it is compressed, else compressed here) and as an unpacked layer.
// Both are leased.
Result<ImageLayer> store_layer(ImageStore::State& state, ByteSource& stream, Lease& lease,
                               const StoreLayerOptions& options);

// A blob of the store, unpacked.
Result<UnpackedLayer> unpack_blob(ImageStore::State& state, const oci::Descriptor& blob,
                                  const std::string& directory);

// The image's config and manifest, its entry in the index, and its tags.
Result<oci::Digest> store_image(ImageStore::State& state, const oci::ImageConfig& config,
                                const std::vector<oci::Descriptor>& layers,
                                const std::vector<oci::Reference>& tags, Lease& lease);

// The same of a config as it was written, whose digest is the image's id; and of a manifest, unless it is
// empty or names other blobs than `layers`.
Result<oci::Digest> store_documents(ImageStore::State& state, const std::string& config,
                                    const std::string& manifest, const std::vector<oci::Descriptor>& layers,
                                    const std::vector<oci::Reference>& tags, Lease& lease);

}  // namespace gantry::images
