"""Colours: contrast with the page, and distinction for readers who lack one kind of cone."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.report import palette

# Simulation of dichromacy in linear RGB: Machado, Oliveira and Fernandes (2009), "A
# physiologically-based model for simulation of color vision deficiency", IEEE TVCG 15(6),
# table of severity 1.0.
EYES = {
    "trichromat": np.eye(3),
    "protanope": np.array([
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]),
    "deuteranope": np.array([
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]),
    "tritanope": np.array([
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ]),
}  # fmt: skip
CLEARLY = 25.0  # CIE 1976 colour difference; the just noticeable difference is about 2.3
SERIES = 12
SCHEMES = {
    "light": (palette.SERIES_LIGHT, palette.CLASSES_LIGHT, "#fdfcfa"),
    "dark": (palette.SERIES_DARK, palette.CLASSES_DARK, "#15131a"),
}


def lab(colour: str, eye: str) -> NDArray[np.float64]:
    """Return a colour as seen by `eye` in CIE L*a*b* (D65); sRGB as defined in IEC 61966-2-1."""
    part = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    seen = np.clip(EYES[eye] @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    share = to_xyz @ seen / to_xyz.sum(axis=1)
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: str, other: str, eye: str) -> float:
    """Return the colour difference as seen by `eye`."""
    return float(np.linalg.norm(lab(one, eye) - lab(other, eye)))


def test_the_simulation_matches_reference_values() -> None:
    assert lab("#ff0000", "trichromat") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    for eye in EYES:  # greys are unchanged
        assert lab("#808080", eye) == pytest.approx([53.59, 0, 0], abs=0.1)
    assert difference("#8c2f57", "#00705c", "trichromat") > 50  # a pair that deuteranopes confuse
    assert difference("#8c2f57", "#00705c", "deuteranope") < 4


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_any_two_curves_differ_in_colour_or_in_dash(scheme: str, eye: str) -> None:
    colours = SCHEMES[scheme][0]
    for one, other in combinations(range(SERIES), 2):
        (hue, dash), (other_hue, other_dash) = palette.style(one), palette.style(other)
        assert dash != other_dash or difference(colours[hue], colours[other_hue], eye) > CLEARLY


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_bona_fide_differs_from_spoof(scheme: str, eye: str) -> None:
    classes = SCHEMES[scheme][1]
    assert difference(classes["bonafide"], classes["spoof"], eye) > CLEARLY


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lines_stand_out_from_the_page(scheme: str) -> None:
    colours, classes, page = SCHEMES[scheme]
    for colour in (*colours, *classes.values()):
        assert palette.contrast(palette._parse(colour), palette._parse(page)) >= 3


def test_the_page_draws_the_styles() -> None:
    css = palette.series_css()
    for number in range(SERIES):
        colour, dash = palette.style(number)
        dashes = palette.DASHES[dash]
        rule = f".{palette.series_class(number)}{{--line:var(--c{colour});"
        assert f"{rule}stroke-dasharray:{dashes}}}" in css
    for number, colour_ in enumerate(palette.SERIES_LIGHT):
        assert f"--c{number}:{colour_};" in css
    assert len(set(map(palette.style, range(palette.STYLES)))) == palette.STYLES
