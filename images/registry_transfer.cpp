#include "base/text.h"
#include "images/registry_client.h"
#include "images/registry_error.h"

#include <thread>

// The half of RegistryClient that moves blobs.
namespace gantry::images {

// Hands a blob's bytes on, counting; drops the first ones when a server began again from the start.
class CountingSink final : public http::BodySink {
 public:
  // For the bytes from `begin` up to `end`; `whole`: they are all of the blob.
  CountingSink(const BlobSink& sink, uint64_t begin, uint64_t end, bool whole)
      : sink_(sink), end_(end), whole_(whole), at_(begin) {}

  // The Range header's value; empty: none is needed.
  std::string range() const {
    if (!whole_) return format("bytes={}-{}", at_, end_ - 1);
    return at_ == 0 ? std::string() : format("bytes={}-", at_);
  }

  Result<void> write(std::string_view bytes) override {
    const uint64_t dropped = std::min<uint64_t>(skip_, bytes.size());
    skip_ -= dropped;
    bytes.remove_prefix(dropped);
    if (bytes.empty()) return {};
    failed_ = true;
    if (bytes.size() > end_ - at_) {
      return Error::make(ErrorKind::corrupt,
                         "size doesn't match: the server sends more than the {} bytes expected", end_);
    }
    TRY(sink_(bytes));
    failed_ = false;
    at_ += bytes.size();
    return {};
  }

  // Looks at an answer's head: does it go on where we are?
  Result<void> begin(const http::Response& head) {
    if (head.status != 206) {
      skip_ = at_;
      if (whole_) return {};
      return Error(ErrorKind::unsupported, "the server answers no ranges");
    }
    skip_ = 0;
    const std::string range = head.headers.get("Content-Range");
    if (range.starts_with(format("bytes {}-", at_))) return {};
    return Error::make(ErrorKind::invalid, "asked to go on at byte {}, the server answered with \"{}\"", at_,
                       range);
  }

  bool complete() const { return at_ == end_; }
  uint64_t end() const { return end_; }
  uint64_t at() const { return at_; }
  bool failed() const { return failed_; }  // the error is the sink's, not the network's

 private:
  const BlobSink& sink_;
  const uint64_t end_;
  const bool whole_;
  uint64_t at_;
  uint64_t skip_ = 0;
  bool failed_ = false;
};

namespace {

constexpr uint64_t whole_limit = uint64_t{16} << 20;  // up to here a blob goes in one PUT
constexpr size_t error_body_limit = size_t{1} << 20;  // an answer that isn't the blob
constexpr uint64_t chunk_size = uint64_t{64} << 20;

bool may_retry(const Error& error) {
  return error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::timeout;
}

std::string with_digest(const std::string& location, const oci::Digest& digest) {
  const char separator = location.find('?') == std::string::npos ? '?' : '&';
  return format("{}{}digest={}", location, separator, http::percent_encode(digest.string()));
}

// "0-1048575" or "bytes=0-1048575": the offset after it.
Result<uint64_t> next_offset(const std::string& range) {
  const size_t dash = range.rfind('-');
  if (dash == std::string::npos) return Error::make(ErrorKind::invalid, "upload: bad Range \"{}\"", range);
  return TRY(parse_unsigned("Range", range.substr(dash + 1), INT64_MAX)) + 1;
}

}  // namespace

Result<void> RegistryClient::blob(const std::string& path, const oci::Descriptor& blob,
                                  const BlobSink& sink) {
  CountingSink counting(sink, 0, static_cast<uint64_t>(blob.size), true);
  return fetch(path, blob, counting);
}

Result<void> RegistryClient::blob_range(const std::string& path, const oci::Descriptor& blob, uint64_t begin,
                                        uint64_t end, const BlobSink& sink) {
  CountingSink counting(sink, begin, end, false);
  return fetch(path, blob, counting);
}

Result<void> RegistryClient::fetch(const std::string& path, const oci::Descriptor& blob,
                                   CountingSink& counting) {
  auto pause = options_.limits.retry_pause;
  for (unsigned attempt = 1;; ++attempt) {
    http::ClientRequest request{.url = url(path, "blobs/" + blob.digest.string())};
    if (const auto range = counting.range(); !range.empty()) request.headers.set("Range", range);
    http::SendOptions options{.max_body_size = error_body_limit, .sink = &counting};
    options.on_head = [&](const http::Response& head) { return counting.begin(head); };
    auto response = send(std::move(request), format("repository:{}:pull", path), options);
    if (response && (response->status == 200 || response->status == 206)) {
      if (counting.complete()) return {};
      return Error::make(ErrorKind::corrupt, "size doesn't match: expected {} bytes, got {}", counting.end(),
                         counting.at());
    }
    const Error error = response ? status_error(*response, "blob") : response.error();
    const bool worth_it = may_retry(error) && !counting.failed();
    if (!worth_it || attempt >= options_.limits.attempts) return error;
    std::this_thread::sleep_for(pause);
    pause *= 2;
  }
}

Result<RegistryClient::Uploaded> RegistryClient::upload(const std::string& path, const oci::Descriptor& blob,
                                                        BorrowedFd file, const std::string& mount_from,
                                                        const BytesSent& progress) {
  std::string scope = format("repository:{}:pull,push", path);
  http::ClientRequest start{.method = "POST", .url = url(path, "blobs/uploads/")};
  if (!mount_from.empty()) {
    scope += format(" repository:{}:pull", mount_from);
    start.url += format("?mount={}&from={}", http::percent_encode(blob.digest.string()),
                        http::percent_encode(mount_from));
  }
  const std::string base = start.url;
  const auto started = TRY(send(std::move(start), scope, {}));
  if (started.status == 201) return Uploaded::mounted;
  if (started.status != 202) return status_error(started, "begin upload");
  const std::string location = TRY(resolve(base, started.headers.get("Location")));
  const auto size = static_cast<uint64_t>(blob.size);
  if (size > whole_limit) {
    TRY(upload_chunks(location, blob, file, scope, progress));
    return Uploaded::uploaded;
  }
  http::ClientRequest put{.method = "PUT", .url = with_digest(location, blob.digest)};
  put.headers.set("Content-Type", "application/octet-stream");
  put.upload = http::FileBody{TRY(duplicate(file)), 0, size};
  http::SendOptions options;
  options.on_sent = progress;
  const auto answer = TRY(send(std::move(put), scope, options));
  if (answer.status != 201) return status_error(answer, "upload");
  return Uploaded::uploaded;
}

Result<void> RegistryClient::upload_chunks(std::string location, const oci::Descriptor& blob, BorrowedFd file,
                                           const std::string& scope, const BytesSent& progress) {
  const auto size = static_cast<uint64_t>(blob.size);
  auto pause = options_.limits.retry_pause;
  unsigned failures = 0;
  for (uint64_t offset = 0; offset < size;) {
    const uint64_t length = std::min(chunk_size, size - offset);
    http::ClientRequest patch{.method = "PATCH", .url = location};
    patch.headers.set("Content-Type", "application/octet-stream");
    patch.headers.set("Content-Range", format("{}-{}", offset, offset + length - 1));
    patch.upload = http::FileBody{TRY(duplicate(file)), offset, length};
    http::SendOptions options;
    options.on_sent = [&](uint64_t sent) { progress(offset + sent); };
    auto answer = send(std::move(patch), scope, options);
    if (answer && answer->status == 202) {
      location = TRY(resolve(location, answer->headers.get("Location", location)));
      offset += length;
      failures = 0;
      continue;
    }
    const Error error = answer ? status_error(*answer, "upload") : answer.error();
    if (!may_retry(error) || ++failures >= options_.limits.attempts) return error;
    std::this_thread::sleep_for(pause);
    pause *= 2;
    const auto state = TRY(send({.url = location}, scope, {}));
    if (state.status != 204) return status_error(state, "resume upload");
    const std::string range = state.headers.get("Range");
    offset = range.empty() || range == "0-0" ? 0 : TRY(next_offset(range));
    if (offset > size)
      return Error::make(ErrorKind::corrupt, "upload: the registry has {} bytes of {}", offset, size);
  }
  http::ClientRequest put{.method = "PUT", .url = with_digest(location, blob.digest)};
  const auto answer = TRY(send(std::move(put), scope, {}));
  if (answer.status != 201) return status_error(answer, "finish upload");
  return {};
}

}  // namespace gantry::images
