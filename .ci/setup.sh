# Sourced by tutorials/run, tests/run and .ci/run: finds or installs the tools, sets up and builds.
# Afterwards `root` is the project's folder and the working directory; functions below do the rest.
# shellcheck shell=bash disable=SC2034,SC2016

set -euo pipefail
unset CDPATH
if [ "$(locale charmap 2>/dev/null)" != UTF-8 ]; then export LC_ALL=C.UTF-8; fi  # or gnuplot loses its Greek
# ccache, where it is used, stores what a precompiled header goes into only when it is told so.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
script=$(basename -- "$(dirname -- "$0")")/$(basename -- "$0")  # tests/run
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
for name in XGRAD_BUILD XGRAD_MNIST; do  # folders that the user named relative to where the script was called
  case ${!name-} in '' | /*) ;; *) export "$name=$PWD/${!name}" ;; esac
done
cd -- "$root"
trap 'printf "\nStopped. Run the same command again to go on.\n" >&2; exit 130' INT

# What is needed: how it is recognised | the Debian package that brings it.
# A word is a command, NAME.pc a pkg-config module, <NAME> a C++ header, NAME.py a module of Debian's Python.
build_needs='
c++ | g++
pkg-config | pkg-config
meson | meson
ninja | ninja-build
python3 | python3
<xtensor/xtensor.hpp> | libxtensor-dev
xtensor.pc | libxtensor-dev
<xflens/cxxblas/cxxblas.cxx> | libxtensor-blas-dev
openblas.pc | libopenblas-dev
CLI11.pc | libcli11-dev
zlib.pc | zlib1g-dev
<boost/test/unit_test.hpp> | libboost-test-dev
nlohmann_json.pc | nlohmann-json3-dev
protobuf.pc | libprotobuf-dev
protoc | protobuf-compiler
'
figure_needs='
gnuplot | gnuplot-nox
'

say() { printf '%s\n' "$*"; }
die() {  # die CODE MESSAGE…
  local code=$1
  shift
  printf '%s: %s\n' "$script" "$*" >&2
  exit "$code"
}

present() {  # present HOW: is it there?
  case $1 in
    *.pc) pkg-config --exists "${1%.pc}" 2>/dev/null ;;
    *.py) /usr/bin/python3 -c "import importlib.util as i; exit(not i.find_spec('${1%.py}'))" 2>/dev/null ;;
    '<'*) printf '#include %s\n' "$1" | c++ -std=c++17 -E -x c++ -o /dev/null - 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

missing() {  # missing NEEDS: the lines of NEEDS that are not there, as HOW|PACKAGE
  local how package
  while IFS='|' read -r how package; do
    how=${how// /} package=${package// /}
    if [ -n "$how" ] && ! present "$how"; then say "$how|$package"; fi
  done <<<"$1"
}

debian_like() (  # Debian and its children share package names
  [ -r /etc/os-release ] && . /etc/os-release && command -v apt-get >/dev/null &&
    case " ${ID:-} ${ID_LIKE:-} " in *' debian '*) true ;; *) false ;; esac
)

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

show_apt_progress() {  # reads APT::Status-Fd lines, shows "  installing  42 %"
  local kind percent what last='' step=10
  if [ -t 1 ]; then step=1; fi
  while IFS=: read -r kind _ percent _; do
    case $kind in
      dlstatus) what=fetching ;;
      pmstatus) what=installing ;;
      *) continue ;;
    esac
    percent=${percent%%.*}
    [[ $percent =~ ^[0-9]+$ ]] || continue
    percent=$((percent / step * step))
    if [ "$what$percent" != "$last" ]; then
      if [ -t 1 ]; then printf '\r  %-10s %3d %%' "$what" "$percent"; else say "  $what $percent %"; fi
    fi
    last=$what$percent
  done
  if [ -t 1 ]; then printf '\r%30s\r' ''; fi
}

install_packages() {  # install_packages PACKAGE…
  local log status
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die 1 "something is missing. As root, run: apt-get update && apt-get install --no-install-recommends $*"
  fi
  say "Installing with apt-get: $*"
  log=$(mktemp)
  # An interrupted installation is completed first; old package lists are renewed; a source that cannot be
  # reached does not matter as long as the packages can be had.
  as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >"$log" 2>&1 || true
  as_root apt-get update -q >>"$log" 2>&1 || true
  { as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C sh -c 'exec apt-get install -q -y --no-install-recommends \
      -o APT::Status-Fd=3 -o DPkg::Lock::Timeout=300 "$@" 3>&1 >>"$0" 2>&1 </dev/null' "$log" "$@"; } |
    show_apt_progress && status=0 || status=1
  if [ $status != 0 ]; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    die 1 "apt-get could not install what is missing (its last lines are above)"
  fi
  rm -f "$log"
}

need() {  # need NEEDS…: all of them are there afterwards, or the program ends with the list of what is not
  local all absent
  all=$(printf '%s\n' "$@")
  absent=$(missing "$all")
  [ -z "$absent" ] && return
  if debian_like; then
    # shellcheck disable=SC2046  # one package name a word
    install_packages $(say "$absent" | cut -d'|' -f2 | sort -u)
    absent=$(missing "$all")
    [ -z "$absent" ] && return
  fi
  {
    say "These are needed and were not found:"
    say "$absent" | while IFS='|' read -r how package; do
      printf '  %-32s Debian package %s\n' "$how" "$package"
    done
    say 'Install them with your package manager (NAME.pc is a pkg-config module, <NAME> a C++ header), then run'
    say 'the same command again.'
  } >&2
  exit 1
}

default_build_folder() {  # build/ here, or in the cache of a user who may only read this folder
  if [ -w "$root" ]; then
    say "$root/build"
  else
    say "${XDG_CACHE_HOME:-$HOME/.cache}/xgrad/build-$(printf '%s' "$root" | cksum | cut -d' ' -f1)"
  fi
}

# configure FOLDER [MESON ARGUMENT…]: a build folder that fits these sources. An interrupted set-up, or a folder
# that was copied from elsewhere, is made anew.
configure() {
  local folder=$1 info=$1/meson-info/meson-info.json
  shift
  mkdir -p -- "$folder"
  if [ -f "$folder/build.ninja" ] && grep -qF "\"source\": \"$root\"" "$info" 2>/dev/null; then return; fi
  if [ -d "$folder/meson-private" ]; then
    find "$folder" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
  elif find "$folder" -mindepth 1 ! -name .lock | grep -q .; then
    die 1 "$folder is not empty and no build folder of ours: move it away"
  fi
  say "Setting up $folder"
  local log
  log=$(mktemp)
  if ! meson setup "$folder" "$root" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die 1 "meson setup failed (its output is above)"
  fi
  rm -f "$log"
}

# compile FOLDER [TARGET…]: with progress. Targets are paths in the folder.
compile() {
  local folder=$1
  shift
  NINJA_STATUS='[%f/%t] ' ninja -C "$folder" "$@" || die 1 "the build failed (see above)"
}

# Two runs at once in one build folder would disturb each other: the second waits. A script that another one of
# ours has called is covered by the caller's lock.
lock_build_folder() {
  mkdir -p -- "$1"
  if [ "${XGRAD_LOCKED-}" = "$1" ]; then return; fi
  export XGRAD_LOCKED=$1
  command -v flock >/dev/null || return 0
  exec 9>"$1/.lock"
  if ! flock -n 9; then
    say "Waiting for another run in $1 to end"
    flock 9
  fi
}
