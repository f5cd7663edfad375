# Sourced by scripts/conformance: run_suite for crun's tests/test_*.py. Its programs report in TAP on stdout.

# A test that waits for ever takes the others of its file with it. Those that the list says so of ("waits for ever: …")
# are failures without being run.
leave_out_hanging() {
  local tests=$1 name=$2 all hanging test
  [[ -z $only ]] || return 0
  unset RUN_TESTS
  hanging=$(sed -n 's/^\([^ |]*\) *|[^|]*| waits for ever: .*/\1/p' "$parts/crun.txt")
  all=$(python3 -c "import sys; sys.path.insert(0, '$tests'); import $name; print('\n'.join($name.all_tests))") || return 0
  for test in $hanging; do
    grep -qx "$test" <<<"$all" || continue
    echo "$test|failed|not run" >>"$outcomes"
    RUN_TESTS=${RUN_TESTS:-$all}
    RUN_TESTS=$(grep -vx "$test" <<<"$RUN_TESTS" | tr '\n' ' ')
    export RUN_TESTS
  done
}

run_suite() {
  local tests=$checkout/tests file name limit=300
  [[ -x $tests/init ]] || wrong "$tests/init is missing: see --help"
  [[ $place != guest ]] || limit=400
  export OCI_RUNTIME=$runtime INIT=$tests/init TMPDIR=$work/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$parts/python
  [[ -z $only ]] || export RUN_TESTS=$only
  local below=()
  $openat2 || below=("$tests/no_openat2")
  cd "$work"
  for file in "$tests"/test_*.py; do
    name=$(basename "$file" .py)
    leave_out_hanging "$tests" "$name"
    # With a terminal on stdout, since tests of terminals ask for one.
    timeout -k 5 $limit "${below[@]}" script --quiet --return --flush --command "python3 '$file'" "$keep/$name.out" \
      >/dev/null 2>&1 </dev/null || true
    tr -d '\r' <"$keep/$name.out" | awk -v file="$name" '
      /^1\.\.[0-9]+/ {planned = substr($1, 4)}
      match($0, /^(not )?ok [0-9]+ - /) {
        ++seen
        outcome = /^not/ ? "failed" : "passed"
        rest = substr($0, RLENGTH + 1)
        sub(/ *# *[0-9.]+s$/, "", rest)
        reason = ""
        if (match(rest, / *#SKIP ?/)) {
          outcome = "skipped"
          reason = substr(rest, RSTART + RLENGTH)
          rest = substr(rest, 1, RSTART - 1)
        }
        print rest "|" outcome "|" reason
      }
      END {if (planned == "" || seen + 0 < planned + 0) print file "|failed|cut off after " seen + 0 " tests of " planned}
    ' >>"$outcomes"
  done
  cd /
}
