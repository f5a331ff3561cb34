"""Colours as they are seen: CAM02-UCS, the dichromacies, greyscale and contrast, by their published definitions."""

import numpy as np

# Machado, Oliveira & Fernandes 2009, severity 1: what is left of linear red, green and blue.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}

# Of IEC 61966-2-1, CIE 159 (CIECAM02) and Hunt-Pointer-Estevez, in this order.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_CAT02 = np.array([[0.7328, 0.4296, -0.1624], [-0.7036, 1.6975, 0.0061], [0.0030, 0.0136, 0.9834]])
_HPE = np.array([[0.38971, 0.68898, -0.07868], [-0.22981, 1.18340, 0.04641], [0.0, 0.0, 1.0]])
_WHITE = np.array([95.047, 100.0, 108.883])
"""D65, for the observer of 2 degrees."""

# sRGB's viewing conditions: 64 lux, a background of 20 %, an average surround.
_ADAPTING = 64 / np.pi / 5
_F, _C, _NC = 1.0, 0.69, 1.0
_N = 20 / 100
_K = 1 / (5 * _ADAPTING + 1)
_FL = 0.2 * _K**4 * (5 * _ADAPTING) + 0.1 * (1 - _K**4) ** 2 * np.cbrt(5 * _ADAPTING)
_NBB = 0.725 * (1 / _N) ** 0.2
_Z = 1.48 + np.sqrt(_N)
_D = _F * (1 - np.exp((-_ADAPTING - 42) / 92) / 3.6)
_GAIN = _D * _WHITE[1] / (_CAT02 @ _WHITE) + 1 - _D
_TO_CONES = _HPE @ np.linalg.inv(_CAT02) @ np.diag(_GAIN) @ _CAT02


def parts(colours):
    """Red, green and blue, 0 to 1, of colours written #rrggbb: an array of shape (colours, 3)."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours]).reshape(-1, 3) / 255


def linear(parts_of_colours):
    """Light itself instead of sRGB's encoding of it."""
    values = np.asarray(parts_of_colours)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(light):
    """The inverse of ``linear``."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def seen(light, vision):
    """Linear light as somebody with one of the VISIONS sees it, what no screen shows cut off."""
    return np.clip(light @ VISIONS[vision].T, 0, 1)


def uniform(light):
    """CAM02-UCS (Luo, Cui & Li 2006) of linear light: J', a', b' on the last axis."""
    cones = _compressed(100 * light @ (_TO_CONES @ _TO_XYZ).T)
    red, green, blue = np.moveaxis(cones, -1, 0)
    a = red - 12 * green / 11 + blue / 11
    b = (red + green - 2 * blue) / 9
    hue = np.arctan2(b, a)
    ratio = _achromatic(cones) / _achromatic(_compressed(_TO_CONES @ _WHITE))
    J = 100 * np.maximum(ratio, 0) ** (_C * _Z)
    eccentricity = (np.cos(hue + 2) + 3.8) / 4
    t = 50000 / 13 * _NC * _NBB * eccentricity * np.hypot(a, b) / (red + green + 21 * blue / 20)
    M = t**0.9 * np.sqrt(J / 100) * (1.64 - 0.29**_N) ** 0.73 * _FL**0.25
    colourfulness = np.log1p(0.0228 * M) / 0.0228
    lightness = 1.7 * J / (1 + 0.007 * J)
    return np.stack([lightness, colourfulness * np.cos(hue), colourfulness * np.sin(hue)], axis=-1)


def _compressed(cones):
    power = (_FL * np.abs(cones) / 100) ** 0.42
    return np.sign(cones) * 400 * power / (27.13 + power) + 0.1


def _achromatic(cones):
    return (cones @ [2, 1, 1 / 20] - 0.305) * _NBB


def distances(colours, vision="normal"):
    """Distances of every two colours in CAM02-UCS, as one of the VISIONS sees them: shape (colours, colours)."""
    points = uniform(seen(linear(parts(colours)), vision))
    return np.linalg.norm(points[:, None] - points[None, :], axis=-1)


def smallest_distance(colours, vision=None):
    """Smallest distance of any two colours: under one of the VISIONS, or the least under all of them."""
    visions = VISIONS if vision is None else (vision,)
    pairs = np.triu_indices(len(colours), 1)
    return min(distances(colours, name)[pairs].min() for name in visions)


def luminance(colours):
    """Relative luminance, WCAG 2.1."""
    return linear(parts(colours)) @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """Contrast ratio of two colours, WCAG 2.1: from 1 to 21."""
    low, high = np.sort(luminance([one, other])) + 0.05
    return high / low


def greyscale(colours):
    """Colours as a greyscale printer gives them: greys of the same luminance, #rrggbb."""
    greys = np.rint(255 * encoded(luminance(colours))).astype(int)
    return [f"#{grey:02x}{grey:02x}{grey:02x}" for grey in greys]
