"""Colours of the report: a sequential scale for the heatmap, and styles for curves.

Lightness alone orders the scale, so that it works with colour blindness and in greyscale print. In
the light and the dark colour scheme, a low error rate is close to the page's background and a high
one stands out.
"""

from __future__ import annotations

LEVELS = 25  # colours between 0 and TOP
TOP = 0.5  # EER from which on the last colour is used

Colour = tuple[float, float, float]
# Curves: the hues of Okabe and Ito (2008), "Color Universal Design". Their lightness is adjusted so
# that they stand out from the page and from each other, also for readers who lack one kind of cone.
# A style is a colour with a dash. All colours are used before the next dash pattern, and styles
# repeat after `STYLES`.
SERIES_LIGHT = ("#2b7de0", "#c8560f", "#0f4a3f", "#c065a6", "#431a6e", "#8f8b62")
SERIES_DARK = ("#3a8af0", "#da6328", "#6fecb0", "#f6a8de", "#e8ea66", "#8f6d5a")
DASHES = ("none", "7 3", "2 2.5")
STYLES = len(SERIES_LIGHT) * len(DASHES)
CLASSES_LIGHT = {"spoof": "#8c2f57", "bonafide": "#1f78b4"}  # the two classes of trials
CLASSES_DARK = {"spoof": "#f2a283", "bonafide": "#7cc0f2"}
_LIGHT = ("#fbf3ea", "#f8d3ad", "#f3a679", "#e2705a", "#b93f5c", "#7c2959", "#421c45")
_DARK = ("#241c2b", "#4a2046", "#7f2a5b", "#b73f5d", "#e2705a", "#f4ab80", "#fbdcc0")


def level(eer: float) -> int:
    """Return the colour level of an EER in [0, 1].

    >>> level(0.0), level(0.25), level(0.9)
    (0, 12, 24)
    """
    return round(min(max(eer / TOP, 0.0), 1.0) * (LEVELS - 1))


def scale_css() -> str:
    """Return CSS classes h0, h1, ... with background and text colour, for both colour schemes."""
    dark = "".join(_rules(_DARK))
    return f"{''.join(_rules(_LIGHT))}\n@media screen and (prefers-color-scheme:dark){{{dark}}}"


def style(number: int) -> tuple[int, int]:
    """Return the indices of a series' colour and of its dash.

    >>> style(0), style(7), style(18)
    ((0, 0), (1, 1), (0, 0))
    """
    dash, colour = divmod(number % STYLES, len(SERIES_LIGHT))
    return colour, dash


def series_class(number: int) -> str:
    """Return the CSS class of a series.

    >>> series_class(7), series_class(18)
    ('s7', 's0')
    """
    return f"s{number % STYLES}"


def series_css() -> str:
    """Return CSS classes s0, s1, ... with a colour and a dash for the curves of each detector."""
    light, dark = (
        "".join(f"--c{n}:{colour};" for n, colour in enumerate(colours_))
        + "".join(f"--{name}:{colour};" for name, colour in classes.items())
        for colours_, classes in ((SERIES_LIGHT, CLASSES_LIGHT), (SERIES_DARK, CLASSES_DARK))
    )
    styles = ((number, *style(number)) for number in range(STYLES))
    rules = "".join(
        f".s{number}{{--line:var(--c{colour});stroke-dasharray:{DASHES[dash]}}}"
        for number, colour, dash in styles
    )
    return (
        f":root{{{light}}}{rules}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


def colours(dark: bool = False) -> list[tuple[str, str]]:
    """Return (background, text) of every level as CSS hex colours."""
    found = []
    for step in range(LEVELS):
        background = _between(_DARK if dark else _LIGHT, step / (LEVELS - 1))
        text = max(("#000000", "#ffffff"), key=lambda ink: contrast(_parse(ink), background))
        found.append((_hex(background), text))
    return found


def ramp(count: int) -> list[tuple[int, int, int]]:
    """Return `count` shades (red, green, blue; 0 to 255) from dark to bright, for spectrograms."""
    shades = (_between(_DARK, step / (count - 1)) for step in range(count))
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in shades]


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours as defined by WCAG 2, from 1 to 21."""
    dim, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def _rules(anchors: tuple[str, ...]) -> list[str]:
    pairs = colours(dark=anchors is _DARK)
    return [f".h{n}{{background:{back};color:{ink}}}" for n, (back, ink) in enumerate(pairs)]


def _between(anchors: tuple[str, ...], place: float) -> Colour:
    """Return the colour at `place` in [0, 1] on the polyline through the anchors."""
    position = place * (len(anchors) - 1)
    first = min(int(position), len(anchors) - 2)
    part = position - first
    one, other = _parse(anchors[first]), _parse(anchors[first + 1])
    mixed = [a + part * (b - a) for a, b in zip(one, other, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def _parse(text: str) -> Colour:
    red, green, blue = (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
