"""MP3 is encoded by the optimised LAME where that gives the same bytes, and by PyAV's elsewhere."""

from __future__ import annotations

import importlib.util
import json
import operator
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.audio import lame_library, libav
from benchmark.core.errors import InputError
from benchmark.core.parallel import pooled
from benchmark.runs import provenance
from benchmark.workers.context import ALONE
from benchmark.workers.start import start_process
from tests.support.places import ROOT

CAN = (sys.platform, platform.machine(), platform.libc_ver()[0]) == ("linux", "x86_64", "glibc")
OWN, CODEC = libav._only("libmp3lame"), libav._only("libavcodec")
WHEEL = OWN is not None and CODEC is not None
LAMEENC = importlib.util.find_spec("lameenc")
usable = pytest.mark.skipif(
    not (CAN and WHEEL and LAMEENC),
    reason="needs lameenc and PyAV's wheel on Linux x86-64 with glibc",
)
wheel = pytest.mark.skipif(not (CAN and WHEEL), reason="needs PyAV's wheel on Linux x86-64")

SAY = "from benchmark.audio import libav; print(libav.lame())"
ENCODE = """
import hashlib, json
import numpy as np
from attacks.codecs.media_codecs import MP3_KBPS, Mp3
from benchmark.audio import libav
from tests.support import builders

noise = np.random.default_rng(0).uniform(-1, 1, 12000).astype(np.float32)
click = np.zeros(8000, np.float32)
click[4000] = 1
waves = {
    "speech": builders.voice(1, 1.5), "fake": builders.fake(2, 1.0), "noise": noise,
    "silence": np.zeros(8000, np.float32), "click": click, "square": np.sign(noise[:8000]),
    "quiet": noise * np.float32(1e-5), "short": noise[:100], "one": noise[:1],
}
found = {}
def take(name, coder, wave):
    packets, header = coder._encode(wave)
    decoded, _ = coder._decode(packets, header, np.zeros(len(packets), np.bool_))
    found[name] = [hashlib.sha256(data).hexdigest() for data in (b"".join(packets), decoded)]
for name, wave in waves.items():
    for kbps in MP3_KBPS if name == "speech" else (16, 64, 128, 160):
        take(f"{name} {kbps}", Mp3(kbps), wave)
for rate in (8000, 24000, 44100):
    class Elsewhere(Mp3):
        pass
    Elsewhere.rate = rate
    for kbps in (32, 64, 128):
        take(f"{rate} Hz {kbps}", Elsewhere(kbps), waves["speech"])
print(json.dumps([str(libav.lame()), found]))
"""


def run(code: str, **variables: str) -> str:
    """Run Python with the environment variables; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != libav.VARIABLE}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)} | variables,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@usable
def test_both_encode_the_same_bytes_and_samples() -> None:
    by_lameenc, fast = json.loads(run(ENCODE))
    by_pyav, slow = json.loads(run(ENCODE, LAUNDERBENCH_LAME="pyav"))
    assert re.fullmatch(r"3\.\d+ \(lameenc [\d.]+\)", by_lameenc)
    assert re.fullmatch(r"3\.\d+ \(PyAV [\d.]+; LAUNDERBENCH_LAME=pyav\)", by_pyav)
    assert fast == slow and len(fast) == 14 + 8 * 4 + 9
    assert len({tuple(digests) for digests in fast.values()}) > 50  # the signals do differ


@usable
@pytest.mark.parametrize(("asked", "file"), [("", "lameenc"), ("pyav", "libmp3lame")])
def test_the_linker_gives_libavcodec_the_library_that_is_recorded(
    asked: str, file: str, tmp_path: Path
) -> None:
    log = {"LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(tmp_path / "log")}
    run(SAY, LAUNDERBENCH_LAME=asked, **log)
    text = "".join(path.read_text(errors="replace") for path in tmp_path.iterdir())
    bound = re.findall(r"binding file \S*/libavcodec\S* .* to \S*/(\w+)\S* .*`(lame_\w+)'", text)
    assert CODEC is not None
    assert sorted(name for _, name in bound) == lame_library.functions_used(CODEC)
    assert {library for library, _ in bound} == {file}


@usable
def test_these_tests_encode_with_the_optimised_one() -> None:
    if os.environ.get(libav.VARIABLE):
        pytest.skip(f"{libav.VARIABLE} asks for PyAV's own")
    assert libav.lame().reason == ""
    assert libav.lame().package.startswith("lameenc ")


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("import av", "av was imported before"),
        ("import sys; sys.modules['lameenc'] = None", "lameenc is not installed"),
        ("import platform; platform.machine = lambda: 'aarch64'", "on Linux x86-64 with glibc"),
        ("import platform; platform.libc_ver = lambda: ('', '')", "on Linux x86-64 with glibc"),
        ("import sys; sys.platform = 'darwin'", "on Linux x86-64 with glibc"),
        (f"import ctypes; ctypes.CDLL({str(OWN)!r}, mode=ctypes.RTLD_GLOBAL)", "loaded before"),
    ],
)
@usable
def test_elsewhere_pyav_encodes_and_the_reason_is_told(before: str, reason: str) -> None:
    printed = run(f"{before}\n{SAY}")
    assert re.match(r"3\.\d+ \(PyAV [\d.]+; ", printed) and reason in printed


@wheel
def test_a_lameenc_that_is_no_library_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "lameenc.py").write_text("")
    printed = run(SAY, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert "PyAV" in printed and "it cannot be loaded" in printed


@pytest.fixture
def stub(tmp_path: Path) -> Path:
    """A library with the functions that libavcodec names, version 3.100, and no encoder."""
    return built(tmp_path / "stub.so")


def built(path: Path, version: str = "3.100", without: str = "") -> Path:
    if CODEC is None or shutil.which("cc") is None:
        pytest.skip("needs a C compiler and PyAV's wheel")
    names = [name for name in lame_library.functions_used(CODEC) if name != without]
    code = "".join(f"void *{name}(void) {{ return 0; }}\n" for name in names)
    code += f'const char *get_lame_version(void) {{ return "{version}"; }}\n'
    source = path.with_suffix(".c")
    source.write_text(code)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, source], check=True)
    return path


@wheel
def test_only_the_same_encoder_stands_in(tmp_path: Path, stub: Path) -> None:
    assert OWN is not None and CODEC is not None
    other = built(tmp_path / "other.so", version="4.0")
    part = built(tmp_path / "part.so", without="lame_set_lowpassfreq")
    printed = {path: lame_library.difference(path, OWN, CODEC) for path in (stub, other, part, OWN)}
    assert printed == {
        stub: "it encodes a probe to other bytes",
        other: "it is LAME 4.0, not 3.100",
        part: "it lacks lame_set_lowpassfreq",
        OWN: None,
    }


@wheel
def test_a_stub_in_the_place_of_lameenc_changes_no_byte(tmp_path: Path, stub: Path) -> None:
    shutil.copy(stub, tmp_path / "lameenc.so")
    code = (
        "from attacks.codecs.media_codecs import Mp3; import numpy as np\n"
        "print(b''.join(Mp3(64)._encode(np.linspace(-1, 1, 2000, dtype=np.float32))[0]).hex())"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    printed, coded = run(f"{SAY}\n{code}", PYTHONPATH=path).splitlines()
    assert "that of lameenc is not used: it encodes a probe to other bytes" in printed
    assert coded == run(code, LAUNDERBENCH_LAME="pyav")


def test_workers_choose_as_their_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(libav.VARIABLE, raising=False)
    (free,) = pooled(operator.call, [libav.lame], 1, start_process, (ALONE,))
    assert str(free) == run(SAY)
    monkeypatch.setenv(libav.VARIABLE, libav.OWN)
    (asked,) = pooled(operator.call, [libav.lame], 1, int, ())
    assert asked.reason == "LAUNDERBENCH_LAME=pyav"


def test_threads_get_one_choice() -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "from benchmark.audio import libav\n"
        "with Pool(8) as pool: print(len(set(pool.map(lambda _: str(libav.lame()), range(32)))))\n"
        "print(libav.lame())"
    )
    assert run(code).splitlines() == ["1", run(SAY)]


def test_an_unknown_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libav, "_chosen", libav._chosen.__wrapped__)
    monkeypatch.setenv(libav.VARIABLE, "fast")
    with pytest.raises(InputError, match="LAUNDERBENCH_LAME is 'fast'; leave it unset, or set it"):
        libav.module()


def test_a_run_records_the_encoder() -> None:
    assert provenance.code()["lame"] == str(libav.lame())
