# Sourced by scripts/conformance: run_suite for distribution-spec's conformance.test, which writes a JUnit file.

# A registry on a free port with a data folder of its own: sets registry_pid and port.
start_registry() {
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  printf '[default]\naws_access_key_id = AKIACONFORMANCE\naws_secret_access_key = conformance-secret\n' \
    >"$work/credentials"
  chmod 600 "$work/credentials"
  "$runtime" --credentials "$work/credentials" --data "$work/data" --listen "127.0.0.1:$port" --create-on-push \
    2>"$keep/registry.log" &
  registry_pid=$!
  for _ in {1..100}; do
    ! curl -sf -o /dev/null "http://127.0.0.1:$port/health" || return 0
    sleep 0.1
  done
  wrong "gantry-registry doesn't start: $keep/registry.log"
}

# NAME|OUTCOME|REASON of each spec; the suite's own set-up and tear-down aren't specs.
read_junit() {
  python3 - "$1" <<'PYTHON'
import sys, xml.etree.ElementTree as tree
for case in tree.parse(sys.argv[1]).iter("testcase"):
    if not case.get("name").startswith("[It]"):
        continue
    outcome, reason = "passed", ""
    for tag in ("failure", "error", "skipped"):
        found = case.find(tag)
        if found is not None:
            outcome, reason = ("skipped" if tag == "skipped" else "failed"), found.get("message", "")
    name = case.get("name").removeprefix("[It] OCI Distribution Conformance Tests ")
    print(name.replace("|", "/"), outcome, reason.replace("|", "/").replace("\n", " "), sep="|")
PYTHON
}

run_suite() {
  local port registry_pid
  [[ -x $checkout/conformance.test ]] || wrong "$checkout/conformance.test is missing: see --help"
  start_registry
  export OCI_ROOT_URL=http://127.0.0.1:$port OCI_NAMESPACE=conformance/one OCI_CROSSMOUNT_NAMESPACE=conformance/two
  export OCI_TEST_PULL=1 OCI_TEST_PUSH=1 OCI_TEST_CONTENT_DISCOVERY=1 OCI_TEST_CONTENT_MANAGEMENT=1
  export OCI_AUTOMATIC_CROSSMOUNT=1 OCI_HIDE_SKIPPED_WORKFLOWS=0 OCI_REPORT_DIR=$keep OCI_USERNAME=AWS
  OCI_PASSWORD=$(AWS_SHARED_CREDENTIALS_FILE=$work/credentials AWS_PROFILE=default \
    aws --region us-east-1 --endpoint-url "$OCI_ROOT_URL" ecr get-login-password)
  export OCI_PASSWORD
  (cd "$checkout" && timeout -k 5 300 ./conformance.test) >"$keep/conformance.out" 2>&1 </dev/null || true
  kill "$registry_pid"
  wait "$registry_pid" || true
  [[ ! -s $keep/junit.xml ]] || read_junit "$keep/junit.xml" >>"$outcomes"
}
