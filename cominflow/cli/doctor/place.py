"""Place: the data folder, its owner and rights, its file system, and the space that is left."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cominflow import quoting
from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, warning
from cominflow.errors import WorldError
from cominflow.limits import FREE_BYTES_WANTED, FREE_INODES_MIN, FREE_INODES_WANTED, SFTP_FREE_BYTES_MIN

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse", "fuse.sshfs", "glusterfs"})
_PRIVATE = "people's data are inside"


def folders(looked: Looked) -> Iterator[Finding]:
    """The data folder and the folders in it are there, and ours."""
    data = looked.folders.data
    if not data.is_dir():
        yield problem(
            "data folder", data, "it is not there", why="everything that is kept lies in it",
            do="run `cominflow init`, or name the right folder: `cominflow --data PATH doctor` or COMINFLOW_DATA",
        )  # fmt: skip
        return
    missing = [folder for folder in looked.folders.all() if not folder.is_dir()]
    for folder in missing:
        yield problem(
            "data folder", folder, "it is not there", why="files pass through it",
            do="run `cominflow init`, which makes it; if it held files, restore them first",
        )  # fmt: skip
    looked.has_folders = not missing
    if looked.has_folders:
        yield ok("data folder", data, f"{len(looked.folders.all())} folders")


def ownership(looked: Looked) -> Iterator[Finding]:
    """Each folder belongs to the account that runs this, and may be written."""
    wrong = 0
    for folder in _all(looked):
        status, account = folder.stat(), os.geteuid()
        if status.st_uid != account:
            wrong += 1
            yield problem(
                "owner", folder, f"it belongs to uid {status.st_uid}, and this is uid {account}",
                why="the kernel lends files (leases) only to the account that owns them, and no other may write",
                do=f"run cominflow as the owner, or chown -R {account} {looked.folders.data}",
            )  # fmt: skip
        elif not os.access(folder, os.W_OK | os.X_OK) or not status.st_mode & stat.S_IWUSR:
            wrong += 1
            yield problem(
                "owner", folder, f"it cannot be written (mode {stat.S_IMODE(status.st_mode):04o})",
                why="files are made and renamed in it", do=f"chmod u+rwx {folder}, or mount its disk writable",
            )  # fmt: skip
    if not wrong:
        yield ok("owner", looked.folders.data, f"uid {os.geteuid()}, writable")


def rights(looked: Looked) -> Iterator[Finding]:
    """Nobody else reads people's data or our key; originals are not written."""
    wrong = 0
    for folder in _all(looked):
        mode = stat.S_IMODE(folder.stat().st_mode)
        wanted = 0o700 if folder == looked.folders.state else 0o750
        if mode & ~wanted & 0o077:
            wrong += 1
            # A customer's folders that lie elsewhere were put there so that other accounts of this machine reach them.
            is_ours = folder.resolve().is_relative_to(looked.folders.data.resolve())
            found = problem if mode & 0o007 and is_ours else warning
            what = "everybody on this machine" if mode & 0o007 else "its group"
            yield found(
                "rights", folder, f"{what} may enter (mode {mode:04o})", why=_PRIVATE, do=f"chmod {wanted:04o} {folder}"
            )
    key = looked.folders.state / "sftp_host_key"
    if key.exists() and key.stat().st_mode & 0o077:
        wrong += 1
        yield problem(
            "rights", key, f"others may read it (mode {stat.S_IMODE(key.stat().st_mode):04o})",
            why="who has it can pretend to be this server", do=f"chmod 600 {key}",
        )  # fmt: skip
    if not wrong:
        yield ok("rights", looked.folders.data, "closed to others")


def file_systems(looked: Looked) -> Iterator[Finding]:
    """One local file system, with the renames, opens and leases that the program relies on."""
    kind, options = _mounted(looked.folders.data)
    shown = f"{kind or 'unknown'} ({looked.folders.data})"
    if kind in _NETWORK:
        yield problem(
            "file system", looked.folders.data, f"it is {kind}, a network file system",
            why="it has no leases: a file that is still being written could be taken",
            do="move the data folder to a local disk (ext4, xfs, btrfs)",
        )  # fmt: skip
    elif kind in ("tmpfs", "ramfs", "overlay"):
        yield warning(
            "file system", looked.folders.data, f"it is {kind}",
            why="what lies there is gone with the machine or container",
            do="mount a disk or a volume for the data folder",
        )  # fmt: skip
    if "ro" in options:
        yield problem(
            "file system", looked.folders.data, "it is mounted read-only", why="nothing can be kept",
            do="look at the system's log for what made it so, then mount it writable",
        )  # fmt: skip
        return
    try:
        looked.folders.check()
    except (WorldError, OSError) as cause:
        text = cause.text if isinstance(cause, WorldError) else quoting.said(cause)
        hint = cause.hint if isinstance(cause, WorldError) else "see that every folder under it can be read"
        yield problem("file system", looked.folders.data, text, why="files change hands by rename and lease", do=hint)
    else:
        yield ok("file system", shown, "renames, confined opens and leases work")


def space(looked: Looked) -> Iterator[Finding]:
    """Bytes and names that are left."""
    data, wrong = looked.folders.data, False
    free = shutil.disk_usage(data).free
    names = os.statvfs(data)
    if free < FREE_BYTES_WANTED:
        wrong = True
        found = problem if free < 2 * SFTP_FREE_BYTES_MIN else warning
        yield found(
            "disk", data, f"{free / 1024**3:.1f} GiB are free", why="uploads are refused when it is full, answers wait",
            do=f"free space, or enlarge the disk: {FREE_BYTES_WANTED // 1024**3} GiB should be free",
        )  # fmt: skip
    if names.f_files and names.f_favail < FREE_INODES_WANTED:  # some file systems do not count them
        wrong = True
        found = problem if names.f_favail < FREE_INODES_MIN else warning
        yield found(
            "disk", data, f"{names.f_favail} inodes are free", why="each file needs one, however small it is",
            do="remove small files that nobody needs, or make the file system anew with more inodes",
        )  # fmt: skip
    if not wrong:
        yield ok("disk", data, f"{free / 1024**3:.1f} GiB free")


def _all(looked: Looked) -> list[Path]:
    """Every folder of ours, the customers' own included, also those that lie elsewhere."""
    folders = [looked.folders.data, *looked.folders.all()]
    for parent in (looked.folders.customers, looked.folders.staging):
        for home in sorted(parent.iterdir()):
            if home.is_dir() and parent == looked.folders.customers:
                folders += [home / name for name in ("inbox", "outbox", "receipts") if (home / name).is_dir()]
            elif home.is_dir():
                folders.append(home)
    return folders


def _mounted(path: Path) -> tuple[str, list[str]]:
    """Type and options of the file system that holds a path, as the kernel lists them; "" when it does not."""
    real, best, found = str(path.resolve()), -1, ("", [""])
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point, options = before.split()[4].replace("\\040", " "), before.split()[5]
        if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= best:
            best, found = len(point), (after.split()[0], options.split(","))
    return found
