"""Client: what a customer's own program does. The OpenSSH client where this machine has one, else paramiko."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cominflow.errors import WorldError


@dataclass(frozen=True)
class Client:
    """One customer's access: key, server, and the server's key pinned in `known_hosts`."""

    customer: str
    key: Path
    known_hosts: Path
    host: str
    port: int

    def put(self, files: list[Path]) -> None:
        """Upload files into the inbox."""
        self._batch(["cd /inbox", *[f'put "{path}"' for path in files]])

    def get_all(self, target: Path) -> None:
        """Fetch all that lies in the outbox and among the receipts."""
        target.mkdir(parents=True, exist_ok=True)
        self._batch([f'lcd "{target}"', "-get /outbox/*", "-get /receipts/*"])

    def names(self) -> set[str]:
        """What lies in the outbox and among the receipts."""
        listed = self._batch(["ls -1 /outbox", "ls -1 /receipts"])
        return {line.rsplit("/", 1)[-1] for line in listed.splitlines() if line.startswith("/")}

    def _batch(self, commands: list[str]) -> str:
        if shutil.which("sftp"):
            return self._openssh(commands)
        return self._paramiko(commands)

    def _openssh(self, commands: list[str]) -> str:
        pinned = [
            "-oStrictHostKeyChecking=yes",
            f"-oUserKnownHostsFile={self.known_hosts}",
            "-oGlobalKnownHostsFile=none",
        ]
        only_key = ["-oIdentitiesOnly=yes", f"-oIdentityFile={self.key}", "-F", "none"]
        command = ["sftp", "-q", "-b", "-", *only_key, *pinned, "-P", str(self.port), f"{self.customer}@{self.host}"]
        done = subprocess.run(
            command,
            input="\n".join(commands) + "\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, "SSH_AUTH_SOCK": ""},
        )
        if done.returncode != 0:
            raise WorldError("run sftp as", self.customer, done.stderr.strip() or f"exit code {done.returncode}")
        return done.stdout

    def _paramiko(self, commands: list[str]) -> str:
        import paramiko

        ssh = paramiko.SSHClient()
        ssh.load_host_keys(str(self.known_hosts))
        ssh.connect(self.host, self.port, self.customer, key_filename=str(self.key), allow_agent=False, timeout=30)
        listed: list[str] = []
        here = Path.cwd()
        try:
            sftp = ssh.open_sftp()
            for command in commands:
                verb, _, argument = command.lstrip("-").partition(" ")
                path = argument.strip('"')
                if verb == "put":
                    sftp.put(path, f"/inbox/{Path(path).name}")
                elif verb == "lcd":
                    here = Path(path)
                elif verb == "get":
                    folder = path.rsplit("/", 1)[0]
                    for name in sftp.listdir(folder):
                        sftp.get(f"{folder}/{name}", str(here / name))
                elif verb == "ls":
                    folder = path.rsplit(" ", 1)[-1]
                    listed.extend(f"{folder}/{name}" for name in sftp.listdir(folder))
        finally:
            ssh.close()
        return "\n".join(listed)


def make_key(path: Path) -> str:
    """A new Ed25519 key pair, the private half readable by its owner only. Returns the public line."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(private)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode("ascii") + f" {path.stem}\n"
