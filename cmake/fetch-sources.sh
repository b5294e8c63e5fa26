#!/bin/sh
# Gets the sources of a C or C++ dependency out of the distribution's source packages, laid out so that CMake can take them in
# the place of the upstream release (docs/decisions/0002-hdrhistogram-offline.md).
#
#   fetch-sources.sh NAME DEST         NAME: hdr-histogram, benchmark, libuv, asio or ace; its CMakeLists.txt is in cmake/NAME,
#                                      if upstream has none that serves
#                                      DEST: below build/; left alone when it is current, else replaced as a whole
#
# Needs apt-get, but neither root nor a change of the system's apt configuration: the system's own sources are asked for
# source packages, with lists and cache of our own. Signatures are checked by apt as ever.
# Exit codes: 0 DEST is complete, 1 failed (one line on stderr), 2 usage.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
build=$(dirname -- "$here")/build
helper=/usr/lib/apt/apt-helper

fail() {
    printf 'fetch-sources: %s\n' "$1" >&2
    exit "${2:-1}"
}

# Every entry of the system that offers binaries is asked for $2 instead: deb-src for sources, deb for a package that holds
# them. Options such as Signed-By stay.
write_entries() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        sed -n "s/^[[:space:]]*deb\\([[:space:]]\\)/$2\\1/p" "$file"
    done >"$1/system.list"
    number=0
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        number=$((number + 1))
        sed "s/^[Tt]ypes:.*/Types: $2/" "$file" >"$1/system-$number.sources"
    done
}

# Runs a program of apt ($1) with lists and cache of our own.
with_own_lists() {
    program=$1
    shift
    "$program" \
        -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/entries" \
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" \
        -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 \
        "$@" 2>>"$work/log"
}

apt() {
    with_own_lists apt-get -q "$@" >>"$work/log"
}

# The archive of the upstream release is all that is needed. If another file of the source package is gone, apt fails as a
# whole, so this gets the archive alone. apt's helper compares it with the hash in the signed lists.
get_archive_alone() {
    rm -f -- "$work/package"/*
    with_own_lists apt-get -qq source --download-only --print-uris "$package" >"$work/uris" || return 1
    while read -r uri file _ hash; do
        case $file in
        "$package"_*.orig.tar.*.asc) ;;
        "$package"_*.orig.tar.*)
            uri=${uri#\'}
            with_own_lists "$helper" download-file "${uri%\'}" "$work/package/$file" "$hash" >>"$work/log" && return
            ;;
        esac
    done <"$work/uris"
    return 1
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

# libuv: the upstream release without its tests and pictures. Its own CMakeLists.txt serves.
lay_out_libuv() {
    tar -xf "$1" -C "$work/tree" --strip-components=1 --exclude='*/test' --exclude='*/docs' --exclude='*/img' ||
        fail "the source package of $package cannot be unpacked"
}

# Asio: headers only, which a binary package holds as they are. They must leave /usr/include for a cross-compiler.
lay_out_asio() {
    dpkg-deb -x "$1" "$work/unpacked"
    mv -- "$work/unpacked/usr/include" "$work/tree/include" || fail "the package $package holds no usr/include"
    cp -- "$work/unpacked/usr/share/doc/$package/copyright" "$work/tree/"
}

# ACE: of the release only the library.
lay_out_ace() {
    tar -xf "$1" -C "$work/tree" --strip-components=1 --wildcards --no-wildcards-match-slash '*/ace' '*/COPYING' ||
        fail "the source package of $package holds no ace/"
}

[ $# -eq 2 ] || fail 'usage: fetch-sources.sh NAME DEST' 2
name=$1
entries=deb-src
case $name in
hdr-histogram) package=redis what=HdrHistogram_c lay_out=lay_out_hdr_histogram ;;
benchmark) package=benchmark what='Google Benchmark' lay_out=lay_out_benchmark ;;
libuv) package=libuv1 what=libuv lay_out=lay_out_libuv ;;
asio) package=libasio-dev what=Asio lay_out=lay_out_asio entries=deb ;;
ace) package=ace what=ACE lay_out=lay_out_ace ;;
*) fail "NAME $name: must be hdr-histogram, benchmark, libuv, asio or ace" 2 ;;
esac
shift
mkdir -p -- "$build" "$(dirname -- "$1")"
dest=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd -P)/$(basename -- "$1")
case $dest in
"$(CDPATH='' cd -- "$build" && pwd -P)"/?*) ;;
*) fail "DEST $1: must be below $build" 2 ;;
esac
command -v apt-get >/dev/null 2>&1 || fail 'needs apt-get'

recipe=$(cat -- "$0" "$here/$name"/* 2>/dev/null | cksum)
[ "$(cat -- "$dest/.recipe" 2>/dev/null)" != "$recipe" ] || exit 0
case $entries in
deb) get=download suffix=.deb ;;
*) get='source --download-only' suffix=.orig.tar ;;
esac
echo "iomodels: fetching the sources of $what (apt-get ${get%% *} $package)" >&2
work=$(mktemp -d -- "$dest.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/entries" "$work/lists/partial" "$work/cache/archives/partial" "$work/package" "$work/tree"
write_entries "$work/entries" "$entries"

# A third-party entry without sources makes the update fail as a whole though ours has come: the download decides.
apt update || :
# shellcheck disable=SC2086 # one word an argument
if ! (cd -- "$work/package" && apt $get "$package"); then
    reason=$(sed -n 's/^E: //p' "$work/log" | tail -n 1)
    [ "$entries" = deb-src ] || fail "apt-get ${get%% *} $package: ${reason:-failed}"
    get_archive_alone || fail "apt-get ${get%% *} $package: ${reason:-failed}"
    echo "iomodels: the source package is not complete; its archive alone serves" >&2
fi
set -- "$work/package/${package}"_*"$suffix"*
[ -f "$1" ] || fail "apt-get ${get%% *} $package gave no file $suffix"
if [ "$entries" = deb ]; then
    version=$(dpkg-deb -f "$1" Version)
else
    version=$(cat -- "$work/package/${package}"_*.dsc 2>/dev/null | sed -n 's/^Version: *//p' | tail -n 1)
    archive=${1##*/"$package"_}
    version=${version:-${archive%%.orig.tar*}} # the archive alone has the version of the release
fi
$lay_out "$1"
[ ! -f "$here/$name/CMakeLists.txt" ] || cp -- "$here/$name/CMakeLists.txt" "$work/tree/"
printf '%s from the %s package %s %s, sha256 %s\n' "$what" "$([ "$entries" = deb ] && echo binary || echo source)" \
    "$package" "$version" "$(sha256sum -- "$1" | cut -d ' ' -f 1)" >"$work/tree/ORIGIN"
printf '%s\n' "$recipe" >"$work/tree/.recipe"

rm -rf -- "$dest"
mv -- "$work/tree" "$dest"
