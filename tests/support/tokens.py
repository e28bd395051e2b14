"""A token of SoftHSM2 for tests: a hardware module in software, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from support.servers import MissingProgramError

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "a-pin-for-tests"


def make_token(folder: Path, set_variable: Callable[[str, str], object] = os.environ.__setitem__) -> str:
    """Make a module with a token below `folder`, known to this process by a variable; returns the token's PKCS#11 URI.

    Raises:
        MissingProgramError: If SoftHSM2 is not installed.
    """
    if not MODULE.exists():
        raise MissingProgramError("softhsm2")
    tokens = folder / "tokens"
    tokens.mkdir(parents=True)
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    set_variable("SOFTHSM2_CONF", str(configuration))
    return add_token(folder, "ror")


def add_token(folder: Path, label: str) -> str:
    """Another token in the same module."""
    pin_file = folder / "pin"
    if not pin_file.exists():
        pin_file.write_text(f"{PIN}\n")
        pin_file.chmod(0o600)
    subprocess.run(  # noqa: S603 - a token that ends with the test
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN],  # noqa: S607
        check=True,
        capture_output=True,
    )
    return f"pkcs11:token={label}?module-path={MODULE}&pin-source={pin_file}"
