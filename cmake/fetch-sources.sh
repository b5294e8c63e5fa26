#!/bin/sh
# Gets the sources of a C or C++ dependency out of the distribution's source packages, laid out so that CMake can take them in
# the place of the upstream release (docs/decisions/0002-hdrhistogram-offline.md).
#
#   fetch-sources.sh NAME DEST         NAME: hdr-histogram or benchmark, whose CMakeLists.txt is in cmake/NAME
#                                      DEST: below build/; left alone when it is current, else replaced as a whole
#
# Needs apt-get, but neither root nor a change of the system's apt configuration: the system's own sources are asked for
# source packages, with lists and cache of our own. Signatures are checked by apt as ever.
# Exit codes: 0 DEST is complete, 1 failed (one line on stderr), 2 usage.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
build=$(dirname -- "$here")/build

fail() {
    printf 'fetch-sources: %s\n' "$1" >&2
    exit "${2:-1}"
}

# Every entry of the system that offers binaries is asked for sources instead; options such as Signed-By stay.
write_source_entries() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        sed -n 's/^[[:space:]]*deb\([[:space:]]\)/deb-src\1/p' "$file"
    done >"$1/system.list"
    number=0
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        number=$((number + 1))
        sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$1/system-$number.sources"
    done
}

apt() {
    apt-get -q \
        -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/entries" \
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" \
        -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
        "$@" >>"$work/log" 2>&1
}

# HdrHistogram_c, which the source package of Redis carries unchanged but for the allocator: $1 is its archive.
lay_out_hdr_histogram() {
    mkdir "$work/unpacked"
    tar -xf "$1" -C "$work/unpacked" --strip-components=3 --wildcards '*/deps/hdr_histogram/*' ||
        fail "the source package of $package no longer carries deps/hdr_histogram"
    mkdir -p "$work/tree/include/hdr" "$work/tree/src"
    cp -- "$work/unpacked/hdr_histogram.h" "$work/tree/include/hdr/"
    cp -- "$work/unpacked/hdr_histogram.c" "$work/unpacked/hdr_atomic.h" "$work/unpacked/hdr_tests.h" "$work/tree/src/"
    cp -- "$work/unpacked/LICENSE.txt" "$work/unpacked/COPYING.txt" "$work/tree/"
    cp -- "$here/hdr-histogram/hdr_malloc.h" "$work/tree/src/"
}

# Google Benchmark: the library's part of the upstream release.
lay_out_benchmark() {
    tar -xf "$1" -C "$work/tree" --strip-components=1 --wildcards '*/include/*' '*/src/*' '*/LICENSE' ||
        fail "the source package of $package holds no include/ and src/"
    printf '%s\n' "${version%%-*}" >"$work/tree/VERSION"
}

[ $# -eq 2 ] || fail 'usage: fetch-sources.sh NAME DEST' 2
name=$1
case $name in
hdr-histogram) package=redis what=HdrHistogram_c lay_out=lay_out_hdr_histogram ;;
benchmark) package=benchmark what='Google Benchmark' lay_out=lay_out_benchmark ;;
*) fail "NAME $name: must be hdr-histogram or benchmark" 2 ;;
esac
shift
mkdir -p -- "$build" "$(dirname -- "$1")"
dest=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd -P)/$(basename -- "$1")
case $dest in
"$(CDPATH='' cd -- "$build" && pwd -P)"/?*) ;;
*) fail "DEST $1: must be below $build" 2 ;;
esac
command -v apt-get >/dev/null 2>&1 || fail 'needs apt-get'

recipe=$(cat -- "$0" "$here/$name"/* | cksum)
[ "$(cat -- "$dest/.recipe" 2>/dev/null)" != "$recipe" ] || exit 0
echo "iomodels: fetching the sources of $what (apt-get source $package)" >&2
work=$(mktemp -d -- "$dest.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/entries" "$work/lists/partial" "$work/cache/archives/partial" "$work/package" "$work/tree"
write_source_entries "$work/entries"

# A third-party entry without sources makes the update fail as a whole though ours has come: the download decides.
apt update || :
if ! (cd -- "$work/package" && apt source --download-only "$package"); then
    reason=$(sed -n 's/^E: //p' "$work/log" | tail -n 1)
    fail "apt-get source $package: ${reason:-failed}"
fi
set -- "$work/package/${package}"_*.orig.tar.*
[ -f "$1" ] || fail "the source package of $package holds no .orig.tar"
version=$(sed -n 's/^Version: *//p' "$work/package/${package}"_*.dsc | tail -n 1)
$lay_out "$1"
cp -- "$here/$name/CMakeLists.txt" "$work/tree/"
printf '%s from the source package %s %s\n' "$what" "$package" "$version" >"$work/tree/ORIGIN"
printf '%s\n' "$recipe" >"$work/tree/.recipe"

rm -rf -- "$dest"
mv -- "$work/tree" "$dest"
