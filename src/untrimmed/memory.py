"""How the process deals with memory that it has freed."""

import ctypes
import os
import sys

#: glibc's names for what `mallopt` sets, and a limit that no tensor reaches.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LIMIT = -1, -3, 1 << 30


def keep_freed_memory() -> None:
    """Let Linux's C library keep what is freed for the next tensor, instead of giving it back at once.

    A network frees and asks for the same tens of megabytes again and again; to be given them anew, page by
    page, costs up to a tenth of the time of inference on a processor (docs/performance.md). Large pages for what
    PyTorch asks for save some more, if it has not asked yet. The peak changes little. For a program that is ours
    alone: elsewhere the choice is the user's. Does nothing where there is no glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_TRIM_THRESHOLD, _LIMIT)
        set_option(_MMAP_THRESHOLD, _LIMIT)
