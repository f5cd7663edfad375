#pragma once

#include "images/image_store.h"

#include <string>

namespace gantry::cli {

// Shows how layers come along: on a terminal, lines that change; else one line for each layer that is done.
images::ProgressSink progress_printer();

// Pulls and tells how it goes on stderr.
Result<images::Image> pull_with_progress(images::ImageStore& store, const std::string& name);

}  // namespace gantry::cli
