"""Links that Prolific has signed: its «Secured External URL» brings a JSON Web Token that says who comes.

Source: Prolific's API reference, "Retrieve JSON Web Key Set": the signature is by the key that the token names, the
token has not expired, `aud` is this host, and `prolific` holds what the study's URL asks for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt

from study_server.errors import StudyError

PARAMETER = "prolific_token"
KEYS_URL = "https://api.prolific.com/.well-known/study/jwks.json"
ISSUER = "https://www.prolific.com"
LEEWAY_S = 300
"""By so much clocks may differ."""


class NotSigned(Exception):
    """The token is none of Prolific's for this study, or is out of date."""


class SignedLinks:
    """Prolific's public keys, in a file that may be replaced while the server runs: they change from time to time.

    Raises StudyError where the file is none of keys.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read()

    def verified(self, token: str, host: str) -> dict[str, str]:
        """What a token says of who comes: PROLIFIC_PID, STUDY_ID, SESSION_ID. Raises NotSigned."""
        with suppress(StudyError):  # the file is just being written anew: those from before are good
            self._read()
        try:
            key = self._keys[str(jwt.get_unverified_header(token).get("kid"))]
            claims = jwt.decode(
                token, key, algorithms=["RS256"], issuer=ISSUER, leeway=LEEWAY_S,
                options={"require": ["exp", "aud", "iss"], "verify_aud": False},
            )  # fmt: skip
        except (jwt.InvalidTokenError, KeyError) as error:
            raise NotSigned from error
        said = claims.get("prolific")
        if not _names(claims["aud"], host) or not isinstance(said, Mapping):
            raise NotSigned
        return {name: str(said[name]) for name in ("PROLIFIC_PID", "STUDY_ID", "SESSION_ID") if name in said}

    def _read(self) -> None:
        try:
            stat = self._file.stat()
            if (stamp := (stat.st_mtime_ns, stat.st_size)) == self._read_at:
                return
            keys = jwt.PyJWKSet.from_json(self._file.read_text(encoding="utf-8")).keys
        except OSError as error:
            raise StudyError(
                f"recruitment.prolific_keys: {self._file} cannot be read ({error.strerror}): get it from {KEYS_URL}"
            ) from error
        except (jwt.PyJWTError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
            raise StudyError(
                f"recruitment.prolific_keys: {self._file} is no JSON Web Key Set: get it from {KEYS_URL}"
            ) from error
        self._keys = {str(key.key_id): key for key in keys}
        self._read_at = stamp


def _names(audience: Any, host: str) -> bool:
    """Whether a token's `aud`, one or several addresses or names, is this host."""
    audiences = audience if isinstance(audience, list) else [audience]
    name = urlsplit(f"//{host}").hostname
    return any(name == urlsplit(one if "//" in one else f"//{one}").hostname for one in map(str, audiences))
