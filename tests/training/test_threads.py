import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE, mlp
from nrae_geometric.training import Callback, Trainer
from nrae_geometric.training.threads import suitable_threads, threads_worth
from nrae_geometric.transforms import KNNGraph

CPU = torch.device("cpu")
# A matrix product of a million multiplications a row.
WIDE = nn.Linear(1000, 1000, bias=False, device="meta")


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def in_new_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@pytest.mark.parametrize(("num_rows", "worth"), [(1, 1), (299, 1), (300, 2), (599, 2), (3000, 11)])
def test_each_300_million_multiplications_are_worth_a_thread(num_rows, worth):
    assert threads_worth(WIDE, num_rows) == worth


def test_small_steps_have_one_thread_and_large_ones_what_the_host_allows():
    with suitable_threads(WIDE, 100, CPU):
        assert torch.get_num_threads() == 1
    with suitable_threads(WIDE, 100_000, CPU):
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 2


def test_no_more_threads_than_the_host_allows():
    torch.set_num_threads(1)
    with suitable_threads(WIDE, 100_000, CPU):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("model", "num_rows", "device"),
    [(WIDE, None, "cpu"), (nn.Conv2d(1, 1, 3), 1, "cpu"), (WIDE, 1, "cuda")],
    ids=["batches of unknown size", "convolutions", "steps on a GPU"],
)
def test_setting_stays_where_nothing_is_known_of_the_work_or_it_is_elsewhere(
    model, num_rows, device
):
    with suitable_threads(model, num_rows, torch.device(device)):
        assert torch.get_num_threads() == 2


def test_setting_is_as_before_after_an_error():
    with pytest.raises(ZeroDivisionError), suitable_threads(WIDE, 1, CPU):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
    assert in_new_thread(torch.get_num_threads) == 2


def test_other_threads_keep_their_setting_and_new_ones_have_that_of_the_host():
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == 2
        with suitable_threads(WIDE, 1, CPU):
            assert other.submit(torch.get_num_threads).result() == 2
            assert in_new_thread(torch.get_num_threads) == 2
        assert other.submit(torch.get_num_threads).result() == 2


def test_blocks_in_several_threads_leave_each_its_own_setting():
    inside = threading.Barrier(4)

    def block(allowed):
        torch.set_num_threads(allowed)
        with suitable_threads(WIDE, 1, CPU):
            inside.wait(10)
            number = torch.get_num_threads()
            inside.wait(10)
        return number, torch.get_num_threads()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(block, [1, 2, 3, 4])) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert torch.get_num_threads() == 2


class ThreadNumbers(Callback):
    """Notes the number of threads in each epoch."""

    def __init__(self):
        self.numbers = []

    def on_epoch_end(self, trainer, model):
        self.numbers.append(torch.get_num_threads())


class CountingAE(AE):
    """Notes the number of threads in each step."""

    numbers = ()

    def decode(self, z):
        self.numbers = (*self.numbers, torch.get_num_threads())
        return super().decode(z)


@pytest.mark.parametrize(("batch_size", "expected"), [(10, 1), (600, 2)])
def test_start_and_training_have_the_threads_of_their_sizes(batch_size, expected):
    x = torch.randn(1200, 2, generator=torch.Generator().manual_seed(0))
    data = KNNGraph(3)(Data(x=x))
    widths = [2, 400, 400, 1]
    model = CountingAE(mlp(widths, "elu"), mlp(widths[::-1], "elu"))
    loader = NeighborhoodLoader(data, 2, batch_size=batch_size)
    epochs = ThreadNumbers()
    start = EmbeddingStart(x[:, :1], num_steps=2)  # on 512 points drawn at random
    run = Trainer(1, callbacks=[start, epochs], device="cpu", progress=False)

    run.fit(model, loader)

    assert epochs.numbers == [expected]
    assert model.numbers[:2] == (1, 1)
    assert set(model.numbers[2:]) == {expected}
    assert torch.get_num_threads() == 2


def test_start_over_all_points_has_the_threads_of_its_own_size():
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0))
    model = CountingAE(mlp([2, 400, 400, 1], "elu"), mlp([1, 400, 400, 2], "elu"))
    loader = NeighborhoodLoader(KNNGraph(3)(Data(x=x)), 2, batch_size=10)
    start, epochs = EmbeddingStart(x[:, :1], num_steps=1), ThreadNumbers()

    Trainer(1, callbacks=[start, epochs], device="cpu", progress=False).fit(model, loader)

    assert epochs.numbers == [1]
    assert model.numbers[0] == 2
