"""GDAL and GEOS for GeoDjango, taken from the wheels of pyogrio and shapely so that no system package is needed."""

from importlib.util import find_spec
from pathlib import Path


def libraries() -> tuple[str, str]:
    """Paths of libgdal and libgeos_c. The wheels put a hash into the file names, hence the search."""
    return _library("pyogrio", "libgdal-*.so*"), _library("shapely", "libgeos_c-*.so*")


def _library(package: str, pattern: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"{package} is not installed")
    folder = Path(spec.origin).parent.parent / f"{package}.libs"
    found = sorted(folder.glob(pattern))
    if not found:
        raise ImportError(f"no {pattern} in {folder}: reinstall {package} from its wheel")
    __import__(package)  # loads the libraries that GDAL and GEOS themselves need
    return str(found[0])
