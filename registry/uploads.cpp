#include "registry/uploads.h"

#include "base/log.h"
#include "base/random.h"

namespace gantry::registry {
namespace {

constexpr auto most_idle = std::chrono::minutes(5);  // then an open upload's descriptor is closed

Failure upload_unknown(std::string_view id) {
  return {FailureKind::upload_unknown, format("there is no upload {}", id)};
}

}  // namespace

Uploads::~Uploads() {
  for (auto& [id, open] : open_) open.ingest.keep();
}

Outcome<std::shared_ptr<Uploads::Session>> Uploads::begin(const std::string& repository,
                                                          oci::DigestAlgorithm algorithm) {
  TRY(repositories_.find(repository));
  const auto id = random_uuid();
  auto ingest = TRY(content_.begin_named(id, algorithm));
  auto session = std::make_shared<Session>(*this, repository, std::move(ingest));
  TRY(repositories_.add_upload(repository, id));
  return session;
}

Outcome<std::shared_ptr<Uploads::Session>> Uploads::take(const std::string& repository,
                                                         const std::string& id) {
  TRY(repositories_.find(repository));
  if (id.find('/') != std::string::npos || !repositories_.has_upload(repository, id))
    return upload_unknown(id);
  {
    const std::lock_guard lock(mutex_);
    const auto found = open_.find(id);
    if (found != open_.end()) {
      auto session = std::make_shared<Session>(*this, repository, std::move(found->second.ingest));
      open_.erase(found);
      return session;
    }
  }
  auto ingest = content_.resume(id);
  if (ingest) return std::make_shared<Session>(*this, repository, std::move(*ingest));
  if (ingest.error().kind() == ErrorKind::conflict) {
    return Failure{FailureKind::upload_busy, format("upload {} is being written by another request", id)};
  }
  if (ingest.error().kind() == ErrorKind::not_found) return upload_unknown(id);
  return ingest.error();
}

Outcome<uint64_t> Uploads::size(const std::string& repository, const std::string& id) {
  TRY(repositories_.find(repository));
  if (id.find('/') != std::string::npos || !repositories_.has_upload(repository, id))
    return upload_unknown(id);
  const auto size = content_.ingest_size(id);
  if (!size && size.error().kind() == ErrorKind::not_found) return upload_unknown(id);
  if (!size) return size.error();
  return *size;
}

Outcome<Done> Uploads::cancel(const std::string& repository, const std::string& id) {
  // In our hands until it is gone, so that no other request can take it meanwhile.
  const auto session = TRY(take(repository, id));
  session->discard();
  return repositories_.remove_upload(repository, id);
}

void Uploads::give_back(const std::string& id, images::Ingest ingest) {
  close_idle();
  const std::lock_guard lock(mutex_);
  open_.insert_or_assign(id, Open{std::move(ingest), std::chrono::steady_clock::now()});
}

void Uploads::close_idle() {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  for (auto i = open_.begin(); i != open_.end();) {
    const bool idle = now - i->second.since >= most_idle;
    if (idle) i->second.ingest.keep();
    i = idle ? open_.erase(i) : std::next(i);
  }
}

Result<void> Uploads::expire(std::chrono::seconds age) {
  close_idle();
  const auto removed = TRY(content_.expire_ingests(age));
  if (removed > 0) log::info("abandoned uploads removed count={}", removed);
  for (const auto& name : repositories_.names()) {
    const auto swept = remove_stale_marks(name);
    if (!swept) return Error(ErrorKind::system, format("repository {}: {}", name, swept.error().message));
  }
  return {};
}

// An upload's bytes are there before its mark, and go before it.
Outcome<Done> Uploads::remove_stale_marks(const std::string& repository) {
  const auto marks = TRY(repositories_.uploads(repository));
  for (const auto& id : marks) {
    const auto size = content_.ingest_size(id);
    if (!size && size.error().kind() == ErrorKind::not_found) {
      TRY(repositories_.remove_upload(repository, id));
    }
  }
  return Done{};
}

Uploads::Session::~Session() {
  if (!ingest_) return;
  owner_.give_back(id_, std::move(*ingest_));
}

// After a write that failed half-way the file holds more than what was hashed: it is hashed anew when taken
// again.
Result<void> Uploads::Session::write(std::string_view bytes) {
  if (!ingest_) return Error::make(ErrorKind::system, "upload {}: an earlier write failed", id_);
  auto written = ingest_->write(bytes);
  if (written) size_ = ingest_->size();
  if (written) return written;
  ingest_->keep();
  ingest_.reset();
  return written;
}

Outcome<Done> Uploads::Session::commit(const oci::Digest& digest) {
  if (!ingest_) return Failure{FailureKind::internal, format("upload {}: an earlier write failed", id_)};
  auto ingest = std::move(*ingest_);
  ingest_.reset();
  auto lease = TRY(owner_.content_.lease());  // until the repository refers to it
  TRY(lease.add(digest));
  const auto committed = ingest.commit(digest);
  TRY(owner_.repositories_.remove_upload(repository_, id_));
  if (!committed && committed.error().kind() == ErrorKind::corrupt) {
    return Failure{FailureKind::digest_invalid, committed.error().message()};
  }
  if (!committed) return committed.error();
  return owner_.repositories_.link_blob(repository_, digest);
}

}  // namespace gantry::registry
