"""`cominflow sftp`: the SFTP server, in the foreground."""

from __future__ import annotations

import click

from cominflow.cli import logged, setup, signals


@click.command(
    epilog="""\b
Example:
  cominflow sftp --listen 127.0.0.1:2222
"""
)
@click.option("--listen", default="127.0.0.1:2222", show_default=True, help="HOST:PORT; port 0 takes a free one.")
@logged.log_json_option
def sftp(listen: str, log_json: bool) -> None:
    """Serve the customers' folders by SFTP until interrupted. `cominflow up` does this and runs the engine too.

    On standard output it says where it listens, with the line for a client's known_hosts file.
    """
    logged.begin(log_json=log_json)
    setup.django()
    from cominflow.exchange.sftp.server import Server, address
    from cominflow.flows import front

    def on_ready(server: Server) -> None:
        click.echo(f"sftp listening on {address(server.host, server.port)}, host key {server.fingerprint}")
        click.echo(f"known_hosts: {server.known_hosts_line()}")

    front.run(signals.address(listen), stop=signals.stop_event(), on_ready=on_ready)
