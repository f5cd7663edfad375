#pragma once

#include "base/result.h"

#include <curl/curl.h>

// curl's checks of option types are macros over the functions' names, which aren't linked here.
#undef curl_easy_setopt

namespace gantry::http {

// libcurl's functions. The library is loaded by the first request and stays: with the 30 others that it needs
// it takes longer to load than most commands take to run, and most commands send no request.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
};

// Errors: not_found (libcurl.so.4 isn't installed or lacks a function). Threads may call it.
Result<const CurlLibrary*> curl_library();

}  // namespace gantry::http
