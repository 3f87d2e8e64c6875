"""Noise suppression and gain control of WebRTC, which browsers apply to calls."""

from __future__ import annotations

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


@attack("webrtc_ns")
@dataclass(frozen=True)
class WebRtcSuppression(Enhancer):
    """Noise suppression of WebRTC's audio processing, behind its high-pass.

    level : 1 (low) to 4 (very high)

    The module (Apache-2.0, WebRTC itself BSD-3-Clause) comes in the wheel webrtc-noise-gain 1.3.0:
    one compiled file for the stable interface of Python 3.9 and later, loaded by its path; nothing
    is installed. It takes 16-bit samples at 16 kHz; a higher peak is attenuated to full scale
    before and restored afterwards. Its delay of 6 ms is removed.
    """

    level: int = integer(2, low=1, high=4)

    citation = "webrtc"
    wheel_files = (EXTENSION,)

    def enhance(self, wave: Wave) -> Wave:
        return _processed(wave, gain=0, suppression=self.level, delay=SUPPRESSION_DELAY)


@attack("webrtc_agc")
@dataclass(frozen=True)
class WebRtcGain(Enhancer):
    """Automatic gain control of WebRTC's audio processing, behind its high-pass.

    It raises speech that is soft, within its limits, and follows it over seconds. The module comes
    as for `webrtc_ns`. It has no parameter: all its settings above 0 give the same samples.
    """

    removes = False
    limits = SampleLimits(level=(-6.0, 40.0), clipping=None)
    citation = "webrtc"
    wheel_files = (EXTENSION,)

    def enhance(self, wave: Wave) -> Wave:
        return _processed(wave, gain=1, suppression=0, delay=0)


def _processed(wave: Wave, *, gain: int, suppression: int, delay: int) -> Wave:
    """Return `wave` as a fresh processor leaves it, without its delay in samples."""
    processor = _module().AudioProcessor(gain, suppression)
    peak = max(float(np.abs(wave).max()), 1.0)
    count = -(-(wave.size + delay) // FRAME)
    given = np.zeros((count, FRAME), dtype="<i2")
    scaled = np.rint(wave * np.float32(FULL_SCALE / peak))
    given.ravel()[: wave.size] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1)
    made = b"".join(processor.Process10ms(frame.tobytes()).audio for frame in given)
    out = np.frombuffer(made, dtype="<i2")[delay : delay + wave.size]
    return out.astype(np.float32) * np.float32(peak / FULL_SCALE)


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
