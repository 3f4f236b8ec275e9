"""A page as it is used, in a browser."""

import csv

import numpy as np
import pandas as pd
import pytest

from nrae_geometric.configs import load_config
from nrae_geometric.experiments import run_experiment
from nrae_geometric.report import estimator_subject, make_report, run_subject

from .conftest import fitted


def plot(page):
    box = page.locator("#plot").bounding_box()
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])


def pixels(page):
    return page.evaluate(
        "() => { const c = document.querySelector('#decoded canvas');"
        "return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        ".filter((_, i) => i % 4 === 0); }"
    )


def test_dragging_shows_what_the_model_decodes_there(opened, image_page, image_model):
    page = opened(image_page)
    before, at = pixels(page), plot(page)
    page.mouse.move(*at(0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*at(0.25, 0.3))
    page.mouse.up()
    z = page.evaluate("nraeReport.z")
    low, high = page.evaluate("nraeReport.content.points.range")
    image = image_model.inverse_transform(np.array([z])).ravel()
    expected = np.round(255 * np.clip((image - low) / (high - low), 0, 1))
    assert pixels(page) != before
    np.testing.assert_allclose(pixels(page), expected, atol=1)


def swipe(page, *places):
    """A finger that goes through some places of the window."""
    session = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(places):
        kind = "touchMove" if number else "touchStart"
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        session.send("Input.dispatchTouchEvent", touch)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def along(start, end, steps=8):
    return [tuple(place) for place in np.linspace(start, end, steps)]


def test_finger_moves_the_decoded_place_and_the_page_stays(opened, image_page):
    page = opened(image_page, width=390, touch=True)
    at, before = plot(page), page.evaluate("nraeReport.z")
    page.touchscreen.tap(*at(0.7, 0.6))
    tapped = page.evaluate("nraeReport.z")
    assert tapped != before
    image = pixels(page)
    swipe(page, *along(at(0.7, 0.6), at(0.3, 0.3)))
    dragged = page.evaluate("nraeReport.z")
    assert dragged[0] < tapped[0]
    assert dragged[1] > tapped[1]
    assert pixels(page) != image
    assert page.evaluate("scrollY") == 0


def test_finger_on_a_point_shows_it_and_draws_a_lasso(opened, image_page):
    page = opened(image_page, width=390, touch=True)
    at = plot(page)
    row = 7
    place = page.evaluate(
        f"nraeReport.spot(Array.from(nraeReport.arrays.z.slice({2 * row}, {2 * row + 2})))"
    )
    page.touchscreen.tap(at(0, 0)[0] + 1 + place[0], at(0, 0)[1] + 1 + place[1])
    assert page.locator("#hovered dt").first.inner_text() == "row, counted from 0"
    assert page.locator("#hovered dd").first.inner_text() == "7"
    page.get_by_text("Lasso", exact=True).tap()
    corners = ((0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98))
    swipe(page, *(at(*corner) for corner in corners))
    assert page.inner_text("#selection-count") == "120 of 120"


def test_marks_of_the_map_are_explained_while_they_are_there(opened, image_page):
    page = opened(image_page)
    place, point = page.locator("#place-mark"), page.locator("#point-mark")
    assert (place.is_visible(), point.is_visible()) == (True, False)
    page.focus("#plot")
    page.keyboard.press("ArrowRight")
    assert (
        point.inner_text().strip()
        == "the point told about under Point, with lines to its neighbors"
    )
    page.get_by_text("Pan", exact=True).click()
    assert (place.is_visible(), point.is_visible()) == (False, True)


def test_finger_beside_the_map_scrolls_the_page(opened, image_page):
    page = opened(image_page, width=390, touch=True)
    box = page.locator("#plot").bounding_box()
    below = box["y"] + box["height"] + 30
    swipe(page, *along((200, below), (200, below - 300), 12))
    page.wait_for_timeout(500)
    assert page.evaluate("scrollY") > 100


def test_lasso_lists_rows_and_saves_them(opened, image_page, images, image_model):
    page = opened(image_page)
    page.get_by_text("Lasso", exact=True).click()
    at = plot(page)
    page.mouse.move(*at(0.01, 0.01))
    page.mouse.down()
    for corner in ((0.99, 0.01), (0.99, 0.99), (0.01, 0.99)):
        page.mouse.move(*at(*corner), steps=3)
    page.mouse.up()
    assert page.inner_text("#selection-count") == "120 of 120"
    with page.expect_download() as download:
        page.click("#download")
    with open(download.value.path(), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == list(map(str, range(120)))
    assert [row["half"] for row in rows] == images[1].tolist()
    z = np.array([[float(row["z1"]), float(row["z2"])] for row in rows])
    np.testing.assert_allclose(z, image_model.transform(images[0]), atol=1e-4)


def test_columns_are_bars_with_their_units(opened):
    names = ["mass [kg]", "height (cm)", "age", "size"]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 4)), columns=names)
    model = fitted(frame)
    page = opened(make_report(estimator_subject(model, frame, units={"age": "years"})))
    assert page.locator(".bars .name").all_inner_texts() == ["mass", "height", "age", "size"]
    values = [text.split(" ") for text in page.locator(".bars .value").all_inner_texts()]
    assert [unit for _, *unit in values] == [["kg"], ["cm"], ["years"], []]
    expected = model.inverse_transform(np.array([page.evaluate("nraeReport.z")]))[0]
    np.testing.assert_allclose([float(value) for value, *_ in values], expected, rtol=1e-3)


def test_all_values_of_a_point_are_shown_by_the_keyboard_and_stay(opened):
    points = np.random.default_rng(0).normal(size=(40, 11))
    model = fitted(points)
    page = opened(make_report(estimator_subject(model)))
    page.evaluate("nraeReport.hover(3)")
    texts = page.locator("#hovered p").inner_text().split("rows ")[1].split(", ")
    edges = model.graph_.edge_index
    known = edges[:, (edges == 3).any(dim=0)].unique().tolist()
    assert len(texts) == 5
    assert set(map(int, texts)) <= set(known) - {3}
    button, shown = page.locator("#all-values"), page.locator("#hovered dt", has_text="x")
    assert (shown.count(), button.inner_text()) == (8, "Show all 11 values")
    button.press("Enter")
    page.evaluate("nraeReport.hover(4)")
    values = page.locator("#hovered dd").all_inner_texts()[-11:]
    np.testing.assert_allclose(list(map(float, values)), points[4], rtol=1e-3)
    page.keyboard.press("Enter")
    assert (shown.count(), button.inner_text()) == (8, "Show all 11 values")


@pytest.mark.parametrize("dim", [6, 7])
def test_all_latents_of_a_point_are_offered_where_they_are_many(opened, dim):
    points = np.random.default_rng(0).normal(size=(40, 8))
    page = opened(make_report(estimator_subject(fitted(points, dim))))
    page.evaluate("nraeReport.hover(3)")
    assert page.get_by_role("button", name=f"Show all {dim} latents").is_visible() == (dim > 6)


def test_points_outside_of_a_selection_are_faint(opened, image_page):
    page = opened(image_page)
    tints = "Array.from({ length: 3 }, (_, i) => nraeReport.tints.slice(4 * i, 4 * i + 3).join())"
    before = page.evaluate(tints)
    page.evaluate("nraeReport.select([1])")
    first, second, third = page.evaluate(tints)
    assert second == before[1] != first == third
    page.click("#select-none")
    assert page.evaluate(tints) == before
    assert page.locator("#download").is_disabled()


def test_class_of_the_legend_is_brought_out_and_keeps_the_focus(opened, image_page):
    page = opened(image_page)
    button = page.locator("#legend button").first
    before = page.evaluate("Array.from(nraeReport.tints)")
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("Array.from(nraeReport.tints)") != before
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.evaluate("Array.from(nraeReport.tints)") == before


def test_classes_without_a_color_are_brought_out_in_ink(opened, image_model):
    labels = [f"class {i % 12:02}" for i in range(120)]
    page = opened(make_report(estimator_subject(image_model, y=labels)))
    tint = "(row) => nraeReport.tints.slice(4 * row, 4 * row + 3).join()"
    colored, other, another = (page.evaluate(tint, row) for row in (9, 10, 11))
    assert colored != other == another
    assert page.locator("#legend").inner_text().replace("\n", " ").count("others: class 10") == 1
    page.locator("#legend button", has_text="class 11").click()
    assert page.evaluate(tint, 9) == page.evaluate(tint, 10) == other
    assert page.evaluate(tint, 11) == "28,33,39"


def test_absent_values_have_a_reason(opened):
    points = np.random.default_rng(0).normal(size=(40, 3))
    model, labels = fitted(points, 1), np.arange(40.0)
    labels[5] = np.nan
    page = opened(make_report(estimator_subject(model, points + 1, labels)))
    [row] = page.locator("tr", has_text="torn edges").all_inner_texts()
    assert "none" in row.split("\t")[1]
    assert "none here: no edges join these points" in row
    page.evaluate("nraeReport.hover(5); nraeReport.select([4, 5])")
    assert page.locator("#hovered dd").nth(2).inner_text() == "none given"
    assert page.locator("#rows tr").nth(2).locator("td").nth(2).inner_text() == "none"
    with page.expect_download() as download:
        page.click("#download")
    with open(download.value.path(), newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["4", ""]
    assert "1 point in gray: none given." in page.inner_text("#legend")
    assert page.locator("#legend .ends").inner_text().split() == ["0", "39"]
    assert page.evaluate("nraeReport.places.every(Number.isFinite)")


def test_many_edges_are_drawn_once_the_map_rests(opened):
    points = np.random.default_rng(0).normal(size=(3000, 3))
    script = """const draw = WebGLRenderingContext.prototype.drawArrays;
    window.drawn = [];
    WebGLRenderingContext.prototype.drawArrays = function (kind, from, count) {
      if (kind === this.LINES) window.drawn.push(count / 2);
      return draw.call(this, kind, from, count);
    };"""
    page = opened(make_report(estimator_subject(fitted(points, n_neighbors=8))), script=script)
    page.check("#edges")
    page.wait_for_timeout(500)
    page.evaluate("drawn.length = 0")
    page.click("#closer")
    page.wait_for_timeout(1000)
    moving, *_, resting = [most for most in page.evaluate("drawn") if most > 1000]
    assert moving == 4000 < resting


def test_edges_are_told_in_words(opened, image_page):
    page = opened(image_page)
    page.check("#edges")
    text = page.inner_text("#edge-legend")
    assert f"{page.evaluate('nraeReport.content.graph.num_edges')} edges, in gray." in text
    assert "None seems to be a shortcut." in text


def test_keys_move_the_decoded_place(opened, image_page):
    page = opened(image_page)
    before = page.evaluate("nraeReport.z")
    page.focus("#plot")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    after = page.evaluate("nraeReport.z")
    assert after[0] > before[0]
    assert after[1] > before[1]


def test_slider_moves_the_decoded_place(opened, image_page):
    page = opened(image_page)
    before = pixels(page)
    page.focus("#z1")
    page.keyboard.press("End")
    assert pixels(page) != before
    assert page.evaluate("nraeReport.z[0]") == pytest.approx(
        float(page.get_attribute("#z1", "max")), rel=1e-2
    )


def test_two_places_have_two_ways_between_them(opened, image_page):
    page = opened(image_page)
    page.focus("#plot")
    page.keyboard.press("Enter")
    for _ in range(15):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert page.locator("#straight-strip canvas").count() == 9
    assert "along the graph" in page.inner_text("#path-note")


def test_points_are_drawn_without_webgl_too(opened, image_page):
    script = """const get = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return kind === "webgl" ? null : get.call(this, kind, ...rest);
    };"""
    page = opened(image_page, script=script)
    page.check("#edges")
    page.wait_for_timeout(100)
    drawn = page.evaluate(
        "() => { const c = document.querySelector('#points');"
        "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v); }"
    )
    assert drawn


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_nothing_scrolls_sideways(opened, image_page, width):
    page = opened(image_page, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_colors_follow_the_system_and_the_button(opened, image_page):
    page = opened(image_page, scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.click("#theme")
    assert page.evaluate(background) == "rgb(255, 255, 255)" != dark


@pytest.mark.parametrize("dim", [1, 3])
def test_lines_and_spaces_can_be_walked(opened, dim):
    points = np.random.default_rng(0).normal(size=(60, 3))
    page = opened(make_report(estimator_subject(fitted(points, dim), points, np.arange(60.0))))
    assert page.locator("#sliders input").count() == dim
    page.focus("#plot")
    before = page.evaluate("Array.from(nraeReport.x)")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Array.from(nraeReport.x)") != before
    assert page.locator("#across").is_visible() == (dim > 2)


def test_epochs_of_a_curve_can_be_gone_through(opened, tmp_path):
    config = load_config("NRAEL_toy_denoising", {"training.num_epochs": 12})
    run = run_experiment(config, logdir=tmp_path, progress=False, device="cpu")
    page = opened(make_report(run_subject(run.directory)))
    last = page.evaluate("nraeReport.line.map((x) => Array.from(x))")
    page.focus("#epoch")
    page.keyboard.press("Home")
    assert page.inner_text("#sliders .wide output") == "1"
    assert page.evaluate("nraeReport.line.map((x) => Array.from(x))") != last


@pytest.mark.parametrize("width", [1280, 700])
def test_notebook_shows_the_page_inline(browser, image_page, tmp_path, width):
    shown = f"<!doctype html><body>{image_page._repr_html_()}"
    (tmp_path / "notebook.html").write_text(shown, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("[data-ready]", state="attached")
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("#plot", "#decoded canvas"):  # what moves is seen at once, without scrolling
        bottom = f"document.querySelector('{part}').getBoundingClientRect().bottom"
        assert frame.evaluate(f"{bottom} <= innerHeight")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, image_page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(image_page, scheme=scheme)
    page.evaluate("nraeReport.select([0, 1, 2]); nraeReport.hover(3)")
    page.focus("#plot")
    for key in ("Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.click("summary")
    found = axe.Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
