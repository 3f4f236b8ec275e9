"""Reports of real data for the site: the pages themselves, and pictures of them in a browser.

``_static/report/NAME.html`` is a page, ``NAME-light.png``, ``NAME-dark.png`` and ``NAME-phone.png``
are what Chromium shows of it, with the walk between two places and a lasso in use. Without Chromium
all three are the picture that the repository keeps.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer, load_digits
from sphinx.application import Sphinx
from sphinx.util import logging

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.report import __file__ as report_package

logger = logging.getLogger(__name__)
LOOKS = {"light": (1280, 1120), "dark": (1280, 1120), "phone": (390, 844)}


def setup(app: Sphinx) -> dict[str, bool]:
    """Makes what is missing, or older than the code of the report, before pages are read."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def make(app: Sphinx) -> None:
    """Fits the models and writes their pages and pictures."""
    folder = Path(app.srcdir, "_static", "report")
    folder.mkdir(parents=True, exist_ok=True)
    sources = [Path(__file__), *Path(report_package).parent.rglob("*.*")]
    newest = max(file.stat().st_mtime for file in sources)
    reports: dict[str, Callable[[Path], Any]] = {"digits": digits, "breast_cancer": breast_cancer}
    for name, report in reports.items():
        page = folder / f"{name}.html"
        wanted = [page, *(folder / f"{name}-{look}.png" for look in LOOKS)]
        if any(not file.exists() or file.stat().st_mtime < newest for file in wanted):
            logger.info("fitting and reporting %s", name)
            report(page)
            photograph(page, Path(app.srcdir, "images", "report.png"))


def digits(page: Path) -> None:
    """Handwritten digits in a plane, by the lines of the first page."""
    images, labels = load_digits(return_X_y=True)
    plane = ManifoldAutoencoder(2, random_state=0, device="cpu").fit(images)
    plane.report(page, images, labels, image_shape=(8, 8))


def breast_cancer(page: Path) -> None:
    """Thirty measures of tumors in a plane, by diagnosis."""
    table = load_breast_cancer(as_frame=True)
    diagnosis = table.target_names[table.target]
    plane = ManifoldAutoencoder(random_state=0, device="cpu").fit(table.data)
    plane.report(page, table.data, diagnosis, label_name="diagnosis", title="Breast cancer")


def photograph(page: Path, instead: Path) -> None:
    """Takes the pictures of a page, or copies one to their places where there is no browser."""
    pictures = {look: page.with_name(f"{page.stem}-{look}.png") for look in LOOKS}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        logger.info("no chromium: the site shows the picture of a report that is kept")
        for picture in pictures.values():
            shutil.copyfile(instead, picture)
        return
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=arguments)
        for look, (width, height) in LOOKS.items():
            shown = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if look == "dark" else "light",
                device_scale_factor=2 if look == "phone" else 1,
            )
            shown.goto(page.resolve().as_uri())
            shown.wait_for_selector("[data-ready]", state="attached", timeout=60_000)
            shown.screenshot(path=pictures[look])
        browser.close()
