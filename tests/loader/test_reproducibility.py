from typing import Any

import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader


def make_loader(data: Data, seed: int | None = 0, **options: Any) -> NeighborhoodLoader:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return NeighborhoodLoader(data, 1, batch_size=2, shuffle=True, generator=generator, **options)


def epoch(loader: NeighborhoodLoader) -> list[list[Any]]:
    return [[batch.n_id.tolist(), batch.e_id.tolist()] for batch in loader]


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"replace": True}])
def test_equal_seeds_give_equal_epochs(ragged: Data, options: dict[str, Any]) -> None:
    one, two = make_loader(ragged, **options), make_loader(ragged, **options)
    first, second = epoch(one), epoch(one)
    assert [first, second] == [epoch(two), epoch(two)]
    assert first != second
    assert first != epoch(make_loader(ragged, seed=1, **options))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_generators_state_at_an_epoch_boundary_is_all_there_is(
    ragged: Data, num_workers: int
) -> None:
    loader = make_loader(ragged, num_workers=num_workers)
    epoch(loader)
    state = loader.generator.get_state()
    expected = [epoch(loader), epoch(loader)]

    resumed = make_loader(ragged, seed=99, num_workers=num_workers)
    resumed.generator.set_state(state)
    assert [epoch(resumed), epoch(resumed)] == expected


def test_an_unfinished_epoch_leaves_the_same_state_as_a_finished_one(ragged: Data) -> None:
    finished, unfinished = make_loader(ragged), make_loader(ragged)
    epoch(finished)
    next(iter(unfinished))
    assert epoch(finished) == epoch(unfinished)


def test_without_a_generator_the_default_one_decides(ragged: Data) -> None:
    loader = make_loader(ragged, seed=None)
    torch.manual_seed(5)
    expected = epoch(loader)
    torch.manual_seed(5)
    assert epoch(loader) == expected
    assert epoch(loader) != expected


def test_a_batch_asked_for_by_position_comes_from_the_generator(ragged: Data) -> None:
    one, two = make_loader(ragged), make_loader(ragged)
    assert torch.equal(one([3, 1]).n_id[:2], torch.tensor([3, 1]))
    two([3, 1])
    assert [one([3, 2]).e_id.tolist() for _ in range(8)] == [
        two([3, 2]).e_id.tolist() for _ in range(8)
    ]


def test_workers_and_the_main_process_give_the_same_kind_of_batches(ragged: Data) -> None:
    for main, worker in zip(
        make_loader(ragged),
        make_loader(ragged, num_workers=2, persistent_workers=True),
        strict=True,
    ):
        assert main.keys() == worker.keys()
        assert main.num_edges == worker.num_edges
        assert main.num_sampled_edges == worker.num_sampled_edges
        assert torch.equal(main.edge_attr[::2], worker.edge_attr[::2])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_transform_sees_every_finished_batch(ragged: Data, num_workers: int) -> None:
    def double(batch: Data) -> Data:
        batch.doubled = 2 * batch.x[: batch.batch_size]
        batch.had_edge_ids = "e_id" in batch
        return batch

    for batch in make_loader(ragged, num_workers=num_workers, transform=double):
        assert torch.equal(batch.doubled, 2 * ragged.x[batch.n_id[: batch.batch_size]])
        assert batch.had_edge_ids


def test_drop_last_and_own_samplers_set_the_batches(ragged: Data) -> None:
    loader = NeighborhoodLoader(ragged, 1, batch_size=4, drop_last=True)
    assert len(loader) == len(list(loader)) == 1
    order = NeighborhoodLoader(ragged, 1, batch_size=4, sampler=[5, 4, 3])
    assert [batch.input_id.tolist() for batch in order] == [[5, 4, 3]]
    grouped = NeighborhoodLoader(ragged, 1, batch_sampler=[[0], [1, 2], [0, 5]])
    assert [batch.input_id.tolist() for batch in grouped] == [[0], [1, 2], [0, 5]]
