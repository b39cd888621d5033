"""Downloading weights that torchvision publishes, by its own mechanism and only when the user asks."""

from __future__ import annotations

import errno
import sys
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from metric.errors import MetricError
from metric.weights.needs import TorchvisionWeights


def download_weights(weights: TorchvisionWeights, what: str) -> None:
    """Puts the file into torch's cache, its hash checked; says first, on stderr, what comes from where.

    Args:
        weights: what torchvision calls them.
        what: what they are, for people.

    Raises:
        MetricError: where the publisher cannot be reached, the file is not the published one, or there is no
            room for it.
    """
    import torchvision

    name, _, member = weights.enum.partition(".")
    published = getattr(torchvision.models, name)[member]
    host = urlsplit(published.url).hostname
    size = published.meta.get("_file_size", 0)
    print(f"Downloading {what} ({weights.enum}, {size:.0f} MB) from {host}", file=sys.stderr)
    try:
        published.get_state_dict(progress=True, check_hash=True)
    except HTTPError as error:
        raise MetricError(
            f"{host} does not give {weights.file} ({error.code} {error.reason}); try again later."
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        mend = "check the network, or give the file with --weights"
        raise MetricError(f"{host} cannot be reached for {weights.file} ({reason}); {mend}.") from error
    except OSError as error:
        mend = "make room, or set TORCH_HOME to another disk" if error.errno == errno.ENOSPC else "set TORCH_HOME"
        raise MetricError(f"{weights.file} cannot be written ({error.strerror}); {mend}.") from error
    except RuntimeError as error:  # torch's word for a hash that differs
        raise MetricError(
            f"What {host} gave for {weights.file} is damaged or not the published file; download it again."
        ) from error
