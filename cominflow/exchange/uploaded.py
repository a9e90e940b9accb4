"""Uploaded: the name under which our SFTP server received a file, written on the file itself.

A feed whose policy is `rename` takes a file that has another name by now; what was uploaded straight under its final
name waits (see `exchange.claim.judging`). The note is an extended attribute, so it goes where the file goes and needs
no row. On a file system without them nothing is noted, and an upload counts as renamed when its CLOSE makes it appear.
"""

from __future__ import annotations

import errno
import os

_ATTRIBUTE = "user.cominflow.uploaded-as"
_WITHOUT = (errno.ENOTSUP, errno.EPERM, errno.ENOSPC, errno.EDQUOT)


def note(descriptor: int, name: bytes) -> None:
    """Write the upload's name on the open file. Raises OSError, but not where files can have no such note."""
    try:
        os.setxattr(descriptor, _ATTRIBUTE, name)
    except OSError as cause:
        if cause.errno not in _WITHOUT:
            raise


def name_of(descriptor: int) -> bytes | None:
    """The name under which the file was uploaded; None when our server did not receive it. Raises OSError."""
    try:
        return os.getxattr(descriptor, _ATTRIBUTE)
    except OSError as cause:
        if cause.errno in (errno.ENODATA, *_WITHOUT):
            return None
        raise
