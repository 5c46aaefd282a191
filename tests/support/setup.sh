# Sourced by examples/run, tests/run and .ci/run: gets a machine to the point where Meson can build adit.
#
#   adit_setup GROUP...        installs what these groups lack; no apt call, no root and no network when nothing lacks
#   adit_configure [ARGS...]   makes or updates the build directory $ADIT_BUILD
#
# Settings by environment: ADIT_BUILD (build directory, default build/), ADIT_MESON_ARGS (further options for
# `meson setup`), ADIT_PACKAGECACHE (a directory with the BoringSSL tarball), CC and CXX.

# A closed standard input would hand descriptor 0 to the next file that is opened.
{ : <&0; } 2>/dev/null || exec </dev/null

ADIT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ADIT_BUILD=${ADIT_BUILD:-$ADIT_ROOT/build}
case $ADIT_BUILD in /*) ;; *) ADIT_BUILD=$PWD/$ADIT_BUILD ;; esac
export ADIT_ROOT ADIT_BUILD
# Debian's servers are in sbin, which a user's PATH may lack.
case :$PATH: in *:/usr/sbin:*) ;; *) PATH=$PATH:/usr/sbin ;; esac

adit_say() { printf 'adit: %s\n' "$*" >&2; }

# The packages of a group. "build" is enough for the library, the examples and the tests that only compute.
adit_packages() {
    case $1 in
        build) echo g++ meson ninja-build pkg-config python3 xz-utils ca-certificates \
            libasio-dev libfmt-dev nlohmann-json3-dev node-llhttp doctest-dev libcli11-dev \
            libnghttp2-dev libre2-dev libyaml-dev zlib1g-dev libbrotli-dev ;;
        integration) echo curl haproxy openssl python3-hpack ;;
        example) echo curl openssl ;;
        examples) echo curl openssl; for lesson in $(adit_special_examples); do adit_packages "$lesson"; done ;;
        09_events_and_spdlog) echo libspdlog-dev ;;
        10_cpp_httplib) echo libcpp-httplib-dev ;;
        11_libmicrohttpd) echo libmicrohttpd-dev ;;
        12_grpc) echo libgrpc++-dev libprotobuf-dev protobuf-compiler-grpc ;;
        13_beast) echo libboost-dev ;;
        agent) echo libyaml-cpp-dev ;;
        install) echo binutils cmake openssl libssl-dev libcurl4-openssl-dev libpq-dev libasio-dev ;;
        bench-smoke) echo haproxy valgrind curl openssl nghttp2-client; adit_have_node || echo nodejs npm ;;
        interop) echo curl openssl testssl.sh; adit_have_node || echo nodejs npm ;;
        fuzzer) echo clang-19 libclang-rt-19-dev ;;
        full) echo debootstrap git apache2-bin haproxy lighttpd nginx-light slowhttptest; command -v node >/dev/null || echo nodejs ;;
        ci) echo git clang-19 ccache chromium ;;
    esac
}

# Examples that need more than the others; each is a group of its own.
adit_special_examples() { echo 09_events_and_spdlog 10_cpp_httplib 11_libmicrohttpd 12_grpc 13_beast agent; }

# Node 18 or newer, wherever it comes from.
adit_have_node() {
    command -v npm >/dev/null && command -v node >/dev/null &&
        node -e 'process.exit(process.versions.node.split(".")[0] >= 18 ? 0 : 1)' 2>/dev/null
}

adit_missing_packages() {
    local group package
    for group; do adit_packages "$group"; done | tr ' ' '\n' | sort -u | while read -r package; do
        case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
            installed) ;;
            *) printf '%s ' "$package" ;;
        esac
    done
}

adit_setup() {
    local missing=
    if command -v dpkg-query >/dev/null; then
        missing=$(adit_missing_packages "$@")
    else
        adit_say "not a Debian system: assuming that these packages or their likes are there:" \
            "$(for group; do adit_packages "$group"; done | tr '\n' ' ')"
    fi
    if [ -n "$missing" ]; then
        adit_say "installing: $missing"
        local as_root=()
        if [ "$(id -u)" != 0 ]; then
            if ! command -v sudo >/dev/null; then
                adit_say "this needs root, and there is no sudo. As root: apt-get install $missing"
                return 1
            fi
            as_root=(sudo)
        fi
        # shellcheck disable=SC2086  # a list
        "${as_root[@]}" "$ADIT_ROOT/tests/support/install-packages" $missing >&2 || {
            adit_say "could not install: $missing"
            return 1
        }
    fi
    case " ${ADIT_MESON_ARGS:-} " in
        *-Dboringssl=system*) ;;
        *) "$ADIT_ROOT/subprojects/fetch-boringssl" || return 1 ;;
    esac
}

# A build directory that was made with the same compiler and options is taken as it is; ninja itself reruns Meson when a
# build file changed. One that somebody made by hand is left alone.
adit_configure() {
    local stamp="${CC:-} ${CXX:-} ${ADIT_MESON_ARGS:-} $*" again= optional
    optional="without: $(command -v dpkg-query >/dev/null && adit_missing_packages examples)" # they add targets
    if [ -f "$ADIT_BUILD/build.ninja" ]; then
        again=--wipe
        if [ "$(cat "$ADIT_BUILD/adit-options" 2>/dev/null || echo "$stamp")" = "$stamp" ]; then
            [ "$(cat "$ADIT_BUILD/adit-optional" 2>/dev/null)" = "$optional" ] && return 0
            again=--reconfigure
        fi
    fi
    mkdir -p "$ADIT_BUILD"
    # shellcheck disable=SC2086  # a list
    if meson setup $again -Doptimization=2 -Ddebug=false ${ADIT_MESON_ARGS:-} "$@" "$ADIT_BUILD" "$ADIT_ROOT" >"$ADIT_BUILD.log" 2>&1; then
        mv "$ADIT_BUILD.log" "$ADIT_BUILD/setup.log"
        echo "$stamp" >"$ADIT_BUILD/adit-options"
        echo "$optional" >"$ADIT_BUILD/adit-optional"
    else
        mv "$ADIT_BUILD.log" "$ADIT_BUILD/setup.log"
        tail -n 25 "$ADIT_BUILD/setup.log" >&2
        adit_say "meson setup failed; the whole log is $ADIT_BUILD/setup.log"
        return 1
    fi
}

# The npm packages of tests/interop (the official client), under the build directory; again when the lock file changed.
adit_npm() {
    local from=$ADIT_ROOT/tests/interop to=$ADIT_BUILD/npm stamp
    export ADIT_NODE_MODULES=$to/node_modules NODE_PATH=$to/node_modules
    stamp=$(sha256sum <"$from/package-lock.json")
    [ "$(cat "$to/stamp" 2>/dev/null)" = "$stamp" ] && return 0
    rm -rf "$to"
    mkdir -p "$to"
    cp "$from/package.json" "$from/package-lock.json" "$to/"
    (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >npm.log 2>&1) || {
        tail -n 15 "$to/npm.log" >&2
        adit_say "npm ci failed in $to"
        return 1
    }
    echo "$stamp" >"$to/stamp"
}
