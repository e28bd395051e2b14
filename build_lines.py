"""Compiles the line reader when the project is installed or built, with a C compiler that is a Python package."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("ror_service/intake/lines.c")
# For every processor of the kind, not only the one that builds; no part of the C library is linked into it.
OPTIONS = ("-O3", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-mcpu=baseline", "-fno-sanitize=all", "-s")


class LinesHook(BuildHookInterface[Any]):
    """Writes `liblines.so` beside `lines.c` and into the wheel, which then is one for this system and processor."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; called before a wheel, or the link to this folder, is made."""
        del version
        source = Path(self.root) / SOURCE
        library = source.with_name("liblines.so")
        with TemporaryDirectory() as folder:
            # Removed, not overwritten: a process that reads with the old one goes on with it.
            made = Path(folder) / library.name
            caches = {f"ZIG_{name}_CACHE_DIR": folder for name in ("GLOBAL", "LOCAL")}
            command = [sys.executable, "-m", "ziglang", "cc", *OPTIONS, "-o", str(made), str(source)]
            subprocess.run(command, check=True, env=os.environ | caches)  # noqa: S603 - own words, no shell
            library.unlink(missing_ok=True)
            library.write_bytes(made.read_bytes())
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(SOURCE.with_name(library.name)))
