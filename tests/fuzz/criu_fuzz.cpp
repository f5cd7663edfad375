#include "runtime/criu_message.h"
#include "tests/fuzz/fuzz.h"

// criu's answers.

namespace {

using namespace gantry;

// The same answer, written by the other half of our protocol buffers, is read as the same.
void check_written_again(const runtime::CriuResponse& response) {
  runtime::CriuMessage restored;
  restored.add(1, static_cast<uint64_t>(response.restored));
  runtime::CriuMessage notice;
  notice.add_text(1, response.stage);
  notice.add(2, static_cast<uint64_t>(response.stage_process));
  runtime::CriuMessage message;
  message.add(1, response.type);
  message.add(2, uint64_t{response.success});
  message.add_message(4, restored);
  message.add_message(5, notice);
  message.add(7, static_cast<uint64_t>(response.error));
  message.add_text(9, response.text);
  const auto again = fuzz::must(runtime::parse_criu_response(message.bytes()));
  const bool same = again.type == response.type && again.success == response.success &&
                    again.restored == response.restored && again.stage == response.stage &&
                    again.stage_process == response.stage_process && again.error == response.error &&
                    again.text == response.text;
  if (!same) fuzz::fail("written again it is another answer");
}

}  // namespace

FUZZ_TARGET(text) {
  const auto response = runtime::parse_criu_response(text);
  fuzz::check_error(response, "criu's answer");
  if (!response) return;
  if (response->text.size() + response->stage.size() > text.size()) fuzz::fail("more text than there was");
  check_written_again(*response);
}
