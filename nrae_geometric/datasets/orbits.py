r"""Orbits of one handwritten digit, under rotation and under horizontal translation.

An affine map about the image's center takes each output pixel at offset :math:`\mathbf{p}` from
the center to the source offset :math:`A \mathbf{p} + \mathbf{b}`; the output is the value of the
nearest source pixel, or zero outside the image. No value is interpolated, so every pixel of an
orbit is a pixel of the image or zero.
"""

import os
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.arguments import integer, number
from nrae_geometric.datasets.digits import load_resized_digits
from nrae_geometric.datasets.mnist import data_root, load_mnist, select_image
from nrae_geometric.registry import DatasetSettings, register_dataset


def rotate(image: Tensor, angles: Tensor) -> Tensor:
    r"""Rotates an image about its center, clockwise.

    Args:
        image (Tensor): The image, of shape :obj:`[C, H, W]` and any type.
        angles (Tensor): The angles in degrees, of shape :obj:`[M]`.

    Returns:
        Tensor: One image for each angle, of shape :obj:`[M, C, H, W]` and the image's type.
    """
    radians = angles.double().deg2rad()
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    return _resample(image, torch.stack([cos, sin, zero, -sin, cos, zero], dim=1).view(-1, 2, 3))


def shift(image: Tensor, offsets: Tensor, scale: float = 1.0) -> Tensor:
    r"""Scales an image about its center, then moves it to the right.

    Args:
        image (Tensor): The image, of shape :obj:`[C, H, W]` and any type.
        offsets (Tensor): The shifts in pixels, of shape :obj:`[M]`; negative ones go left.
        scale (float, optional): The factor by which the picture grows. (default: :obj:`1.0`)

    Returns:
        Tensor: One image for each offset, of shape :obj:`[M, C, H, W]` and the image's type.
    """
    inverse = offsets.new_zeros(len(offsets), 2, 3, dtype=torch.float64)
    inverse[:, 0, 0] = inverse[:, 1, 1] = 1 / scale
    inverse[:, 0, 2] = -offsets.double() * (1 / scale)
    return _resample(image, inverse)


def _resample(image: Tensor, inverse: Tensor) -> Tensor:
    r"""Looks up the nearest source pixels; :obj:`inverse` :obj:`[M, 2, 3]` holds
    :math:`[A \,|\, \mathbf{b}]` in (x, y) order.

    A scale such as 0.7 puts some source points exactly between two pixels, where rounding errors
    decide. Single precision on coordinates normalized to [-1, 1], in this order of operations,
    decides as torchvision does. Elementwise operations, unlike a matrix product or
    :func:`torch.nn.functional.grid_sample`, round alike on every machine.
    """
    height, width = image.shape[-2:]
    size = torch.tensor([width, height], dtype=torch.float32, device=image.device).view(2, 1, 1)
    x = torch.arange(width, dtype=torch.float32, device=image.device) - (width - 1) / 2
    y = torch.arange(height, dtype=torch.float32, device=image.device) - (height - 1) / 2
    matrix = inverse.to(image.device, torch.float32)[..., None, None] / (size / 2).unsqueeze(1)
    ax, ay, b = matrix.unbind(2)
    normalized = ax * x + ay * y.unsqueeze(1) + b  # [M, 2, H, W]
    source = torch.round(((normalized + 1) * size - 1) / 2)

    outside = ((source < 0) | (source >= size)).any(dim=1)
    column, row = torch.minimum(source.clamp(min=0), size - 1).long().unbind(1)
    return image[:, row, column].masked_fill(outside, 0).transpose(0, 1).contiguous()


class OrbitDataset(InMemoryDataset):
    r"""Base class of data sets that transform one image :obj:`[C, H, W]` by evenly spaced
    parameters, such as angles.
    """

    def __init__(
        self,
        image: Tensor,
        num_images: int,
        root: str | os.PathLike[str] | None = None,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        super().__init__(None if root is None else os.fspath(root), transform)
        self.image = image
        self.data, self.slices = self.collate([self.manifold(num_images)])

    def parameters(self, num: int) -> Tensor:
        r"""Returns evenly spaced parameters in double precision, of shape :obj:`[num]`."""
        raise NotImplementedError

    def images(self, parameters: Tensor) -> Tensor:
        r"""Returns the image of each parameter, of shape :obj:`[num, C, H, W]`."""
        raise NotImplementedError

    def manifold(self, num: int = 1000) -> Data:
        r"""Returns points of the orbit, in the order of the parameter.

        Args:
            num (int, optional): The number of points. (default: :obj:`1000`)

        Returns:
            Data: The images :obj:`x` :obj:`[num, C, H, W]` and the parameters :obj:`y`
            :obj:`[num]`, evenly spaced over the range of the data set.
        """
        parameters = self.parameters(integer("num", num, 1))
        return Data(x=self.images(parameters), y=parameters.float())


class _RotatedDataset(OrbitDataset):
    """The orbit of an image under rotation."""

    def __init__(
        self,
        image: Tensor,
        digit: int,
        index: int,
        num_rotate: int,
        rotate_range: float,
        root: str | os.PathLike[str] | None,
        transform: Callable[[Data], Data] | None,
    ) -> None:
        num_rotate = integer("num_rotate", num_rotate, 1)
        if not 0 < number("rotate_range", rotate_range) <= 360:
            raise ValueError(
                f"rotate_range must be above 0 and at most 360 degrees, got {rotate_range}"
            )
        self.digit, self.index = digit, index
        self.num_rotate, self.rotate_range = num_rotate, rotate_range
        super().__init__(image, num_rotate, root, transform)

    def parameters(self, num: int) -> Tensor:
        r"""Returns the angles :obj:`i * rotate_range / num` in degrees."""
        return torch.arange(num, dtype=torch.float64) * self.rotate_range / num

    def images(self, parameters: Tensor) -> Tensor:
        r"""Returns the rotated images."""
        return rotate(self.image, parameters)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(digit={self.digit}, num_rotate={self.num_rotate}, "
            f"rotate_range={self.rotate_range}, index={self.index})"
        )


class RotatedMNIST(_RotatedDataset):
    r"""One MNIST image of a digit, rotated clockwise about its center to evenly spaced
    angles, as in the `"Neighborhood Reconstructing Autoencoders"
    <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper.

    The one graph has the images as :obj:`x` of shape :obj:`[num_rotate, 1, 28, 28]` with values
    in :math:`[0, 1]`, and the angles in degrees, :obj:`i * rotate_range / num_rotate` for
    :obj:`i` from 0, as :obj:`y` of shape :obj:`[num_rotate]`. Pixels are resampled by nearest
    neighbor, with zeros from outside the image.

    Args:
        root (str or os.PathLike): The data folder, see :class:`MNIST`.
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        num_rotate (int, optional): The number of angles. (default: :obj:`100`)
        rotate_range (float, optional): The range of the angles in degrees, its end left out; at
            most 360. (default: :obj:`180`)
        index (int, optional): Which image of the digit, in the order of the split.
            (default: :obj:`0`, the first)
        split (str, optional): :obj:`"train"` or :obj:`"test"`. (default: :obj:`"train"`)
        download (bool, optional): Whether to download missing files. (default: :obj:`True`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If a file is missing and not downloaded.
        ValueError: If an argument is out of its range, or a file is damaged.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        digit: int = 3,
        num_rotate: int = 100,
        rotate_range: float = 180,
        index: int = 0,
        split: str = "train",
        download: bool = True,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        image = _mnist_image(root, digit, index, split, download)
        super().__init__(image, digit, index, num_rotate, rotate_range, root, transform)


class RotatedDigits(_RotatedDataset):
    r"""One of scikit-learn's handwritten digits, rotated as in :class:`RotatedMNIST`; works
    without a download.

    The one graph has the images as :obj:`x` of shape :obj:`[num_rotate, 1, 28, 28]` with values
    in :math:`[0, 1]`, and the angles in degrees as :obj:`y` of shape :obj:`[num_rotate]`.

    Args:
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        num_rotate (int, optional): The number of angles. (default: :obj:`100`)
        rotate_range (float, optional): The range of the angles in degrees, its end left out; at
            most 360. (default: :obj:`180`)
        index (int, optional): Which image of the digit. (default: :obj:`0`, the first)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        digit: int = 3,
        num_rotate: int = 100,
        rotate_range: float = 180,
        index: int = 0,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        image = select_image(*load_resized_digits(), digit, index)
        super().__init__(image, digit, index, num_rotate, rotate_range, None, transform)


class ShiftedMNIST(OrbitDataset):
    r"""One MNIST image of a digit, scaled about its center and shifted sideways pixel by pixel,
    as in the `"Neighborhood Reconstructing Autoencoders"
    <https://openreview.net/forum?id=v3LXWP63qOZ>`_ paper.

    The one graph has the images as :obj:`x` of shape :obj:`[2 * shift_range, 1, 28, 28]` with
    values in :math:`[0, 1]`, and the shifts in pixels, :obj:`-shift_range` to
    :obj:`shift_range - 1`, as :obj:`y` of shape :obj:`[2 * shift_range]`; positive ones go to the
    right. Pixels are resampled by nearest neighbor, with zeros from outside the image.

    Args:
        root (str or os.PathLike): The data folder, see :class:`MNIST`.
        digit (int, optional): The digit, 0 to 9. (default: :obj:`3`)
        shift_range (int, optional): The number of pixels to go to either side, at most 28.
            (default: :obj:`10`)
        scale (float, optional): The factor by which the digit grows. (default: :obj:`0.7`)
        index (int, optional): Which image of the digit, in the order of the split.
            (default: :obj:`0`, the first)
        split (str, optional): :obj:`"train"` or :obj:`"test"`. (default: :obj:`"train"`)
        download (bool, optional): Whether to download missing files. (default: :obj:`True`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If a file is missing and not downloaded.
        ValueError: If an argument is out of its range, or a file is damaged.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        digit: int = 3,
        shift_range: int = 10,
        scale: float = 0.7,
        index: int = 0,
        split: str = "train",
        download: bool = True,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        shift_range = integer("shift_range", shift_range, 1, 28)
        number("scale", scale, above=0)
        self.digit, self.index = digit, index
        self.shift_range, self.scale = shift_range, scale
        image = _mnist_image(root, digit, index, split, download)
        super().__init__(image, 2 * shift_range, root, transform)

    def parameters(self, num: int) -> Tensor:
        r"""Returns shifts in pixels from :obj:`-shift_range` to :obj:`shift_range - 1`."""
        return torch.linspace(-self.shift_range, self.shift_range - 1, num, dtype=torch.float64)

    def images(self, parameters: Tensor) -> Tensor:
        r"""Returns the shifted images."""
        return shift(self.image, parameters, self.scale)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(digit={self.digit}, shift_range={self.shift_range}, "
            f"scale={self.scale}, index={self.index})"
        )


def _mnist_image(
    root: str | os.PathLike[str], digit: int, index: int, split: str, download: bool
) -> Tensor:
    images, labels = load_mnist(root, split, download)
    return select_image(images, labels, digit, index).float() / 255


class _OrbitSettings(DatasetSettings):
    """The settings of an orbit of one digit."""

    digit: Annotated[int, Field(ge=0, le=9)] = 0
    num_rotate: Annotated[int, Field(ge=2, le=10**6)] = 100
    rotate_range: Annotated[float, Field(gt=0, le=360)] = 180.0

    def test_points(self, dataset: OrbitDataset) -> Data:
        """Returns the points of the orbit itself."""
        return dataset[0]

    @property
    def num_points(self) -> int:
        """The number of images."""
        return self.num_rotate

    @property
    def point_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return (1, 28, 28)


class _MNISTSettings(_OrbitSettings):
    """The published settings, which name rotation and shift alike in every file."""

    dataset: Literal["mnist"]
    root: str = "./dataset"
    shift_range: Annotated[int, Field(ge=1, le=28)] = 10


@register_dataset
class RotatedMNISTSettings(_MNISTSettings):
    """The settings of :class:`RotatedMNIST` in a configuration."""

    coordinate: ClassVar[str] = "angle in degrees"

    type: Literal["rotate"] = "rotate"

    def build(self, seed: int) -> RotatedMNIST:
        """Returns the data set."""
        return RotatedMNIST(data_root(self.root), self.digit, self.num_rotate, self.rotate_range)


@register_dataset
class ShiftedMNISTSettings(_MNISTSettings):
    """The settings of :class:`ShiftedMNIST` in a configuration."""

    coordinate: ClassVar[str] = "shift in pixels"

    type: Literal["shift"]

    def build(self, seed: int) -> ShiftedMNIST:
        """Returns the data set."""
        return ShiftedMNIST(data_root(self.root), self.digit, self.shift_range)

    @property
    def num_points(self) -> int:
        """The number of images."""
        return 2 * self.shift_range


@register_dataset
class RotatedDigitsSettings(_OrbitSettings):
    """The settings of :class:`RotatedDigits` in a configuration."""

    coordinate: ClassVar[str] = "angle in degrees"

    dataset: Literal["digits"]
    type: Literal["rotate"] = "rotate"

    def build(self, seed: int) -> RotatedDigits:
        """Returns the data set."""
        return RotatedDigits(self.digit, self.num_rotate, self.rotate_range)
