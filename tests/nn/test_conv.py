import pytest
import torch
from torch import nn

from nrae_geometric.nn import conv_decoder, conv_encoder
from nrae_geometric.nn.taylor.propagate import find_rule


@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (3, 4, 4), (2, 5, 7), (1, 4, 31), (1, 33, 6), (13, 9), (4, 4)]
)
def test_images_of_any_size_are_encoded_and_come_back(shape):
    z = conv_encoder(shape, 2)(torch.rand(3, *shape))
    assert z.shape == (3, 2)
    assert conv_decoder(2, shape)(z).shape == (3, *shape)


@pytest.mark.parametrize("shape", [(1, 8, 8), (5, 7)])
def test_every_pixel_counts(shape):
    image = torch.zeros(1, *shape, requires_grad=True)
    conv_encoder(shape, 2)(image).sum().backward()
    assert (image.grad != 0).all()

    (slope,) = torch.autograd.functional.jacobian(conv_decoder(1, shape), torch.zeros(1, 1))
    assert (slope != 0).all()


def test_decoder_mirrors_the_encoder():
    options = {"channels": (3, 5), "hidden": (7, 6), "activation": "relu"}
    encoder, decoder = conv_encoder((2, 8, 9), 1, **options), conv_decoder(1, (2, 8, 9), **options)
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    shapes, mirrored = (
        [tuple(layer.weight.shape) for layer in network if isinstance(layer, kinds)]
        for network in (encoder, decoder)
    )
    assert shapes[:2] == [(3, 2, 4, 4), (5, 3, 4, 4)]
    assert shapes[2:] == [(7, 20), (6, 7), (1, 6)]
    assert mirrored == [(6, 1), (7, 6), (20, 7), *shapes[1::-1]]


def test_every_layer_of_the_decoder_has_a_taylor_rule():
    for shape in ((2, 6, 7), (6, 7)):
        assert all(find_rule(layer) is not None for layer in conv_decoder(2, shape))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("shape", [(2, 5, 4), (4, 6)])
def test_decoder_is_expanded_exactly(assert_exact, shape, order):
    torch.manual_seed(0)
    decoder = conv_decoder(2, shape, channels=(3, 2), hidden=(4,), activation="tanh").double()
    z = torch.randn(3, 2, dtype=torch.float64)
    assert_exact(decoder, z, torch.randn(6, 2, dtype=torch.float64), order)


def test_generator_draws_as_the_global_one_does():
    for build in (lambda g: conv_encoder((1, 9, 8), 2, generator=g),
                  lambda g: conv_decoder(2, (1, 9, 8), generator=g)):  # fmt: skip
        torch.manual_seed(3)
        expected = build(None).state_dict()
        drawn = build(torch.Generator().manual_seed(3)).state_dict()
        assert all(torch.equal(drawn[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((784,), r"take images, .* but the points are \[N, 784\]"),
        ((2, 3, 4, 5), r"the points are \[N, 2, 3, 4, 5\]"),
        ((1, 3, 8), "take 4 x 4 pixels or more, but these images have 3 x 8"),
    ],
)
def test_points_that_are_no_images_are_an_error(shape, message):
    with pytest.raises(ValueError, match=message):
        conv_encoder(shape, 2)
    with pytest.raises(ValueError, match=message):
        conv_decoder(2, shape)
