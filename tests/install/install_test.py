#!/usr/bin/env python3
"""The installed library as an application meets it.

    install_test.py CASE BUILD_DIR SOURCE_ROOT COMPILER...

Cases: tree, symbols, abi, c, cmake, cmake-c, and consumer-LIBRARY-ORDER with LIBRARY shared or static, and ORDER the place
of adit on the linker's command line: adit-first, adit-last, or static-openssl.
"""
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import peers

# What libadit.so may need at run time. Anything that brings libssl or libcrypto along must never join this list.
ALLOWED_NEEDED = re.compile(r"lib(c|m|stdc\+\+|gcc_s|pthread|adit|z|brotli\w+|zstd|nghttp2|re2|yaml-0|asan|ubsan|tsan)\.so\b|ld-linux")
CARRIED = re.compile(r"^(SSL|EVP|CRYPTO|BIO|X509|ERR|RSA|EC|ECDSA|ASN1|PEM|HMAC|AES|BN|OPENSSL|CBS|CBB|RAND|sk|lh|llhttp)_|^_ZZ?(T[ISV])?NK?4bssl")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(str(word) for word in command)}: status {done.returncode}\n"
                             f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class Installation:
    def __init__(self, build, root, compiler, work):
        self.root, self.compiler, self.work = root, compiler, work
        self.destdir = work / "root"
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", self.destdir)
        self.prefix = self.one("adit.hpp").parent.parent.parent
        self.pkgconfig = self.one("adit.pc").parent
        self.libdir = self.one("libadit.a").parent

    def one(self, name):
        found = list(self.destdir.rglob(name))
        assert len(found) == 1, f"expected one {name}, found {found}"
        return found[0]

    def flags(self, *arguments):
        env = {"PATH": "/usr/bin:/bin", "PKG_CONFIG_LIBDIR": str(self.pkgconfig), "PKG_CONFIG_SYSROOT_DIR": str(self.destdir)}
        return shlex.split(run("pkg-config", *arguments, env=env))

    def compile(self, source, output, *flags):
        run(*self.compiler, "-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", *self.flags("--cflags", "adit-edge"), *flags,
            "-c", source, "-o", output)


def tree(at):
    """Every public header is installed, and neither pkg-config's nor CMake's files know where it was built."""
    headers = {str(path.relative_to(at.root / "include")) for path in (at.root / "include").rglob("*.h*")}
    base = at.one("adit.hpp").parent.parent
    installed = {str(path.relative_to(base)) for path in base.rglob("*.h*")}
    assert installed == headers, f"headers differ: {sorted(installed ^ headers)}"
    for name in ("adit.pc", "adit-edge.pc", "aditConfig.cmake", "aditConfigVersion.cmake"):
        text = at.one(name).read_text()
        assert str(at.root) not in text and "/build" not in text, f"{name} has a path of the build:\n{text}"
    links = sorted(path.name for path in at.libdir.iterdir() if ".so" in path.name)
    version = at.flags("--modversion", "adit")[0]
    expected = sorted(f"lib{name}.so{end}" for name in ("adit", "adit-edge") for end in ("", ".0", f".{version}"))
    assert links == expected, f"libraries {links}, expected {expected}"


def symbols(at):
    """Nothing of BoringSSL, llhttp or OpenSSL shows in what we ship, and all of the interface for C does."""
    declared = set(re.findall(r"ADIT_C_API [^;(]*?(adit_\w+)\(", at.one("adit.h").read_text()))
    assert len(declared) > 30, f"adit.h declares only {sorted(declared)}"
    for name in ("libadit.so", "libadit-edge.so"):
        library = at.libdir / name
        dynamic = run("nm", "-D", "--defined-only", library).split("\n")
        shown = [line.split()[-1] for line in dynamic if line]
        assert len(shown) > 20, f"{name} exports almost nothing"
        carried = [symbol for symbol in shown if CARRIED.search(symbol)]
        assert not carried, f"{name} exports {carried[:5]}"
        alien = {symbol for symbol in shown if not symbol.startswith(("_Z", "adit_abi_asio_", "asio_detail_"))}
        ours = declared if name == "libadit.so" else set()
        assert alien == ours, f"{name}: C names are not those of adit.h: {sorted(alien ^ ours)[:5]}"
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", library))
        strange = [one for one in needed if not ALLOWED_NEEDED.match(one)]
        assert not strange, f"{name} needs {strange}"
    # Inline functions of BoringSSL's headers are weak, as all C++ templates are.
    static = [line.split()[-2:] for line in run("nm", "-g", "--defined-only", at.libdir / "libadit.a").split("\n") if " " in line]
    absent = declared - {symbol for _, symbol in static}
    assert not absent, f"libadit.a lacks {sorted(absent)}"
    static = [symbol for kind, symbol in static if kind not in "WVu" or not symbol.startswith("_Z")]
    assert len(static) > 20 and not carried, f"libadit.a defines {carried[:5]} globally"
    missing = [line.split()[-1] for line in run("nm", "-u", at.libdir / "libadit.a").split("\n") if " U " in line]
    missing = [symbol for symbol in missing if CARRIED.search(symbol)]
    assert not missing, f"libadit.a leaves {missing[:5]} to the application"


def abi(at):
    """Another Asio than the library's is a link error that names it."""
    fake = at.work / "other"
    (fake / "asio").mkdir(parents=True)
    (fake / "asio/version.hpp").write_text("#pragma once\n#define ASIO_VERSION 199900\n")
    source = at.work / "abi.cpp"
    source.write_text("#include <adit/detail/abi.hpp>\nint main() {}\n")
    same, other = at.work / "same.o", at.work / "other.o"
    at.compile(source, same)
    at.compile(source, other, f"-I{fake}")
    for library in ("libadit.so", "libadit.a"):
        run(*at.compiler, same, at.libdir / library, "-pthread", "-o", at.work / "same")
        failed = subprocess.run([*at.compiler, str(other), str(at.libdir / library), "-pthread", "-o", str(at.work / "no")],
                                capture_output=True, text=True)
        assert failed.returncode != 0 and "adit_abi_asio_199900" in failed.stderr, f"{library}: {failed.stderr[-500:]}"


def consumer(at, library, order):
    """A program with libcurl, libpq and its own OpenSSL calls, all of which do TLS beside a tunnel."""
    main = at.work / "consumer.o"
    others = shlex.split(run("pkg-config", "--cflags", "libpq", "libcurl"))
    at.compile(at.root / "tests/install/consumer.cpp", main, *others)
    openssl = shlex.split(run("pkg-config", "--libs", "libpq", "libcurl")) + ["-lssl", "-lcrypto"]
    if order == "static-openssl":
        directory = pathlib.Path(run("pkg-config", "--variable=libdir", "libssl").strip())
        openssl = [str(directory / "libssl.a"), str(directory / "libcrypto.a")] + openssl[:-2] + ["-ldl"]
    adit = at.flags("--libs", *(["--static"] if library == "static" else []), "adit-edge")
    if library == "static":
        adit = [f"-l:lib{word[2:]}.a" if word.startswith("-ladit") else word for word in adit]
    libraries = openssl + adit if order == "adit-last" else adit + openssl
    program = at.work / "consumer"
    run(*at.compiler, main, "-o", program, *libraries, "-pthread", f"-Wl,-rpath,{at.libdir}")
    needed = run("readelf", "-d", program)
    assert ("libadit.so" in needed) == (library == "shared"), "linked with the other kind of library"
    https_port, postgresql_port, ca = peers.start(at.work)
    print(run(program, https_port, postgresql_port, ca, timeout=60, env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*"}).strip())


def says_no_server(program):
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 1 and "(ADIT_E_NO_SERVER)" in done.stderr, (done.returncode, done.stderr)


def c(at):
    """A program in C by pkg-config, with both kinds of library."""
    main = at.work / "c_hello.o"
    run("cc", "-std=c99", "-pedantic", "-Wall", "-Werror", *at.flags("--cflags", "adit"), "-c", at.root / "examples/c_hello.c",
        "-o", main)
    for kind in ("shared", "static"):
        adit = at.flags("--libs", *(["--static"] if kind == "static" else []), "adit")
        if kind == "static":
            adit = [f"-l:lib{word[2:]}.a" if word == "-ladit" else word for word in adit]
        program = at.work / f"c_{kind}"
        run("cc", main, "-o", program, *adit, "-pthread", f"-Wl,-rpath,{at.libdir}")
        assert ("libadit.so" in run("readelf", "-d", program)) == (kind == "shared"), "linked with the other kind of library"
        says_no_server(program)


def cmake_build(at, project):
    build = at.work / project
    run("cmake", "-G", "Ninja", "-S", at.root / "tests/install" / project, "-B", build, f"-DCMAKE_PREFIX_PATH={at.prefix}",
        f"-DCMAKE_CXX_COMPILER={at.compiler[-1]}", env={"PATH": "/usr/bin:/bin"})
    run("cmake", "--build", build, "--parallel", "2")
    return build


def cmake(at):
    """An application of CMake, in an installation that was moved: DESTDIR is not where it was configured for."""
    build = cmake_build(at, "cmake")
    https_port, postgresql_port, ca = peers.start(at.work)
    for kind in ("shared", "static"):
        program = build / f"consumer_{kind}"
        assert ("libadit.so" in run("readelf", "-d", program)) == (kind == "shared"), "linked with the other kind of library"
        print(run(program, https_port, postgresql_port, ca, timeout=60, env={"PATH": "/usr/bin:/bin", "NO_PROXY": "*"}).strip())
        says_no_server(build / f"c_{kind}")


def cmake_c(at):
    build = cmake_build(at, "cmake_c")
    for kind in ("shared", "static"):
        says_no_server(build / f"c_{kind}")


def main():
    case, build, root = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="adit-install-") as work:
        at = Installation(build, root, sys.argv[4:], pathlib.Path(work))
        if case.startswith("consumer-"):
            _, library, order = case.split("-", 2)
            consumer(at, library, order)
        else:
            {"tree": tree, "symbols": symbols, "abi": abi, "c": c, "cmake": cmake, "cmake-c": cmake_c}[case](at)


main()
