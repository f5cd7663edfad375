#include "controlplane/pages.h"

#include "base/text.h"
#include "http/sigv4.h"

#include <algorithm>

namespace gantry::controlplane {
namespace {

constexpr size_t mark_length = 16;

std::string mark_of(const PageOptions& options) {
  return http::sha256_hex(options.member + "\n" + options.filter).substr(0, mark_length);
}

AwsResult<std::string> last_shown(const std::string& token, const PageOptions& options) {
  const auto text = base64_decode(token);
  if (!text || text->size() <= mark_length || text->substr(0, mark_length) != mark_of(options)) {
    return invalid_parameter("Invalid token.");
  }
  return text->substr(mark_length);
}

}  // namespace

AwsResult<api::PageResponse> page(const std::vector<std::string>& values, const api::PageRequest& request,
                                  const PageOptions& options) {
  const int most = request.max_results.value_or(options.default_results);
  if (most < 1 || most > 100) return invalid_parameter("maxResults must be between 1 and 100.");
  auto first = values.begin();
  if (!request.next_token.empty()) {
    const auto last = TRY(last_shown(request.next_token, options));
    first = std::upper_bound(values.begin(), values.end(), last, options.less);
  }
  const auto end = values.end() - first > most ? first + most : values.end();
  api::PageResponse response{options.member, {first, end}, {}};
  if (end != values.end()) response.next_token = base64_encode(mark_of(options) + response.values.back());
  return response;
}

}  // namespace gantry::controlplane
