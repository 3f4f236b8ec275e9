"""Installs one of PyG's compiled extensions and shows the time that the build takes.

    python tools/build_extension.py torch-cluster
    python tools/build_extension.py torch-cluster --only-for-gpu

The package indexes have these extensions as source only, because each has to be compiled against
the torch that will load it. Exits with 0 when the extension can be imported in the end, and with
`UNAVAILABLE` after one line that says what is lost when it cannot. With `--only-for-gpu` nothing is
built, and nothing lost, unless there are a CUDA compiler and a GPU.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

UNAVAILABLE = 3
CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"


@dataclass(frozen=True)
class Extension:
    """What to tell about an extension, and how to build it.

    Args:
        minutes: How long the build takes on two cores.
        without: What happens where the extension is missing.
        parallel: Whether its modules may be compiled side by side. Not where the build goes
            through ninja: the modules then overwrite each other's build file.
    """

    minutes: int
    without: str
    parallel: bool = True

    def environment(self) -> dict[str, str]:
        """The build's environment variables."""
        if not self.parallel:
            return dict(os.environ)
        config = Path(sys.prefix) / "parallel_build.cfg"
        config.write_text(f"[build_ext]\nparallel = {os.cpu_count()}\n")
        return {**os.environ, "DIST_EXTRA_CONFIG": str(config)}


OWN_BACKEND = "nrae_geometric searches neighbors with its own backend (make cluster tries again)"
NO_SAMPLER = "the tests against PyG's compiled neighbor sampler are skipped"
EXTENSIONS = {
    "torch-cluster": Extension(minutes=5, without=OWN_BACKEND),
    "torch-scatter": Extension(minutes=3, without=NO_SAMPLER),
    "torch-sparse": Extension(minutes=7, without=NO_SAMPLER, parallel=False),
}


def show_progress(log_file: Path, started: float) -> None:
    """Prints the time since the start and the module that the compiler is at."""
    modules = re.findall(r"building '(\S+)' extension", log_file.read_text(errors="replace"))
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    stage = f"compiling {modules[-1]} (module {len(modules)})" if modules else "preparing"
    line = f"  {minutes}:{seconds:02d}  {stage}"
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)
    else:
        print(line, flush=True)


def run_logged(command: list[str], log_file: Path, environment: dict[str, str]) -> bool:
    """Runs a long command with its output in a file, and tells whether it succeeded."""
    interval = 1 if sys.stdout.isatty() else 30
    started = time.monotonic()
    with (
        log_file.open("w") as log,
        # A session of its own, so that an interrupt can end the compilers with the command.
        subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        ) as process,
    ):
        try:
            while True:
                try:
                    process.wait(timeout=interval)
                    break
                except subprocess.TimeoutExpired:
                    show_progress(log_file, started)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    return process.returncode == 0


def can_import(package: str) -> bool:
    """Whether the package's compiled modules load into the installed torch."""
    command = [sys.executable, "-c", f"import {package.replace('-', '_')}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def has_compiler() -> bool:
    """Whether the C++ compiler that torch would call is there."""
    return shutil.which(shlex.split(os.environ.get("CXX") or "c++")[0]) is not None


def can_compile_for_gpu() -> bool:
    """Whether there are a CUDA compiler and a GPU that the installed torch can use."""
    if shutil.which("nvcc") is None:
        return False
    command = [sys.executable, "-c", "import sys, torch; sys.exit(not torch.cuda.is_available())"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def install(package: str, log_file: Path) -> bool:
    """Installs the package and tells whether it can be imported."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command = [*pip, "install", "--verbose", "--no-build-isolation", "-c", str(CONSTRAINTS)]
    environment = EXTENSIONS[package].environment()
    # Outside of pip's isolation a build needs these beside torch.
    tools = [*pip, "install", "-c", str(CONSTRAINTS), "torch", "setuptools", "wheel", "ninja"]
    if not (
        run_logged(tools, log_file, environment)
        and run_logged([*command, package], log_file, environment)
    ):
        return False
    if can_import(package):
        return True
    # pip keeps what it has built by name and version only, so this one may be for another torch.
    # The kept build stays: other environments share it.
    rebuild = [*command, "--no-cache-dir", "--force-reinstall", "--no-deps", package]
    return run_logged(rebuild, log_file, environment) and can_import(package)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", choices=EXTENSIONS)
    parser.add_argument("--only-for-gpu", action="store_true", help="else do nothing")
    arguments = parser.parse_args()
    package = arguments.package
    extension = EXTENSIONS[package]
    log_file = Path(sys.prefix) / f"{package}.log"
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: sys.exit(128 + received))

    if can_import(package) or (arguments.only_for_gpu and not can_compile_for_gpu()):
        return 0
    print(
        f"Installing {package}, which has to be compiled against the installed torch: "
        f"about {extension.minutes} minutes on two cores, unless pip has kept an earlier build "
        f"(log: {os.path.relpath(log_file)})",
        flush=True,
    )
    if install(package, log_file):
        return 0
    reason = "its build failed" if has_compiler() else "there is no C++ compiler"
    print(
        f"{package} is not installed, because {reason} (log: {os.path.relpath(log_file)}): "
        f"{extension.without}"
    )
    return UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main())
