#!/usr/bin/env python3
"""adit as a Meson subproject: an application that has this tree under subprojects/adit, without the network.

    subproject_test.py SOURCE_ROOT BUILD_DIR WORK_DIR BORINGSSL

Configures the application, compiles it and some files of each layer as the subproject does, and links with the commands of
that build, but with the libraries of BUILD_DIR: the rest is the same code once more, which takes minutes. With
ADIT_SUBPROJECT=full everything is built there. WORK_DIR is kept, so that a second run is quick.
"""
import os
import pathlib
import shutil
import subprocess
import sys

PROGRAMS = ("c_shared", "c_static", "cpp_shared")
SAMPLES = ("error.cpp.o", "keys.cpp.o", "endpoint.cpp.o", "settings.cpp.o", "frame.cpp.o", "x509.cpp.o", "rpc.cpp.o", "bytestring_cbs.c.o",
           "target.cpp.o", "rpc_error.cpp.o")
OFFLINE = {name: "http://127.0.0.1:1" for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY")}


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env={**os.environ, **OFFLINE}, **options)
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
    return done.stdout


def make_application(root, app):
    (app / "subprojects").mkdir(parents=True, exist_ok=True)
    if not (app / "subprojects/adit").is_symlink():
        (app / "subprojects/adit").symlink_to(root)
    for source, name in (("tests/install/meson_subproject/meson.build", "meson.build"), ("examples/c_hello.c", "c_hello.c"),
                         ("examples/02_coroutines.cpp", "program.cpp")):
        text = (root / source).read_text()
        if not (app / name).exists() or (app / name).read_text() != text:
            (app / name).write_text(text)


def build_in_part(build, libraries):
    targets = [line.split(":")[0] for line in run("ninja", "-C", build, "-t", "targets", "all").splitlines()]
    samples = [target for target in targets if target.rsplit("_", 1)[-1] in SAMPLES or target.rsplit("/", 1)[-1] in SAMPLES]
    assert len(samples) >= 8, f"only {samples} of the subproject"
    objects = [target for target in targets if target.startswith(tuple(f"{program}.p/" for program in PROGRAMS))]
    run("ninja", "-C", build, *samples, *objects)
    place = build / "subprojects/adit/lib"
    for library in (libraries / "libadit.a", (libraries / "libadit.so").resolve()):
        (place / library.name).unlink(missing_ok=True)
        shutil.copy(library, place)
    for name in ("libadit.so.0", "libadit.so"):
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to((libraries / name).resolve().name)
    for program in PROGRAMS:
        link = run("ninja", "-C", build, "-t", "commands", program).splitlines()[-1]
        assert f"-o {program} " in link, link
        run("sh", "-c", link, cwd=build)


def main():
    root, libraries, work, boringssl = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "lib", pathlib.Path(sys.argv[3]), sys.argv[4]
    app, build = work / "app", work / "build"
    make_application(root, app)
    if not (build / "build.ninja").exists():
        shutil.rmtree(build, ignore_errors=True)
        run("meson", "setup", build, app, "-Doptimization=0", "-Ddebug=false", f"-Dadit:boringssl={boringssl}")
    run("ninja", "-C", build, "build.ninja")
    if os.environ.get("ADIT_SUBPROJECT") == "full":
        run("ninja", "-C", build, *PROGRAMS)
    else:
        build_in_part(build, libraries)
    for program in PROGRAMS:
        shared = "libadit.so" in run("readelf", "-d", build / program)
        assert shared == program.endswith("_shared"), f"{program} is linked with the other kind of library"
        done = subprocess.run([str(build / program)], capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
        assert "no server was named" in done.stderr, (program, done.returncode, done.stderr)
        print(f"{program}: ok")


main()
