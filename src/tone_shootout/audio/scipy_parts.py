"""Compiled parts of SciPy, without the packages around them.

Importing `scipy.fft` or `scipy.special` takes a third of a second, `scipy.signal` more than half of one: more than a
short render. Their compiled functions are in extension modules that import nothing but NumPy, so these are loaded by
themselves. If SciPy's files are laid out differently, the packages are imported instead: the same functions, later.
"""

from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

import scipy


@cache
def load_part(name: str, function: str) -> Any:
    """Return a function of an extension module of SciPy.

    Args:
        name: the module's name without `scipy.`, for instance `signal._sosfilt`.
        function: the function's name.

    Raises:
        ImportError: SciPy has no such module.
    """
    full_name = f"scipy.{name}"
    folder = Path(scipy.__file__).parent.joinpath(*name.split(".")[:-1])
    spec = PathFinder.find_spec(full_name, [str(folder)])
    if spec is None or spec.loader is None:
        return getattr(import_module(full_name), function)
    extension = module_from_spec(spec)
    spec.loader.exec_module(extension)
    return getattr(extension, function)
