#include "images/progress.h"

namespace gantry::images {

std::string_view step_name(Step step) {
  switch (step) {
    case Step::resolving:
      return "Resolving";
    case Step::waiting:
      return "Waiting";
    case Step::downloading:
      return "Downloading";
    case Step::unpacking:
      return "Extracting";
    case Step::exists:
      return "Already exists";
    case Step::uploading:
      return "Pushing";
    case Step::mounted:
      return "Mounted from another repository";
    case Step::done:
      return "Complete";
  }
  return "";
}

}  // namespace gantry::images
