#!/usr/bin/env bash
# options_test.sh BUILD: an option or a name that nobody knows gives one clear line and exit code 2.
set -uo pipefail
build=$1
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit
failures=0

rejects() {  # rejects COMMAND…
  local said status
  said=$("$@" 2>&1 >/dev/null </dev/null)
  status=$?
  if [ $status = 2 ] && [ "$(wc -l <<<"$said")" = 1 ] && [ -n "$said" ]; then
    printf 'good  %s\n        %s\n' "$*" "$said"
  else
    printf 'BAD   %s: exit code %s, said: %s\n' "$*" "$status" "$said"
    failures=$((failures + 1))
  fi
}

for program in "$build/tutorials/08_digits" "$build/tutorials/10_convolution" "$build/plots/gradient_norms" "$build/tests/op_table"; do
  rejects "$program" --no-such-option
done
rejects "$build/tests/op_table" no_such_op
rejects "$build/plots/gradient_norms" --activation no_such_function
rejects "$build/tutorials/08_digits" --epochs many
rejects "$build/tutorials/15_continuation" --text no_such_file
rejects "$build/tutorials/15_continuation" --text datasets/text/river.txt --steps 1 --prompt abc
for script in tutorials/run tests/run .ci/run datasets/fetch; do
  rejects "$script" --no-such-option
done
rejects tutorials/run 99
rejects tutorials/run no_such_chapter
rejects .ci/run no_such_stage
rejects tutorials/refresh --no-such-option
rejects tutorials/refresh --check 99
rejects tutorials/refresh
rejects tutorials/systems --no-such-option
rejects tutorials/systems 99
rejects tutorials/run --systems 05
[ $failures = 0 ]
