"""Package metadata; pyproject.toml holds the build system and the tools' settings."""

from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
TESTS = [
    "hypothesis",
    "optuna>=4",
    "pandas",
    "polars",
    "pyarrow",
    "pytest",
    "pytest-xdist",
    "shtab>=1.13",
    "zarr>=3.1",
]

setup(
    name="nrae-geometric",
    # Importing the package would need torch, which an isolated build does not have.
    version=run_path(str(ROOT / "nrae_geometric" / "version.py"))["__version__"],
    description="Neighborhood reconstructing autoencoders on PyTorch Geometric",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the nrae_geometric authors",
    license="MIT",
    keywords=[
        "autoencoder",
        "geometric-deep-learning",
        "manifold-learning",
        "nearest-neighbors",
        "pytorch",
        "representation-learning",
    ],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    packages=find_packages(include=["nrae_geometric", "nrae_geometric.*"]),
    package_data={"nrae_geometric": ["py.typed", "configs/*.yml", "report/templates/*"]},
    # The lower bounds are those of tools/oldest.txt, on which the quick tests run.
    install_requires=[
        "torch>=2.13",
        "torch-geometric>=2.6.1",
        "imageio>=2.31.1",
        "jinja2>=3.1",
        "lightning-fabric>=2.6",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "pillow>=10.1",
        "pydantic>=2.7",
        "pyyaml>=6.0.1",
        "safetensors>=0.6.1",
        "scikit-learn>=1.6",
        "scipy>=1.15",
        "tqdm>=4.66",
    ],
    extras_require={
        "cluster": ["torch-cluster"],
        # torch-sparse imports torch-scatter without naming it as a dependency.
        "sampling": ["torch-scatter", "torch-sparse"],
        "faiss": ["faiss-cpu"],
        "pynndescent": ["pynndescent"],
        # The coordinates of GRAE's paper.
        "phate": ["phate"],
        "parquet": ["pyarrow>=14.0.1"],
        "zarr": ["zarr>=3.1"],
        "tune": ["optuna>=4"],
        "onnx": ["onnx", "onnxruntime", "onnxscript"],
        "completion": ["shtab>=1.13"],
        # What the tests of the report need beside Debian's chromium.
        "browser": ["axe-playwright-python", "playwright"],
        # The documentation site: what builds it, and what its scripts use.
        "docs": [
            "furo",
            "import-linter",
            "latex2mathml",
            "myst-parser",
            "onnx",
            "onnxruntime",
            "onnxscript",
            "optuna>=4",
            "pandas",
            "playwright",
            "sphinx>=8.2",
            "sphinx-copybutton",
            "sphinx-gallery",
        ],
        "bench": ["faiss-cpu", "pynndescent", "pythae", "umap-learn"],
        "dev": [*TESTS, "codespell", "import-linter", "mypy", "pre-commit", "ruff", "types-PyYAML"],
        "oldest": TESTS,
    },
    entry_points={"console_scripts": ["nrae = nrae_geometric.cli:main"]},
)
