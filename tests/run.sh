# shellcheck shell=sh
# `iomodels test`, sourced by ../iomodels. Every part runs, also after one that failed, and a table of
# all comes last. tidy, references and cluster take minutes, and browser downloads much: they run only if named.
# Expects $root, $build, $no_install and the functions of cmake/setup.sh.
# "$@": [PART...] [-- PYTEST OPTIONS].

every_part='host sanitize fuzz mingw portable style mypy py servers micro e2e windows'
named_parts='tidy browser references cluster native native-asan native-tsan mutants chaos rounds attempts'
parts=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case " $every_part $named_parts " in
    *" $1 "*) parts="$parts $1" ;;
    *)
        wrong_usage "unknown part of the tests: $1 \
(one of: $every_part $named_parts; options of pytest go after --)"
        ;;
    esac
    shift
done
[ $# -eq 0 ] || shift # what is left is for pytest
parts=${parts:-$every_part}

presets='host mingw'
for part in $parts; do
    case $part in
    sanitize | fuzz) presets="$presets $part" ;;
    native-asan) presets="$presets sanitize" ;;
    native-tsan) presets="$presets tsan" ;;
    portable | tidy) presets="$presets mingw32 micro-mingw" ;;
    micro) presets="$presets micro-host micro-mingw" ;;
    references) presets="$presets references references-mingw" ;;
    esac
done
# the programs that the suite of the servers tests, if not the usual ones
[ "${IOMODELS_PRESET:-}" != checked ] || presets="$presets checked"
# shellcheck disable=SC2086 # one word a preset
setup test $presets

cd -- "$root"
export PYTHONPATH="$root/harness"
logs=$build/test
mkdir -p "$logs"
failed=0

# clang-format checks the layout of C, shellcheck shell scripts, ruff layout and rules of Python.
check_style() {
    ensure_ruff
    bad=0
    find common servers loadgen laws microbench references tests \( -name '*.[ch]' -o -name '*.cpp' \) \
        -exec clang-format --dry-run -Werror {} + || bad=1
    shellcheck -x iomodels cmake/wine-run cmake/fetch-sources.sh .ci/run .githooks/* || bad=1
    "$ruff" format --check . || bad=1
    "$ruff" check . || bad=1
    [ "$bad" -eq 0 ] && echo 'Success: no complaint of clang-format, shellcheck and ruff'
}

ctest_preset() {
    ctest --preset "$1" --parallel "$(getconf _NPROCESSORS_ONLN)"
}

# Print how many tests of a part run concurrently. Those with servers mostly wait. 0: pytest runs
# them in turn, without a process of its own.
side_by_side() {
    case $1 in
    py) getconf _NPROCESSORS_ONLN ;;
    e2e | references) echo $(($(getconf _NPROCESSORS_ONLN) + 1)) ;;
    servers) echo $((2 * $(getconf _NPROCESSORS_ONLN))) ;;
    *) echo 0 ;;
    esac
}

# The conformance of the models of Linux. ThreadSanitizer ends a program whose random layout leaves it no room.
check_native() {
    case $1 in
    native) set -- host env "$@" ;;
    native-asan) set -- sanitize env "$@" ;;
    native-tsan) # It needs a descriptor to look up the names that the suppressions use, and memory of its own that grows.
        set -- tsan 'setarch --addr-no-randomize' "$@" \
            --deselect tests/servers/test_resources.py::test_no_more_sockets \
            --deselect tests/servers/test_resources.py::test_storms_of_short_connections \
            --deselect tests/servers/test_hostile.py::test_client_that_never_reads
        ;;
    esac
    preset=$1 start=$2
    shift 3
    # shellcheck disable=SC2086 # a command of two words
    TSAN_OPTIONS="suppressions=$root/tests/servers/tsan.supp" \
        $start "$build/$preset/bin/test_kit" </dev/null || return 1
    set -- --ignore-glob='*/test_system.py' "$@" # of the Windows programs, like these four
    for name in broken capacity endurance exhibition; do
        set -- --ignore-glob="*/test_$name.py" "$@"
    done
    # shellcheck disable=SC2086 # a command of two words
    # AddressSanitizer keeps freed memory for a while, which looks like a leak.
    ASAN_OPTIONS=quarantine_size_mb=0:thread_local_quarantine_size_kb=0 TSAN_OPTIONS="history_size=7:suppressions=$root/tests/servers/tsan.supp" \
        IOMODELS_NATIVE=$preset $start "$python" -m pytest --numprocesses "$(side_by_side servers)" \
        tests/servers "$@"
}

# Every test of the cluster with each version of Dask; the last line has the result of each.
check_cluster() {
    ensure_cluster
    bad=0
    result=
    for version in $cluster_versions; do
        printf '\n-- distributed %s\n' "$version"
        if "$build/cluster/$version/bin/python" -m pytest -rs --durations=5 tests/cluster "$@"; then
            result="$result distributed $version passed;"
        else
            result="$result distributed $version failed;"
            bad=1
        fi
    done
    printf '%s\n' "$result"
    return "$bad"
}

# The library that lets the clock jump, in the version that pyproject.toml pins, in build/faketime. Debian 12's is older: with
# it a sleep until a time fails. Without the library chaos leaves that event out.
ensure_faketime() {
    wanted=$(sed -n 's/^chaos = \["\(libfaketime==[0-9.]*\)"\].*/\1/p' pyproject.toml)
    [ "$(cat "$build/faketime/made-for" 2>/dev/null)" != "$wanted" ] || return 0
    if [ -n "$no_install" ]; then
        echo "chaos: missing: $wanted, so the clock does not jump; \`./iomodels test chaos\` without --no-install installs it"
        return 0
    fi
    say "installing $wanted into build/faketime"
    log=$build/setup/faketime.log
    mkdir -p "$build/setup"
    rm -rf "$build/faketime"
    "$python" -m pip install --disable-pip-version-check --target "$build/faketime" "$wanted" >"$log" 2>&1 </dev/null ||
        fail "installing $wanted failed: $(tail -n 1 "$log") (whole log: $log)"
    echo "$wanted" >"$build/faketime/made-for"
}

run_part() {
    case $1 in
    host | sanitize) ctest_preset "$1" ;;
    fuzz)
        shift
        case " $* " in
        *' --minutes'*) "$python" tests/fuzz/keep_fuzzing.py "$@" ;;
        *) ctest_preset fuzz ;; # seconds
        esac
        ;;
    mingw)
        ctest_preset mingw
        code=$?
        cmake/wine-run --stop
        return $code
        ;;
    style) check_style ;;
    portable) "$python" tests/portable.py ;;
    tidy) "$python" tests/portable.py --tidy ;;
    mypy) "$python" -m mypy --strict ;;
    native | native-asan | native-tsan) check_native "$@" ;;
    windows)
        shift
        IOMODELS_NO_INSTALL=$no_install "$python" -m pytest -rs --durations=5 tests/windows "$@"
        ;;
    browser)
        shift
        ensure_browser
        "$browser_python" -m pytest -rs --durations=5 tests/browser "$@"
        ;;
    cluster)
        shift
        check_cluster "$@"
        ;;
    references)
        shift
        "$python" -m pytest -rsx --numprocesses "$(side_by_side references)" tests/references "$@"
        ;;
    mutants)
        shift
        "$python" tests/mutants/mutate.py "$@"
        ;;
    chaos)
        shift
        ensure_faketime
        "$python" tests/chaos/chaos.py "$@"
        ;;
    rounds)
        shift
        "$python" tests/rounds/rounds.py "$@"
        ;;
    attempts)
        shift
        "$python" tests/attempts/attempts.py "$@"
        ;;
    *)
        part=$1
        shift
        folders=tests/$part
        # these two share the launcher and the servers
        [ "$part" != servers ] || folders="$folders tests/loadgen"
        # a file of e2e shares one run among its tests
        [ "$part" != e2e ] || set -- --dist loadfile "$@"
        # shellcheck disable=SC2086 # one word a folder
        "$python" -m pytest --numprocesses "$(side_by_side "$part")" $folders "$@"
        ;;
    esac
}

# The rig of the part windows mostly waits, for the network and for Wine. So it is made meanwhile.
rig=
zig=
rig_s=400
case " $parts " in
*' windows '*)
    (
        code=0
        IOMODELS_NO_INSTALL=$no_install timeout "$rig_s" "$python" tests/windows/rig.py || code=$?
        [ "$code" -ne 124 ] || echo "it was not made within $rig_s s" >"$build/windows/reason"
    ) >"$logs/rig.log" 2>&1 </dev/null &
    rig=$!
    ;;
esac

# zig takes what parts that mostly wait leave of the CPUs. Its smoke test does what is not done by then.
start_zig() {
    case " $parts " in
    *' windows '*)
        nice -n 19 timeout 600 "$python" cmake/wheels.py --programs select >"$logs/zig.log" 2>&1 </dev/null &
        zig=$!
        ;;
    esac
}

for part in $parts; do
    printf '\n== %s\n' "$part"
    started=$(date +%s)
    [ "$part" != servers ] || [ -n "$no_install" ] || start_zig
    if [ "$part" = windows ]; then
        wait "$rig" || : # the part reports what failed
        [ -z "$zig" ] || kill "$zig" 2>/dev/null || :
    fi
    { # what runs first in the pipe leaves its exit code in a file
        code=0
        (set +e; run_part "$part" "$@") </dev/null 2>&1 || code=$?
        echo "$code" >"$logs/$part.code"
    } | tee "$logs/$part.log"
    echo "$(($(date +%s) - started)) s" >"$logs/$part.time"
    [ "$(cat "$logs/$part.code")" -eq 0 ] || failed=1
done

printf '\n== parts\n'
for part in $parts; do
    result=passed
    [ "$(cat "$logs/$part.code")" -eq 0 ] || result=FAILED
    closing=$(grep -E '(passed|failed|skipped|error|Success|Found|complaint)' "$logs/$part.log" |
        tail -n 1 | tr -d '=')
    printf '%-9s %-7s %6s  %s\n' "$part" "$result" "$(cat "$logs/$part.time")" "$closing"
done
exit "$failed"
