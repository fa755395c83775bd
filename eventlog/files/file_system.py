"""Makes a whole file system durable with one call (`syncfs`), where that is reliable."""

import ctypes
import os
import re
import sys
from functools import cache

_LOCAL_FILE_SYSTEMS = {0xEF53, 0x58465342, 0x9123683E, 0xF2F52010, 0x01021994}
"""Type numbers of ext2 to ext4, XFS, Btrfs, F2FS and tmpfs (`man statfs`)."""
_STATFS_BYTES = 512
"""More than the size of `struct statfs`, whose first member is the type number."""
_FIRST_RELIABLE_KERNEL = (5, 8)
"""Since this version of Linux, `syncfs` reports that a file could not be written."""


def sync_file_system(handle: int) -> bool:
    """Makes everything durable that is on the file system of an open file or folder.

    Returns False, and does nothing, unless the system is Linux 5.8 or later and the file system
    is a local one that is known to wait. Raises `OSError` if anything could not be written since
    the handle was opened.
    """
    if not _is_reliable_kernel():
        return False
    status = ctypes.create_string_buffer(_STATFS_BYTES)
    _call("fstatfs", handle, status)
    if ctypes.c_long.from_buffer(status).value not in _LOCAL_FILE_SYSTEMS:
        return False
    _call("syncfs", handle)
    return True


@cache
def _is_reliable_kernel() -> bool:
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    return sys.platform == "linux" and release >= _FIRST_RELIABLE_KERNEL


def _call(name: str, *arguments: object) -> None:
    """Calls a function of the C library. Raises `OSError` if it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
