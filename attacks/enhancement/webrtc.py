"""Noise suppression and gain control of WebRTC, which browsers apply to calls."""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import numpy as np

from attacks.contract.base import SampleLimits, Wave, attack, integer
from attacks.enhancement.enhancer import Enhancer
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

MODULE = "webrtc_noise_gain_cpp"
EXTENSION = WheelFile(
    Wheel(
        "webrtc-noise-gain",
        "1.3.0",
        "webrtc_noise_gain-1.3.0-cp39-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "3d052501c2cbe4948101e011450e93bff22b800f89014f192dfb861e319522a3",
        "Apache-2.0 (package), BSD-3-Clause (WebRTC)",
        "the WebRTC project authors; Michael Hansen (webrtc-noise-gain)",
        "WebRTC's noise suppression and gain control",
    ),
    f"webrtc_noise_gain/{MODULE}.abi3.so",
    "7776bc98a133a3480a8f3fe4d7a931353ee2744cec706c24e7ea3b7c4a465b11",
)
FRAME = 160  # samples of 10 ms at 16 kHz, the rate at which the module works
SUPPRESSION_DELAY = 96  # samples: its blocks of 256, moved by 160
FULL_SCALE = 32768


@dataclass(frozen=True)
class WebRtc(Enhancer):
    """Base of what comes from WebRTC."""

    citation = "webrtc"
    wheel_files = (EXTENSION,)

    def unavailable(self) -> str | None:
        if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
            return "its compiled file is for CPython with the global interpreter lock"
        return wheel_files.lacking(self.wheel_files)


@attack("webrtc_ns")
@dataclass(frozen=True)
class WebRtcSuppression(WebRtc):
    """Noise suppression of WebRTC (BSD-3-Clause, wheel webrtc-noise-gain 1.3.0).

    level : 1 (low) to 4 (very high): steady noise falls by 6, 12, 18 and 21 dB

    The wheel (Apache-2.0) brings one compiled file for the stable interface of Python 3.9 and
    later, loaded by its path; nothing is installed, and no Python file of it is read. It takes
    16-bit samples at 16 kHz, and begins with a high-pass. Its delay of 6 ms is removed.
    """

    level: int = integer(2, low=1, high=4)

    def enhance(self, wave: Wave) -> Wave:
        return _processed(wave, gain=0, suppression=self.level, delay=SUPPRESSION_DELAY)


@attack("webrtc_agc")
@dataclass(frozen=True)
class WebRtcGain(WebRtc):
    """Gain control of WebRTC (BSD-3-Clause, wheel webrtc-noise-gain 1.3.0).

    It raises speech that is soft, within its limits, and follows it over seconds. The module comes
    as for `webrtc_ns`. It has no parameter: all its settings above 0 give the same samples.
    """

    removes = False
    measures = "beginning enhanced anew, spectral distortion"
    limits = SampleLimits(level=(-6.0, 40.0), clipping=None)

    def enhance(self, wave: Wave) -> Wave:
        return _processed(wave, gain=1, suppression=0, delay=0)


def _processed(wave: Wave, *, gain: int, suppression: int, delay: int) -> Wave:
    """Return `wave` as a fresh processor leaves it, without its delay in samples."""
    processor = _module().AudioProcessor(gain, suppression)
    count = -(-(wave.size + delay) // FRAME)
    given = np.zeros((count, FRAME), dtype="<i2")
    scaled = np.rint(wave * np.float32(FULL_SCALE))
    given.ravel()[: wave.size] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1)
    made = b"".join(processor.Process10ms(frame.tobytes()).audio for frame in given)
    out = np.frombuffer(made, dtype="<i2")[delay : delay + wave.size]
    return out.astype(np.float32) / np.float32(FULL_SCALE)


@lru_cache(maxsize=1)
def _module() -> Any:
    """Return the extension module; no Python file of the wheel is read."""
    path = str(wheel_files.opened(EXTENSION))
    loader = ExtensionFileLoader(MODULE, path)
    spec = spec_from_file_location(MODULE, path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
