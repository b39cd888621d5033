"""The authors' own package, imported as it is published.

`stlpips_pytorch` imports IPython and torchsummary and uses neither; it declares no dependencies. Both are
replaced by empty modules while it is imported, so that nothing needs to be installed for them.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_UNUSED_IMPORTS = {"IPython": "embed", "torchsummary": "summary"}


def import_stlpips() -> Any:
    """The module `stlpips_pytorch.stlpips`."""
    stand_ins = {name: ModuleType(name) for name in _UNUSED_IMPORTS if name not in sys.modules}
    for name, stand_in in stand_ins.items():
        setattr(stand_in, _UNUSED_IMPORTS[name], None)
    sys.modules.update(stand_ins)
    try:
        from stlpips_pytorch import stlpips
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return stlpips


def published_stlpips(network: str) -> Any:
    """The authors' metric for `alex` or `vgg`, with the weights that their package installs.

    It takes (N, 3, H, W) RGB in [0, 1] with `normalize=True`, and gives (N, 1, 1, 1).
    """
    return import_stlpips().LPIPS(net=network, variant="shift_tolerant", verbose=False)
