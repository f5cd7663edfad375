# Sourced by scripts/conformance: run_suite for runtime-tools' validation programs, which report in TAP on stdout.

# Passed is: exit status 0, no "not ok", and no error in a program that plans no test ("1..0": its only way to say so).
judge() {
  local status=$1 output=$2
  if [[ $status -ge 124 ]]; then
    echo "failed|ended by status $status"
  elif [[ $status -ne 0 ]]; then
    echo "failed|exit status $status"
  elif grep -q '^not ok' "$output"; then
    echo "failed|$(grep -c '^not ok' "$output") of $(grep -cE '^(not )?ok' "$output") not ok"
  elif ! grep -q '^ok' "$output" && grep -q '"error"' "$output"; then
    echo "failed|an error and no test"
  elif grep -q '^ok' "$output" && ! awk '/^ok/ && !/# SKIP/ {found = 1} END {exit !found}' "$output"; then
    echo "skipped|$(grep -m 1 -o '# SKIP.*' "$output")"
  else
    echo "passed|"
  fi
}

run_suite() {
  local program name status limit=120
  [[ -x $checkout/runtimetest ]] || wrong "$checkout/runtimetest is missing: see --help"
  [[ $place != guest ]] || limit=600
  printf '#!/bin/sh\nexec "%s" --root "%s/states" "$@"\n' "$runtime" "$work" >"$work/runtime"
  chmod 755 "$work/runtime"
  export RUNTIME=$work/runtime TMPDIR=$work/tmp
  cd "$checkout"
  for program in validation/*/*.t; do
    name=$(basename "$program" .t)
    [[ -z $only || " $only " = *" $name "* ]] || continue
    status=0
    timeout -k 5 $limit "$program" >"$keep/$name.out" 2>"$keep/$name.err" </dev/null || status=$?
    echo "$name|$(judge $status "$keep/$name.out")" >>"$outcomes"
  done
  cd /
}
