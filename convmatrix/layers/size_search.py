"""Settings of a layer that take one size to another: the sizes' arithmetic the other way round."""

from typing import NamedTuple

from convmatrix.layers.arguments import flag, positive

__all__ = ["SizeSetting", "settings_between"]

_LARGEST_KERNEL = 11
"""Largest kernel size that is listed with small strides; with large ones, twice the stride."""


class SizeSetting(NamedTuple):
    """Kernel size, stride, padding on each side, and output padding, of one axis."""

    kernel_size: int
    stride: int
    padding: int
    output_padding: int = 0


def settings_between(input_size: int, output_size: int, *, transpose: bool = False) -> list[SizeSetting]:
    """List small settings that take an input size to an output size on one axis, the usual ones first.

    Kernels of at most 11, or of twice the stride; padding of at most half of the kernel; no dilation. Sizes are those
    of relationships 6 and 14 of Dumoulin & Visin, "A guide to convolution arithmetic for deep learning":
    o = floor((i + 2 p - k) / s) + 1, and o' = s (i' - 1) + a + k - 2 p of a transposed convolution, where a, the output
    padding, is less than s. First come strides that are the ratio of the sizes, and paddings of half of an odd kernel;
    of a transposed convolution, kernels of twice the stride, which reach each output equally often.

    Parameters
    ----------
    input_size, output_size : int
    transpose : bool, default False
        Of a transposed convolution.

    Returns
    -------
    list of SizeSetting
        Empty if there is none.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    Examples
    --------
    >>> settings_between(224, 112)[0]
    SizeSetting(kernel_size=3, stride=2, padding=1, output_padding=0)
    >>> [tuple(setting) for setting in settings_between(7, 14, transpose=True)[:2]]
    [(4, 2, 1, 0), (2, 2, 0, 0)]
    """
    small, large = positive("input_size", input_size), positive("output_size", output_size)
    back = flag("transpose", transpose)
    if not back:
        small, large = large, small  # of the forward convolution, the output and the input
    found = []
    for stride in range(1, _largest_stride(small, large) + 1):
        for kernel in range(1, max(_LARGEST_KERNEL, 2 * stride) + 1):
            for padding in range(kernel // 2 + 1):
                rest = large - (stride * (small - 1) + kernel - 2 * padding)
                if 0 <= rest < stride and large + 2 * padding >= kernel:
                    found.append(SizeSetting(kernel, stride, padding, rest if back else 0))
    unusual = _unusual_transposed if back else _unusual
    return sorted(found, key=lambda setting: (setting.stride * small != large, *unusual(setting)))


def _largest_stride(small: int, large: int) -> int:
    """The largest stride that can matter: where there is one window, all others have the same size."""
    return 1 if small == 1 else max(large // (small - 1), 1)


def _unusual(setting: SizeSetting) -> tuple[bool, bool, bool, int, int]:
    """Rank a setting: windows without gaps, half of an odd kernel as padding, then the size of the kernel."""
    kernel, stride, padding, _ = setting
    return kernel < stride, 2 * padding + 1 != kernel, kernel == 1 < stride, abs(kernel - 3), padding


def _unusual_transposed(setting: SizeSetting) -> tuple[bool, bool, bool, int, int]:
    """Rank a setting: stamps without gaps, no output padding, kernels that the stride divides, twice the stride."""
    kernel, stride, padding, rest = setting
    even = kernel % stride == 0 if stride > 1 else 2 * padding + 1 == kernel
    return kernel < stride, rest > 0, not even, abs(kernel - max(2 * stride, 3)), kernel
