#include "oci/state.h"
#include "runtime/store.h"
#include "tests/fuzz/fuzz.h"

// state.json of a container's folder, and the state that `state` tells and hooks get.

FUZZ_TARGET(text) {
  using namespace gantry;
  const auto record = runtime::parse_record(text, "state.json");
  fuzz::check_error(record, "state.json: $");
  if (record) fuzz::check_round_trip(*record, runtime::parse_record);
  const auto state = oci::parse_state(text, "state");
  fuzz::check_error(state, "state: $");
  if (state) fuzz::check_round_trip(*state, oci::parse_state);
}
