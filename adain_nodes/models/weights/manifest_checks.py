"""Checks of what a manifest says; each error names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from reprlib import repr
from typing import Any

from ...host.errors import InputError

SHA256 = re.compile(r"[0-9a-f]{64}")
COMMIT = re.compile(r"[0-9a-f]{40}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
FILENAME = re.compile(rf"{PLAIN_NAME.pattern}\.safetensors")
REPOSITORY = re.compile(rf"{PLAIN_NAME.pattern}/{PLAIN_NAME.pattern}")


def check_file(data: Mapping[str, Any], where: str) -> None:
    """Checks what every file has, called `where` in messages.

    Raises:
        InputError: a field is not as it must be.
    """
    matching(FILENAME, data["filename"], f"{where}.filename")
    matching(SHA256, data["sha256"], f"{where}.sha256")
    if type(data["size"]) is not int or data["size"] < 1:
        raise InputError(f"{where}.size must be a number of bytes, got {repr(data['size'])}")
    for key in ("license", "provenance"):
        if not isinstance(data[key], str) or not data[key]:
            raise InputError(f"{where}.{key} must be text, got {repr(data[key])}")


def table(data: object, where: str, keys: set[str]) -> Mapping[str, Any]:
    """Checks that `data`, called `where` in messages, is an object with these keys.

    Raises:
        InputError: it is not.
    """
    if not isinstance(data, dict):
        raise InputError(f"{where} must be an object, got {repr(data)}")
    if data.keys() != keys:
        different = ", ".join(sorted(data.keys() ^ keys))
        raise InputError(f"{where}: {different} missing or unknown, expected {sorted(keys)}")
    return data


def matching(pattern: re.Pattern[str], value: object, where: str) -> str:
    """Checks that `value`, called `where` in messages, is text of a pattern.

    Raises:
        InputError: it is not.
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InputError(f"{where} must match {pattern.pattern}, got {repr(value)}")
    return value
