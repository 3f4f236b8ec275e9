"""A page as a file: it holds all that it needs, and nothing that users bring is markup."""

import html.parser
import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.report import estimator_subject, make_report, run_subject
from nrae_geometric.report.blocks import Blocks
from nrae_geometric.report.quality import READINGS
from nrae_geometric.report.subject import Subject
from nrae_geometric.visualization import plot_embedding

from .conftest import HOSTILE, fitted


class Tags(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_page_loads_nothing_and_its_policy_forbids_it(image_page):
    tags = Tags(image_page.html).found
    assert [a for _, a in tags if {"src", "href", "srcset", "action"} & set(a)] == []
    assert [a for _, a in tags if any(name.startswith("on") or name == "style" for name in a)] == []
    [policy] = [a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_page_is_the_same_each_time(images, image_model, image_page):
    again = make_report(estimator_subject(image_model, *images, label_name="half"))
    assert again.html == image_page.html


def test_names_and_labels_are_text():
    points = np.random.default_rng(0).normal(size=(40, 4))
    frame = pd.DataFrame(points, columns=[HOSTILE, "b", "<script>", "{{ 7 * 7 }}"])
    subject = estimator_subject(
        fitted(frame), frame, [HOSTILE] * 40, title=HOSTILE, label_name=HOSTILE, command=HOSTILE
    )
    tags = Tags(make_report(subject).html)
    assert not [tag for tag, _ in tags.found if tag == "img"]
    assert [tag for tag, _ in tags.found].count("script") == 4
    assert HOSTILE in tags.text


def test_hostile_names_do_nothing_in_a_browser(opened):
    points = np.random.default_rng(0).normal(size=(40, 4))
    frame = pd.DataFrame(points, columns=[HOSTILE, "b", "<script>", "d"])
    labels = [HOSTILE, "b"] * 20
    report = make_report(
        estimator_subject(
            fitted(frame), frame, labels, label_name=HOSTILE, units={"b": "<script>kg"}
        )
    )
    page = opened(report)
    page.evaluate("nraeReport.select([0, 1]); nraeReport.hover(0)")
    assert page.locator("img").count() == 0
    assert "<script>kg" in page.inner_text("#decoded")
    assert page.locator("#rows th").last.inner_text() == "d"
    assert page.title() != "hit"


def test_sixty_thousand_images_stay_below_ten_megabytes(image_model):
    random = np.random.default_rng(0)
    points = random.uniform(size=(60_000, 1, 8, 8)).round(1)
    page = make_report(estimator_subject(image_model, points)).html
    assert len(page) < 10_000_000


def test_optional_arrays_keep_to_the_budget():
    blocks = Blocks(1000)
    noise = np.random.default_rng(0).integers(0, 256, 2000, dtype=np.uint8)
    assert not blocks.add("noise", noise, optional=True)
    assert blocks.add("zeros", np.zeros(2000, dtype=np.uint8), optional=True)
    assert list(blocks.directory) == ["zeros"]


def test_edges_are_those_between_the_given_points(images, image_model):
    rows = np.random.default_rng(0).permutation(len(images[0]))[:60]
    subject = estimator_subject(image_model, images[0][rows])
    graph = image_model.graph_.edge_index.numpy()
    known = set(map(tuple, graph.T))
    assert {(rows[a], rows[b]) for a, b in subject.edge_index.T} == {
        (a, b) for a, b in known if a in rows and b in rows
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": [1, 2]}, "one label for each of 120 points"),
        ({"image_shape": (9, 9)}, "image_shape must be"),
    ],
)
def test_what_does_not_fit_the_points_is_refused(image_model, options, message):
    with pytest.raises(ValueError, match=message):
        estimator_subject(image_model, **options)


def test_estimator_writes_and_shows_its_page(images, image_model, tmp_path):
    report = image_model.report(tmp_path / "page.html", *images)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == report.html
    shown = report._repr_html_()
    assert shown.startswith("<iframe")
    assert "allow-same-origin" not in shown
    assert "data:image/png" in image_model._repr_mimebundle_()["text/html"]


def content_of(report):
    return json.loads(re.search(r'id="content">(.*?)</script>', report.html, re.DOTALL)[1])


def test_units_are_those_in_the_names_and_those_given():
    names = ["mass [kg]", "height (cm)", "f(x)", "area (2)", "humidity (%)", "age", "speed [km/h]"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, len(names))), columns=names)
    given = {"age": "years", "speed [km/h]": "m/s"}
    report = make_report(estimator_subject(fitted(frame), units=given))
    assert content_of(report)["points"]["units"] == {
        "0": ["mass", "kg"],
        "1": ["height", "cm"],
        "4": ["humidity", "%"],
        "5": ["age", "years"],
        "6": ["speed", "m/s"],
    }


def test_unit_of_no_column_is_refused(image_model):
    with pytest.raises(ValueError, match="columns have no names"):
        estimator_subject(image_model, units={"mass": "kg"})
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])
    with pytest.raises(ValueError, match="'mass', which is no column; there are a, b, c"):
        estimator_subject(fitted(frame), units={"mass": "kg"})


def test_command_has_the_device_of_the_training(tmp_path):
    points = np.random.default_rng(0).normal(size=(40, 3))
    fitted(points, device="auto").save(tmp_path / "model.nrae")
    loaded = ManifoldAutoencoder.load(tmp_path / "model.nrae", device="cpu")
    assert "device" not in estimator_subject(loaded).command


def test_training_without_a_seed_is_not_repeated_exactly(image_model):
    points = np.random.default_rng(0).normal(size=(40, 3))
    assert "not the same" in make_report(estimator_subject(fitted(points, random_state=None))).html
    assert "not the same" not in make_report(estimator_subject(image_model)).html


def test_page_of_a_run_has_its_settings_and_measures(tmp_path):
    from nrae_geometric.configs import load_config
    from nrae_geometric.experiments import run_experiment

    config = load_config("NRAEL_toy_denoising", {"training.num_epochs": 3})
    result = run_experiment(config, logdir=tmp_path, animate=False, progress=False, device="cpu")
    subject = run_subject(result.directory)
    assert isinstance(subject, Subject)
    assert len(subject.history) == 3
    content = content_of(make_report(subject))
    assert content["kind"] == "plane"
    assert "nrae train" in content["command"]
    assert {"name": "model.z_dim", "value": "1", "reason": ""} in content["settings"]
    assert "reconstruction error" in [each["name"] for each in content["truth"]]


def test_measures_are_those_of_the_page(image_page):
    assert set(image_page.measures) == set(READINGS)
    assert 0.5 < image_page.measures["trustworthiness"] <= 1
    assert f"{image_page.measures['trustworthiness']:.3f}" in image_page.html


def test_trustworthiness_is_not_read_as_recall():
    assert "from far away" in READINGS["trustworthiness"]
    assert "exact nearest neighbors" in READINGS["neighborhood recall"]


def test_page_says_whose_points_it_shows():
    points = np.random.default_rng(0).normal(size=(40, 3))
    model = fitted(points)
    others = points + 1
    for given, origin in (
        (None, "those learned from"),
        (points, "those learned from"),
        (others, "none of those learned from"),
        (np.concatenate([points, others]), "40 of them learned from"),
    ):
        assert f"({origin})" in make_report(estimator_subject(model, given)).html


def test_names_are_those_of_the_points_where_none_are_given():
    points = np.random.default_rng(0).normal(size=(40, 3))
    subject = estimator_subject(fitted(points), points, pd.Series([0, 1] * 20, name="kind"))
    assert subject.title == "40 points on a plane"
    assert subject.label_name == "kind"
    assert estimator_subject(fitted(points), points, [0, 1] * 20).label_name == "label"


def test_classes_and_their_colors_are_those_of_the_picture(image_model):
    labels = np.array([f"class {int(i**0.5)}" for i in range(120)])
    content = content_of(make_report(estimator_subject(image_model, y=labels)))
    axes = plot_embedding(image_model.embedding_, labels=labels, ax=Figure().subplots())
    legend = axes.get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [*content["colors"][0]["classes"][:10], "others"]
    colors = [to_hex(handle.get_color()) for handle in legend.legend_handles]
    assert colors[:10] == [to_hex(color) for color in content["class_colors"]["light"]]
