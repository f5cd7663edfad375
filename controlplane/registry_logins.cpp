#include "controlplane/registry_logins.h"

#include "api/image_name.h"
#include "base/text.h"
#include "http/listen.h"
#include "http/message.h"

namespace gantry::controlplane {
namespace {

// As the references of images have it: lower case, and nothing that they would take for a part of the path.
Result<std::string> image_host(const std::string& text) {
  const auto image = api::ImageName::parse(text + "/x");
  const bool host = image && text.find_first_of("/@") == std::string::npos && image->name == text + "/x" &&
                    image->host == to_lower(text) && http::Url::parse("https://" + text);
  if (host) return image->host;
  return Error::make(ErrorKind::invalid,
                     "the host must be as images name it, localhost or with a dot or a port, such as "
                     "registry.example.com:5000, found \"{}\"",
                     text);
}

Result<std::string> api_url(const std::string& text) {
  const auto url = TRY(http::Url::parse(text));
  if (url.scheme != "http" && url.scheme != "https") {
    return Error::make(ErrorKind::invalid, "the URL must begin with http:// or https://, found \"{}\"", text);
  }
  if (url.target != "/") {
    return Error::make(ErrorKind::invalid, "the URL must be like https://HOST:PORT, found \"{}\"", text);
  }
  if (!url.secure() && !http::is_loopback(url.host)) {
    return Error::make(ErrorKind::denied,
                       "plain HTTP is for loopback addresses only, since tokens are sent back; give an "
                       "https:// URL, found \"{}\"",
                       text);
  }
  return format("{}://{}", url.scheme, url.authority());
}

Result<std::string> own_url(const std::string& host) {
  const auto url = TRY(http::Url::parse("https://" + host));
  return (http::is_loopback(url.host) ? "http://" : "https://") + host;
}

// ACCOUNT.dkr.ecr.REGION.amazonaws.com
std::optional<api::PayloadEcrAuthData> amazon_login(const std::string& host) {
  const auto parts = split(host, '.');
  const bool ecr = parts.size() >= 6 && parts[1] == "dkr" && parts[2] == "ecr" && parts[4] == "amazonaws";
  if (!ecr) return std::nullopt;
  return api::PayloadEcrAuthData{parts[0], parts[3], "", false};
}

}  // namespace

Result<void> RegistryLogins::add(const std::string& text) {
  const auto equals = text.find('=');
  const auto host = TRY(image_host(text.substr(0, equals)));
  const auto url = TRY(equals == std::string::npos ? own_url(host) : api_url(text.substr(equals + 1)));
  if (urls_.try_emplace(host, url).second) return {};
  return Error::make(ErrorKind::conflict, "the host {} is given twice", host);
}

std::optional<api::PayloadRegistryAuthentication> RegistryLogins::authentication(
    const std::string& image, const Identity& identity) const {
  const auto name = api::ImageName::parse(image);
  if (!name) return std::nullopt;
  auto login = amazon_login(name->host);
  if (const auto found = urls_.find(name->host); found != urls_.end()) {
    login = api::PayloadEcrAuthData{identity.account, identity.region, found->second, false};
  }
  if (!login) return std::nullopt;
  return api::PayloadRegistryAuthentication{"ecr", login};
}

}  // namespace gantry::controlplane
