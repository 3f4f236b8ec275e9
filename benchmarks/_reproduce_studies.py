"""All runs of ``reproduce.py``."""

from _reproduce_runs import Run

MODELS = ("AE", "NRAEL", "NRAEQ")
# The graph whose coordinates an autoencoder starts from is that of NRAE-L; no step samples it.
AE_GRAPH = {"data.training.graph.num_nn": 2}


def studies(num_seeds: int, *, quick: bool) -> list[Run]:
    """All runs of the record."""
    runs = _published(num_seeds, quick) + _extra(num_seeds, quick)
    return runs if quick else runs + _noise_and_size() + _k_and_lambda()


def _published(num_seeds: int, quick: bool) -> list[Run]:
    """The published settings, and an autoencoder stopped early."""
    short = {"training.num_epochs": 200} if quick else {}
    return [
        Run(study, f"{model}_{experiment}", {"seed": seed, **short})
        for study, experiment, seeds in (
            ("sine", "toy_denoising", num_seeds),
            ("roll", "toy_geometry_preserving", num_seeds),
            ("rotated", "mnist_rotated", min(num_seeds, 3)),
            ("shifted", "mnist_shifted", min(num_seeds, 3)),
        )
        for seed in range(1, seeds + 1)
        for model in MODELS
    ] + [
        Run("sine", "AE_toy_denoising", {"seed": seed, **short}, held_out=10)
        for seed in range(1, num_seeds + 1)
    ]


def _extra(num_seeds: int, quick: bool) -> list[Run]:
    """What repairs the seeds that fail, and where it is put to the test."""
    # The warm start has 500 steps of all points; with 600 epochs of two steps each it costs less
    # than half of the published 2001 epochs.
    runs = [
        Run(
            "roll",
            f"{model}_toy_geometry_preserving",
            {
                "seed": seed,
                "training.init": "geodesic",
                "training.num_epochs": 200 if quick else 600,
                **(AE_GRAPH if model == "AE" else {}),
            },
        )
        for seed in range(1, 2 * num_seeds + 1)
        for model in MODELS
    ]
    fewer = {"neighbors": (8,), "weights": (1.0,), "num_epochs": 100} if quick else {}
    runs += [
        Run("sine", "NRAE_cross_validated_sine", {"seed": seed, **fewer})
        for seed in range(1, num_seeds + 1)
    ]
    brief = {"num_epochs": 10} if quick else {}
    runs += [
        Run("sheet", f"{model}_sheet", {"seed": seed, "order": order, **brief})
        for seed in range(1, num_seeds + 1)
        for order, model in enumerate(MODELS)
    ]
    # Few neighbors: with the published 10, wrong edges join the ends of half a turn of some digits.
    runs += [
        Run(
            f"orbits {degrees}",
            f"{model}_mnist_rotated",
            {
                "seed": 1,
                "data.training.digit": digit,
                "data.training.rotate_range": degrees,
                "data.training.graph.num_nn": 4,
                "training.init": "geodesic",
                "training.num_epochs": 20 if quick else 60,
            },
        )
        for degrees, models in ((90, MODELS[1:]), (180, MODELS[1:]), (360, MODELS[1:2]))
        for digit in (range(2) if quick else range(10))
        for model in models
    ]
    return runs


def _noise_and_size() -> list[Run]:
    runs = []
    for noise in (0.05, 0.1, 0.2, 0.4):
        for num_data in (20, 50, 200, 500):
            # As many steps as the published 50 points get, in however many epochs.
            epochs = max(1, round(2001 * 2 / -(-num_data // 32)))
            overrides = {
                "data.training.noise_level": noise,
                "data.training.num_data": num_data,
                "training.num_epochs": epochs,
                "seed": 1,
            }
            runs += [Run("noise and size", f"{model}_toy_denoising", overrides) for model in MODELS]
    return runs


def _k_and_lambda() -> list[Run]:
    # In the published experiment no center is among its own neighbors: every term of the loss has
    # the weight lambda, which then changes nothing. Beside it, each center and two neighbors.
    centered = {"data.training.graph.include_center": True, "data.training.graph.bs_nn": 3}
    return [
        Run(
            study,
            f"{model}_toy_denoising",
            {
                "data.training.graph.num_nn": k,
                "model.kernel.lambda": weight,
                "seed": 1,
                **steps,
            },
        )
        for study, steps in (("k and lambda", {}), ("k and lambda with center", centered))
        for k in (5, 10, 20)
        for weight in (1, 10, 100, 1000)
        for model in MODELS[1:]
    ]
