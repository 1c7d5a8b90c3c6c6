"""What is released: the license, the tests that run from it, and types that hold."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import cifar5m

ROOT = Path(__file__).parents[1]
USE = Path(__file__).parent / "typed_use.py"


def run(*args: str, folder: Path = ROOT, path: Path | None = None) -> str:
    """What a module of this Python prints; fails with it if the module fails."""
    search = os.pathsep.join([*([str(path)] if path else []), *sys.path])
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *args]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout


def require(module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel."""
    require("hatchling")
    folder = tmp_path_factory.mktemp("built")
    run("hatchling", "build", "-d", str(folder))
    return folder


def test_the_version_is_that_of_the_packages(built: Path) -> None:
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    assert wheel.name.startswith(f"cifar5m-{cifar5m.__version__}-") and source.name.endswith(
        f"-{cifar5m.__version__}.tar.gz"
    )


def test_the_license_comes_with_both_packages(built: Path) -> None:
    text = (ROOT / "LICENSE").read_bytes()
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
        assert wheel.read(name) == text
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        (name,) = (name for name in source.getnames() if name.endswith("/LICENSE"))
        file = source.extractfile(name)
        assert file is not None and file.read() == text
    whole = ROOT.parent / "LICENSE"
    assert not whole.is_file() or whole.read_bytes() == text


def test_extras_are_what_the_package_imports(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        lines = wheel.read(name).decode().splitlines()
    needs = dict(re.findall(r"Requires-Dist: (\w+)>?=?(\S*); extra == '(?!test)", "\n".join(lines)))
    # jax.distributed.is_initialized, which finds the rank, came with 0.5.1.
    assert needs == {"torch": "2.1", "jax": "0.5.1", "s3fs": ""}
    sources = "".join(path.read_text("utf8") for path in (ROOT / "src").rglob("*.py"))
    assert all(re.search(rf"^ *import {name}$", sources, re.MULTILINE) for name in needs)


def test_the_source_distribution_holds_what_its_readme_names_and_skips_what_it_lacks(
    built: Path, tmp_path: Path
) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        # By a member's name, checked: extractall of old releases follows any path.
        assert not any(name.startswith("/") or ".." in name for name in source.getnames())
        source.extractall(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert (folder / "bench.py").is_file() and (folder / "examples/train.py").is_file()
    tests = ("tests/test_vectors.py", "tests/test_growth.py")
    printed = run("pytest", "-q", "-W", "ignore", *tests, folder=folder, path=folder / "src")
    assert "SKIPPED [1] tests/test_vectors.py" in printed and "docs/" in printed


def test_types_hold_strictly(tmp_path: Path) -> None:
    for module in ("mypy", "torch"):
        require(module)
    # This file of wrong and right calls holds only if each wrong one is refused, and no right one is.
    assert "Success" in run("mypy", "--cache-dir", str(tmp_path), "src/cifar5m", str(USE))


def test_the_linter_has_no_complaints() -> None:
    require("ruff")
    run("ruff", "check", "--no-cache", ".")
    run("ruff", "format", "--no-cache", "--check", ".")
