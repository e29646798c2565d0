"""GDAL and GEOS for GeoDjango, taken from the wheels of pyogrio and shapely so that no system package is needed.

The libraries alone: they hold what they need, and importing the two packages would bring numpy and pyproj into every process, 50 MB and half of its start.
"""

import os
from importlib.util import find_spec
from pathlib import Path


def libraries() -> tuple[str, str]:
    """Paths of libgdal and libgeos_c. The wheels put a hash into the file names, hence the search."""
    _place_data("pyogrio", GDAL_DATA="gdal_data", PROJ_DATA="proj_data")
    return _library("pyogrio", "libgdal-*.so*"), _library("shapely", "libgeos_c-*.so*")


def _place_data(package: str, **folders: str) -> None:
    """Where GDAL finds its tables: what the package itself would say when it is imported."""
    for variable, folder in folders.items():
        os.environ.setdefault(variable, str(_folder(package) / folder))


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{package} is not installed")
    return Path(spec.origin).parent


def _library(package: str, pattern: str) -> str:
    folder = _folder(package).parent / f"{package}.libs"
    found = sorted(folder.glob(pattern))
    if not found:
        raise ImportError(f"no {pattern} in {folder}: reinstall {package} from its wheel")
    return str(found[0])
