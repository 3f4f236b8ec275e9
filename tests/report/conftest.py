import shutil

import numpy as np
import pytest

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.report import estimator_subject, make_report

HOSTILE = "</script><img src=x onerror=document.title='hit'>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def fitted(points, n_components=2, **parameters):
    defaults = {"hidden_layer_sizes": (16, 16), "max_epochs": 3, "random_state": 0, "device": "cpu"}
    return ManifoldAutoencoder(n_components, **{**defaults, **parameters}).fit(points)


@pytest.fixture(scope="session")
def images():
    """Blurred spots at places of a plane, and the quarter that they are in."""
    random = np.random.default_rng(0)
    places = random.uniform(1, 6, size=(120, 2))
    grid = np.arange(8)
    rows = np.exp(-np.square(grid - places[:, :1]) / 3)
    columns = np.exp(-np.square(grid - places[:, 1:]) / 3)
    quarter = np.where(places[:, 0] < 3.5, "upper", "lower")
    return (rows[:, :, None] * columns[:, None, :])[:, None], quarter


@pytest.fixture(scope="session")
def image_model(images):
    return fitted(images[0])


@pytest.fixture(scope="session")
def image_page(images, image_model):
    return make_report(estimator_subject(image_model, *images, label_name="half"))


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, where it and Playwright are installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    options = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"]
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(
            executable_path=CHROMIUM, args=[*options, "--enable-unsafe-swiftshader"]
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a report from disk; on leaving there must have been no complaint and no request."""
    contexts, troubles, requests = [], [], []

    def visit(report, width=1280, scheme="light", script="", touch=False):
        report.save(tmp_path / "page.html")
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                has_touch=touch,
                is_mobile=touch,
            )
        )
        page = contexts[-1].new_page()
        page.add_init_script(script)
        page.on(
            "console", lambda each: troubles.append(each.text) if each.type == "error" else None
        )
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector("[data-ready]", state="attached", timeout=30_000)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert troubles == []
    local = ("file://", "blob:")
    assert [url for url in requests if not url.startswith(local)] == []
    assert sum(url.startswith("file://") for url in requests) == len(contexts)
