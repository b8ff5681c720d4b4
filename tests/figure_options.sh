#!/bin/sh
# figure_options.sh PROGRAM: what the figure program says to options it does not understand. Each must give one line
# on stderr that names the culprit, exit code 2, and no file.
program=$1
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
failures=0

rejects() {  # rejects WORD OPTION…: the line must contain WORD
  word=$1
  shift
  "$program" --out "$out/figures" --seeds 1 "$@" >"$out/stdout" 2>"$out/stderr"
  code=$?
  lines=$(wc -l <"$out/stderr")
  if [ "$code" -ne 2 ] || [ "$lines" -ne 1 ] || ! grep -q -e "$word" "$out/stderr" || [ -e "$out/figures" ]; then
    echo "not rejected properly: $* (exit code $code, $lines lines)"
    cat "$out/stderr"
    failures=$((failures + 1))
  fi
}

rejects --nonsense --nonsense
rejects nonsense nonsense
rejects --activation --activation cosine
rejects --activation --activation relu,cosine
rejects --init --init magic
rejects --norm --norm between
rejects --wiring --wiring dense
rejects --figure --figure nothing
rejects --format --format bmp
rejects --depth --depth 0
rejects --depth --depth ten
rejects --width --width 0
rejects --batch --batch -1
rejects --seeds --seeds 1 --seeds 0
rejects --full --quick --full
rejects --figure --figure norm-placement --depth 3
rejects curves --init default,xavier,he,lecun,balanced --norm none,pre,post --depth 2

[ "$failures" -eq 0 ] && echo "all rejected"
exit "$failures"
