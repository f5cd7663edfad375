#include "base/json.h"
#include "base/text.h"
#include "registry/distribution.h"
#include "registry/referrer_json.h"

#include <algorithm>

namespace gantry::registry {
namespace {

struct TagList {
  std::string name;
  std::vector<std::string> tags;
};
struct Catalog {
  std::vector<std::string> repositories;
};

template <class Visitor>
void members(Visitor& visit, TagList& list) {
  visit.required("name", list.name);
  visit.always("tags", list.tags);
}

template <class Visitor>
void members(Visitor& visit, Catalog& catalog) {
  visit.always("repositories", catalog.repositories);
}

// A part of a sorted list: what comes after `last`, at most `n`.
struct Page {
  std::vector<std::string> items;
  std::string link;  // the Link header for the next page; empty at the end
};

Outcome<Page> page_of(const std::vector<std::string>& sorted, const http::Request& request,
                      std::string_view path) {
  const auto* last = request.parameter("last");
  const auto* n = request.parameter("n");
  auto first = last ? std::upper_bound(sorted.begin(), sorted.end(), *last) : sorted.begin();
  auto count = static_cast<uint64_t>(sorted.end() - first);
  bool more = false;
  if (n != nullptr) {
    const auto most = parse_unsigned("n", *n);
    if (!most) return Failure{FailureKind::parameter_invalid, most.error().message()};
    more = *most > 0 && *most < count;
    count = std::min(count, *most);
  }
  Page page{{first, first + static_cast<ptrdiff_t>(count)}, {}};
  if (more)
    page.link = format("<{}?n={}&last={}>; rel=\"next\"", path, *n, http::percent_encode(page.items.back()));
  return page;
}

http::Response with_link(http::Response response, const std::string& link) {
  if (!link.empty()) response.headers.set("Link", link);
  return response;
}

}  // namespace

http::Response Distribution::tags(const Route& route, const http::Request& request) {
  const auto repository = repositories_.find(route.repository);
  if (!repository) return failure_response(repository.error());
  const auto all = repositories_.tags(route.repository);
  if (!all) return failure_response(all.error());
  std::vector<std::string> names;
  for (const auto& entry : *all) names.push_back(entry.first);
  const auto page = page_of(names, request, location_of(route, "tags", "list"));
  if (!page) return failure_response(page.error());
  return with_link(http::Response::json(200, to_json(TagList{route.repository, page->items})), page->link);
}

http::Response Distribution::catalog(const http::Request& request) {
  const auto page = page_of(repositories_.names(), request, "/v2/_catalog");
  if (!page) return failure_response(page.error());
  return with_link(http::Response::json(200, to_json(Catalog{page->items})), page->link);
}

http::Response Distribution::referrers(const Route& route, const http::Request& request) {
  const auto subject = oci::Digest::parse(route.reference);
  if (!subject) return failure_response({FailureKind::digest_invalid, subject.error().message()});
  std::vector<std::string> descriptors;
  if (repositories_.find(route.repository)) {
    auto found = repositories_.referrers(route.repository, *subject);
    if (!found) return failure_response(found.error());
    descriptors = std::move(*found);
  }
  const auto* type = request.parameter("artifactType");
  if (type != nullptr)
    std::erase_if(descriptors, [&](const auto& text) { return artifact_type_of(text) != *type; });
  auto response =
      http::Response::text(200, referrers_index(descriptors), std::string(oci::media_type::oci_index));
  if (type != nullptr) response.headers.set("OCI-Filters-Applied", "artifactType");
  return response;
}

}  // namespace gantry::registry
