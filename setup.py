"""Package metadata; pyproject.toml holds the build system and the tools' settings."""

from pathlib import Path
from runpy import run_path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

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
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["nrae_geometric", "nrae_geometric.*"]),
    package_data={"nrae_geometric": ["py.typed", "configs/*.yml"]},
    install_requires=[
        "torch>=2.4",
        "torch-geometric>=2.6",
        "matplotlib",
        "numpy",
        "pillow",
        "pydantic>=2",
        "pyyaml",
        "scikit-learn>=1.6",
        "scipy",
        "tqdm",
    ],
    extras_require={
        "cluster": ["torch-cluster"],
        # torch-sparse imports torch-scatter without naming it as a dependency.
        "sampling": ["torch-scatter", "torch-sparse"],
        "faiss": ["faiss-cpu"],
        "pynndescent": ["pynndescent"],
        "tune": ["optuna>=4"],
        "bench": ["faiss-cpu", "imageio", "pynndescent"],
        "dev": ["hypothesis", "mypy", "optuna>=4", "pre-commit", "pytest", "ruff", "types-PyYAML"],
    },
    entry_points={"console_scripts": ["nrae = nrae_geometric.cli:main"]},
)
