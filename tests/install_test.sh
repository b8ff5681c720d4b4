#!/usr/bin/env bash
# Builds and runs the program in outside/ as a user of the library would.
#   install_test.sh installed BUILD      against a copy that is installed from the build folder BUILD
#   install_test.sh subproject OPTION…   with the sources as a Meson subproject; OPTIONs as -Dxgrad:blas=false
set -euo pipefail
tests=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

fail() {
  printf 'install_test: %s\n' "$*" >&2
  exit 1
}

case ${1-} in
  installed)
    meson install -C "$2" --no-rebuild --destdir "$work/first" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    mv "$work/first" "$work/moved"  # what is installed does not remember where
    include=$(dirname "$(find "$work/moved" -type d -path '*/include/xgrad')")
    packages=$(dirname "$(find "$work/moved" -name xgrad.pc)")

    headers=$(cd "$tests/../lib" && find xgrad -name '*.hpp' | sort)
    installed=$(cd "$include" && find xgrad -type f | sort)
    [ "$headers" = "$installed" ] ||
      fail "the installed files are not the headers: $(diff <(echo "$headers") <(echo "$installed") | grep '^[<>]')"

    export PKG_CONFIG_PATH=$packages
    flags=$(pkg-config --cflags --libs xgrad)
    # shellcheck disable=SC2086  # headers and flags are words
    {
      printf '#include "%s"\n' $headers >"$work/headers.cpp"
      "${CXX:-c++}" -std=c++17 -fsyntax-only "$work/headers.cpp" $flags
      "${CXX:-c++}" -std=c++17 "$tests/outside/main.cpp" -o "$work/outside" $flags
    }
    "$work/outside"
    ;;
  subproject)
    shift
    cp -r "$tests/outside" "$work/outside"
    mkdir "$work/outside/subprojects"
    ln -s "$(dirname "$tests")" "$work/outside/subprojects/xgrad"
    # Not optimised: this is about building at all.
    meson setup "$work/build" "$work/outside" --buildtype=plain --wrap-mode=nodownload "$@"
    meson compile -C "$work/build"
    "$work/build/outside"
    ;;
  *) fail "what to test? installed BUILD, or subproject" ;;
esac
