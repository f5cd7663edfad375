#pragma once

#include "http/message.h"
#include "images/content_store.h"
#include "registry/outcome.h"
#include "registry/repository_store.h"

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::registry {

// Blobs on their way in. An upload is a named ingest of the content store; it survives a restart of the
// registry, is worked on by one request at a time, and stays open between requests so that it isn't hashed
// twice. Threads share it.
class Uploads {
 public:
  Uploads(images::ContentStore& content, RepositoryStore& repositories)
      : content_(content), repositories_(repositories) {}
  ~Uploads();  // keeps what is open
  Uploads(const Uploads&) = delete;
  Uploads& operator=(const Uploads&) = delete;

  // An upload in the hands of one request; goes back when destroyed, unless it was committed.
  class Session : public http::BodySink {
   public:
    Session(Uploads& owner, std::string repository, images::Ingest ingest)
        : owner_(owner),
          repository_(std::move(repository)),
          id_(ingest.name()),
          size_(ingest.size()),
          ingest_(std::move(ingest)) {}
    ~Session() override;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Result<void> write(std::string_view bytes) override;
    uint64_t size() const { return size_; }  // what was written whole
    const std::string& id() const { return id_; }
    // The upload becomes a blob of the repository. Fails with digest_invalid; the upload is gone then, too.
    // After a write that failed it fails with internal, and the upload can be taken again.
    Outcome<Done> commit(const oci::Digest& digest);
    // Removes the upload's bytes.
    void discard() { ingest_.reset(); }

   private:
    Uploads& owner_;
    std::string repository_;
    std::string id_;
    uint64_t size_ = 0;
    std::optional<images::Ingest> ingest_;
  };

  Outcome<std::shared_ptr<Session>> begin(const std::string& repository, oci::DigestAlgorithm algorithm);
  // Fails with upload_unknown, or upload_busy while another request has it.
  Outcome<std::shared_ptr<Session>> take(const std::string& repository, const std::string& id);
  Outcome<uint64_t> size(const std::string& repository, const std::string& id);
  Outcome<Done> cancel(const std::string& repository, const std::string& id);
  // Removes uploads that weren't written to for `age`, and what names uploads that are gone.
  Result<void> expire(std::chrono::seconds age);

 private:
  void give_back(const std::string& id, images::Ingest ingest);
  void close_idle();
  Outcome<Done> remove_stale_marks(const std::string& repository);

  struct Open {
    images::Ingest ingest;
    std::chrono::steady_clock::time_point since;
  };

  images::ContentStore& content_;
  RepositoryStore& repositories_;
  std::mutex mutex_;  // guards open_
  std::map<std::string, Open> open_;
};

}  // namespace gantry::registry
