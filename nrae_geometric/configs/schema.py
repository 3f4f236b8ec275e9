"""The published configuration files' keys, types and ranges."""

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

Activation = Literal[
    "relu", "sigmoid", "softplus", "linear", "tanh", "leakyrelu", "softmax", "selu", "elu"
]


def _plain_name(name: str) -> str:
    if not name.strip(". ") or any(separator in name for separator in "/\\\0"):
        raise ValueError("must be the plain name of a folder")
    return name


class Section(BaseModel):
    """A part of the file: unknown keys are faults, and no value is converted silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Graph(Section):
    """The k-nearest-neighbor graph, and how many neighbors a step samples.

    ``bs_nn`` counts the center when ``include_center`` is true.
    """

    include_center: bool
    replace: bool
    num_nn: PositiveInt
    bs_nn: PositiveInt


class Points(Section):
    """What every data section has."""

    split: Literal["training", "test"] | None = None
    batch_size: PositiveInt
    graph: Graph | None = None


class SyntheticPoints(Points):
    """Points on a plane curve. ``swiss_role`` is the published spelling of ``swiss_roll``."""

    dataset: Literal["synthetic"]
    type: Literal["sincurve", "swiss_role", "swiss_roll"] = "sincurve"
    num_data: Annotated[int, Field(ge=2)] = 50
    noise_level: NonNegativeFloat = 0.0


class MNISTPoints(Points):
    """The first training image of a digit, rotated or shifted."""

    dataset: Literal["mnist"]
    root: str = "./dataset"
    type: Literal["rotate", "shift"] = "rotate"
    digit: Annotated[int, Field(ge=0, le=9)] = 0
    num_rotate: Annotated[int, Field(ge=2)] = 100
    rotate_range: Annotated[float, Field(gt=0, le=360)] = 180.0
    shift_range: Annotated[int, Field(ge=1, le=28)] = 10


DataSection = Annotated[SyntheticPoints | MNISTPoints, Field(discriminator="dataset")]


class Data(Section):
    """What is learned from, and what the result is measured on."""

    training: DataSection
    test: DataSection | None = None


class Network(Section):
    """Fully connected layers; ``l_hidden`` and ``activation`` name one hidden layer each."""

    arch: Literal["fc_vec", "fc_image"]
    l_hidden: list[PositiveInt]
    activation: list[Activation]
    out_activation: Activation


class Kernel(Section):
    """How much a neighbor's reconstruction counts against the center's."""

    type: Literal["binary"]
    weight: NonNegativeFloat = Field(alias="lambda")


class Model(Section):
    """An autoencoder (``ae``), or an NRAE of first (``nrael``) or second order (``nraeq``)."""

    arch: Literal["ae", "nrael", "nraeq"]
    x_dim: PositiveInt
    z_dim: PositiveInt
    encoder: Network
    decoder: Network
    kernel: Kernel | None = None


class Optimizer(Section):
    """Adam's learning rate at the start."""

    lr: PositiveFloat = 0.001


class Training(Section):
    """How often all points are seen, and from where the weights start.

    ``init`` is ``random`` as published, or ``geodesic`` for a warm start.
    """

    num_epochs: PositiveInt
    init: Literal["random", "geodesic"] = "random"


class ExperimentSections(Section):
    """The whole file."""

    exp_name: Annotated[str, AfterValidator(_plain_name)]
    seed: NonNegativeInt = 1
    data: Data
    model: Model
    optimizer: Optimizer = Optimizer()
    training: Training
