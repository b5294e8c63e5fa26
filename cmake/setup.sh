# shellcheck shell=sh disable=SC2154 # $root and $no_install are the caller's
# Set-up, sourced by ../iomodels: packages, Python, sources of dependencies, build. Each step looks first and does nothing
# when nothing is to be done. Expects $root, $no_install and $assume_yes; sets $python. Every failure ends in one clear line, exit 1.

build=$root/build
packages=$root/cmake/packages.debian

say() {
    printf 'iomodels: %s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Prints column $2 of the package list for the need $1 (run; micro and references: also what those need; test: everything but
# references). A Wine of the user's own replaces ours.
listed() {
    awk -v need="$1" -v column="$2" -v own_wine="${IOMODELS_WINE:-}" '
        /^#/ || NF < 3 || ($1 != "run" && $1 != need && (need != "test" || $1 == "references")) || (own_wine != "" && $2 ~ /^wine/) { next }
        { print $column }' "$packages"
}

# ---- packages ----

missing_packages() {
    listed "$1" 2 | sort >"$build/setup/wanted"
    # shellcheck disable=SC2046 # one word a package
    dpkg-query -W -f '${Package} ${db:Status-Status}\n' $(cat "$build/setup/wanted") 2>/dev/null |
        sed -n 's/ installed$//p' | sort -u >"$build/setup/installed"
    comm -23 "$build/setup/wanted" "$build/setup/installed" | tr '\n' ' ' | sed 's/ $//'
}

missing_commands() {
    listed "$1" 3 | sed -n 's/^command://p' | while read -r command; do
        command -v "$command" >/dev/null 2>&1 || printf '%s ' "$command"
    done | sed 's/ $//'
}

# Runs apt-get as root; its own words go to the log, the terminal gets a line every 20 %. The progress has a descriptor of
# its own, opened behind sudo (which closes all but three); apt would close descriptor 1 to the packages' scripts.
apt_get() {
    reading=
    case $(awk -W version 2>&1 </dev/null) in
    mawk*) reading=interactive ;; # Debian's awk, which else waits for a whole buffer before it shows a line
    esac
    # shellcheck disable=SC2016 # the inner shell expands
    {
        code=0
        $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 sh -c 'exec apt-get "$@" 3>&1' apt-get -q -y \
            -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1 9>&- || code=$?
        echo "$code" >"$build/setup/apt.code"
    } | awk ${reading:+-W "$reading"} -v log_file="$build/setup/apt.log" '
        BEGIN { what["dlstatus"] = "downloading"; what["pmstatus"] = "installing" }
        match($0, /^(dlstatus|pmstatus):[^ ]*:[0-9.]+:/) {
            count = split(substr($0, 1, RLENGTH - 1), field, ":")
            step = int(field[count] / 20) * 20
            if (step > shown[field[1]]) { printf "iomodels:   %s %d %%\n", what[field[1]], step; fflush(); shown[field[1]] = step }
            next
        }
        { print >>log_file; fflush(log_file) }' >&2
    [ "$(cat "$build/setup/apt.code")" -eq 0 ]
}

apt_failure() {
    reason=$(sed -n 's/^\(E: \|sudo: \)//p' "$build/setup/apt.log" | tail -n 1)
    fail "installing failed: ${reason:-see the log} (whole log: $build/setup/apt.log)"
}

update_lists() {
    say '  updating the package lists'
    apt_get update || apt_failure
}

# What apt would download and install for the packages $@, as " (143 with those that they need; 312 MB of downloads)"; nothing
# if its lists are missing. It changes nothing and needs no root.
extent() {
    LC_ALL=C apt-get install -s --no-install-recommends "$@" 2>/dev/null >"$build/setup/extent" || return 0
    LC_ALL=C apt-get install --assume-no -o Debug::NoLocking=1 --no-install-recommends "$@" 2>/dev/null </dev/null >>"$build/setup/extent" || :
    awk '/^Inst / { count++ }
        /^Need to get / { size = $4 " " $5; sub(/\/.*/, "", size) }
        END { if (count) printf " (%d with those that they need%s)", count, size ? "; " size " of downloads" : "" }' "$build/setup/extent"
}

# Asks before sudo is used on a terminal; the word `setup --yes` has answered.
ask_for_root() {
    [ -z "$assume_yes" ] || return 0
    printf 'iomodels: install them with sudo? [y/N] ' >&2
    answer=
    read -r answer || echo >&2
    case $answer in
    y | Y | yes | Yes | YES) ;;
    *) fail "nothing was installed; without a question: ./iomodels setup --yes, or as root: $1" ;;
    esac
}

install_packages() {
    as_root=
    say "these packages are missing: $*$(extent "$@")"
    if [ "$(id -u)" -ne 0 ]; then
        as_root='sudo -n'
        if [ -t 0 ] && [ -t 2 ]; then
            as_root=sudo
            ask_for_root "apt-get install --no-install-recommends $*"
        fi
    fi
    say "installing them with ${as_root:+sudo }apt-get (Ctrl-C stops, --no-install never installs)"
    : >"$build/setup/apt.log"
    updated=
    if ! apt-get install -s --no-install-recommends "$@" >/dev/null 2>&1; then
        update_lists
        updated=yes
    fi
    apt_get install --no-install-recommends "$@" && return
    # Lists older than the archive name files that are gone.
    [ -z "$updated" ] || apt_failure
    grep -q -e 'Failed to fetch' -e 'Unable to fetch' "$build/setup/apt.log" || apt_failure
    update_lists
    apt_get install --no-install-recommends "$@" || apt_failure
}

ensure_packages() {
    if ! command -v apt-get >/dev/null 2>&1; then
        missing=$(missing_commands "$1")
        [ -z "$missing" ] || fail "missing: $missing; there is no apt here, so install what Debian calls: $(listed "$1" 2 | tr '\n' ' ')"
        return 0
    fi
    missing=$(missing_packages "$1")
    [ -n "$missing" ] || return 0
    command="apt-get install --no-install-recommends $missing"
    [ -z "$no_install" ] || fail "packages are missing: $missing; omit --no-install to install them"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        fail "packages are missing and sudo is not installed; run as root: $command"
    fi
    # shellcheck disable=SC2086 # one word a package
    install_packages $missing
}

# ---- Python ----

# True if interpreter $1 is new enough and finds every module of need $2; finding is quick, importing takes a second.
python_serves() {
    [ -x "$1" ] || return 1
    # shellcheck disable=SC2046 # one word a module
    "$1" -c '
import sys
from importlib.util import find_spec
found = all((spec := find_spec(name)) and spec.origin for name in sys.argv[1:])
sys.exit(sys.version_info < (3, 11) or not found)' $(listed "$2" 3 | sed -n 's/^module://p') 2>/dev/null
}

python_new_enough() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

ensure_python() {
    for python in /usr/bin/python3 "$build/venv/bin/python"; do
        ! python_serves "$python" "$1" || return 0
    done
    modules=$(listed "$1" 3 | sed -n 's/^module://p' | tr '\n' ' ')
    [ -z "$no_install" ] || fail "no Python >= 3.11 with these modules, which \`./iomodels setup\` installs: $modules"
    base=$(python_new_enough) || fail 'needs Python 3.11 or newer on PATH'
    say "making a Python environment in build/venv ($modules)"
    log=$build/setup/venv.log
    {
        "$base" -m venv "$build/venv" &&
            "$build/venv/bin/python" -c '
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
print("\n".join(project["dependencies"] + project["optional-dependencies"]["test"]))' "$root/pyproject.toml" >"$build/setup/requirements.txt" &&
            "$build/venv/bin/python" -m pip install --disable-pip-version-check -r "$build/setup/requirements.txt"
    } >"$log" 2>&1 </dev/null || fail "making the Python environment failed: $(tail -n 1 "$log") (whole log: $log)"
    python=$build/venv/bin/python
    python_serves "$python" "$1" || fail "the Python environment in $build/venv lacks one of: $modules"
}

# Sets $ruff to the formatter and linter of Python, in the version that pyproject.toml pins. Debian does not package it, so
# it is installed from PyPI into build/tools, on first use by `./iomodels test style`.
ensure_ruff() {
    version=$(sed -n 's/^style = \["ruff==\([0-9.]*\)"\].*/\1/p' "$root/pyproject.toml")
    [ -n "$version" ] || fail 'pyproject.toml pins no version of ruff (style = ["ruff==VERSION"])'
    for ruff in "$build/tools/bin/ruff" "$(command -v ruff)"; do
        [ "$("$ruff" --version 2>/dev/null)" != "ruff $version" ] || return 0
    done
    [ -z "$no_install" ] || fail "ruff $version is not installed; \`./iomodels test style\` without --no-install installs it into build/tools"
    say "installing ruff $version into build/tools"
    log=$build/setup/ruff.log
    mkdir -p "$build/setup"
    {
        "$python" -m venv --clear "$build/tools" &&
            "$build/tools/bin/python" -m pip install --disable-pip-version-check "ruff==$version"
    } >"$log" 2>&1 </dev/null || fail "installing ruff $version failed: $(tail -n 1 "$log") (whole log: $log)"
    ruff=$build/tools/bin/ruff
}

# Sets $browser_python to a Python with Playwright and axe-core, in the versions that pyproject.toml pins, and provides
# Chromium. Both take half a gigabyte, so only `./iomodels test browser` asks for them.
ensure_browser() {
    if ! command -v chromium >/dev/null 2>&1 && ! command -v google-chrome >/dev/null 2>&1; then
        [ -z "$no_install" ] || fail 'chromium is not installed; omit --no-install to install it'
        command -v apt-get >/dev/null 2>&1 || fail 'chromium is not installed; install it, as there is no apt here'
        install_packages chromium
    fi
    wanted=$(sed -n 's/^browser = \[\(.*\)\].*/\1/p' "$root/pyproject.toml" | tr -d '",')
    [ -n "$wanted" ] || fail 'pyproject.toml pins nothing for the browser (browser = ["NAME==VERSION", ...])'
    browser_python=$build/browser/bin/python
    [ "$(cat "$build/browser/made-for" 2>/dev/null)" != "$wanted" ] || return 0
    [ -z "$no_install" ] || fail "missing: $wanted; \`./iomodels test browser\` without --no-install installs them into build/browser"
    say "installing $wanted into build/browser"
    log=$build/setup/browser.log
    mkdir -p "$build/setup"
    # shellcheck disable=SC2086 # one word a package
    {
        "$python" -m venv --clear --system-site-packages "$build/browser" &&
            "$browser_python" -m pip install --disable-pip-version-check $wanted
    } >"$log" 2>&1 </dev/null || fail "installing $wanted failed: $(tail -n 1 "$log") (whole log: $log)"
    echo "$wanted" >"$build/browser/made-for"
}

# Sets $cluster_versions to the versions of Dask distributed that pyproject.toml lists. For each it makes an environment
# build/cluster/VERSION, which `./iomodels test cluster` runs its tests with.
ensure_cluster() {
    cluster_versions=$(sed -n 's/^distributed = \[\(.*\)\].*/\1/p' "$root/pyproject.toml" | tr -d '",')
    [ -n "$cluster_versions" ] || fail 'pyproject.toml lists no version of distributed (distributed = ["VERSION", ...])'
    for version in $cluster_versions; do
        folder=$build/cluster/$version
        needs="distributed==$version cryptography libfaketime"
        [ "$(cat "$folder/made-for" 2>/dev/null)" != "$needs" ] || continue
        [ -z "$no_install" ] || fail "missing: distributed $version; \`./iomodels test cluster\` without --no-install installs it into build/cluster"
        say "installing distributed $version into build/cluster"
        log=$build/setup/cluster.log
        mkdir -p "$build/setup"
        {
            # shellcheck disable=SC2086 # words
            "$python" -m venv --clear --system-site-packages "$folder" &&
                "$folder/bin/python" -m pip install --disable-pip-version-check $needs
        } >"$log" 2>&1 </dev/null || fail "installing distributed $version failed: $(tail -n 1 "$log") (whole log: $log)"
        echo "$needs" >"$folder/made-for"
    done
}

# ---- build ----

# What a configured build tree depends on besides the files CMake watches itself; a moved checkout counts as a change.
configuration() {
    (
        cd -- "$root" && pwd -P
        cksum CMakePresets.json cmake/*.cmake cmake/fetch-sources.sh cmake/hdr-histogram/* cmake/benchmark/* cmake/ace/*
    )
}

# Provides the sources of the dependency $1; false: CMake is to download the upstream release.
ensure_source() {
    command -v apt-get >/dev/null 2>&1 || return 1
    "$root/cmake/fetch-sources.sh" "$1" "$build/deps/$1" && return
    say 'apt could not provide them; CMake will try the upstream release'
    return 1
}

ensure_sources() {
    hdr_option=
    benchmark_option=
    ! ensure_source hdr-histogram || hdr_option=-DFETCHCONTENT_SOURCE_DIR_HDRHISTOGRAM=$build/deps/hdr-histogram
    case $1 in
    micro-*) ! ensure_source benchmark || benchmark_option=-DFETCHCONTENT_SOURCE_DIR_GOOGLEBENCHMARK=$build/deps/benchmark ;;
    references*) # CMake finds them by itself, and leaves out what it does not find
        for framework in libuv asio ace; do
            ensure_source "$framework" || :
        done
        ensure_hpsocket
        ;;
    esac
}

# Provides the DLL of HP-Socket from the wheel that references/hpsocket.txt pins by its hash. Without it one program is left out.
ensure_hpsocket() {
    folder=$build/deps/hpsocket
    cmp -s "$root/references/hpsocket.txt" "$folder/made-for" && return
    say 'fetching HP-Socket from PyPI'
    mkdir -p "$folder"
    hpsocket_log=$build/setup/hpsocket.log
    if {
        "$python" -m venv --clear "$folder/venv" &&
            "$folder/venv/bin/python" -m pip download --disable-pip-version-check --no-deps --require-hashes \
                -d "$folder" -r "$root/references/hpsocket.txt" &&
            "$python" -c 'import sys, zipfile
name = "HPSocket4C_amd64_64.dll"
with zipfile.ZipFile(sys.argv[1]) as wheel, open(f"{sys.argv[2]}/{name}", "wb") as library:
    library.write(wheel.read(f"HPSocket/{name}"))' "$folder"/HPSocket-*.whl "$folder"
    } >"$hpsocket_log" 2>&1 </dev/null; then
        cp -- "$root/references/hpsocket.txt" "$folder/made-for"
    else
        say "HP-Socket did not come: $(tail -n 1 "$hpsocket_log") (whole log: $hpsocket_log)"
    fi
    rm -rf -- "$folder/venv"
}

build_preset() {
    log=$build/$1.log
    stamp=$build/$1/.configured
    ! grep -qs ': not built: no ' "$build/$1/references.txt" || rm -f -- "$stamp" # it may be there now
    if ! [ -f "$stamp" ] || [ "$(cat "$stamp")" != "$configured" ]; then
        ensure_sources "$1"
        say "building $1"
        cmake --fresh --preset "$1" ${hdr_option:+"$hdr_option"} ${benchmark_option:+"$benchmark_option"} \
            ${werror:+"$werror"} >"$log" 2>&1 </dev/null || build_failure "$1"
        report_references "$1"
        printf '%s\n' "$configured" >"$stamp"
    elif [ -n "$werror" ] && ! grep -q '^IOMODELS_WERROR:BOOL=ON' "$build/$1/CMakeCache.txt"; then
        cmake --preset "$1" "$werror" >"$log" 2>&1 </dev/null || build_failure "$1"
    fi
    cmake --build --preset "$1" ${target:+--target "$target"} >"$log" 2>&1 </dev/null || build_failure "$1"
}

# Says which reference servers the preset leaves out, and why.
report_references() {
    [ -f "$build/$1/references.txt" ] || return 0
    sed -n '/: not built: /p' "$build/$1/references.txt" | while read -r line; do
        say "$1: $line"
    done
}

build_failure() {
    tail -n 25 "$log" >&2
    fail "building $1 failed (whole log: $log)"
}

build_presets() {
    cd -- "$root" || exit 1
    if command -v apt-get >/dev/null 2>&1; then # sources that are gone
        [ -f "$build/deps/hdr-histogram/CMakeLists.txt" ] || rm -f "$build"/*/.configured
        [ -f "$build/deps/benchmark/CMakeLists.txt" ] || rm -f "$build"/micro-*/.configured
    fi
    configured=$(configuration)
    for preset; do
        build_preset "$preset"
    done
}

# True if the folder $1 is there, or can be made, and files can be made in it.
writable() {
    mkdir -p "$1" 2>/dev/null && [ -w "$1" ]
}

# setup NEED PRESET...: one at a time in a checkout.
setup() {
    need=$1
    shift
    case $(uname -m) in
    x86_64 | amd64) ;;
    *) fail "needs an x86-64 machine: the Windows programs are built for it (this is $(uname -m))" ;;
    esac
    # CMake splits at ; and Ninja at |, Windows (so Wine) forbids " \ * ? < > in names, PYTHONPATH splits at the colon, and Ninja
    # 1.11 reads no name with ' & ` ^ from a compiler's list of headers: it would build everything at every start.
    case $root in
    *[\"\;\|\\:*?\<\>\'\&\`^]*) fail "move this checkout: its path has one of  \" ' ; & | \\ : * ? < > ^ \`  which CMake, Ninja or Wine cannot take: $root" ;;
    esac
    writable "$build/setup" || fail "$build: cannot be written; copy this checkout to a folder of your own"
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$build/setup/lock"
        if ! flock -n 9; then
            say 'waiting for another set-up in this checkout'
            flock -w 1800 9 || fail "another set-up holds $build/setup/lock for 30 minutes now"
        fi
    fi
    werror=
    target=
    [ "$need" != test ] || werror=-DIOMODELS_WERROR=ON
    [ "$need" != run ] || target=programs
    ensure_packages "$need"
    ensure_python "$need"
    (build_presets "$@") || exit 1
    exec 9>&-
}
