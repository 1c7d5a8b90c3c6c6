"""`Unpack`, which is in `typing` from Python 3.11 on. At run time too, so that get_type_hints finds it."""

import sys

if sys.version_info >= (3, 11):
    from typing import Unpack
else:
    from typing_extensions import Unpack

__all__ = ["Unpack"]
