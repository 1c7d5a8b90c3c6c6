"""`Unpack`, which is in `typing` from Python 3.11 on. At run time too, so that get_type_hints finds it."""

import sys
from typing import TYPE_CHECKING

if sys.version_info >= (3, 11):
    from typing import Unpack
elif TYPE_CHECKING:
    from typing_extensions import Unpack
else:

    class Unpack:
        """Stands for it in hints that are read at run time."""

        def __class_getitem__(cls, item: type) -> type:
            return item


__all__ = ["Unpack"]
