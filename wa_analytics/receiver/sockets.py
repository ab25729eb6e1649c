"""A place to listen: whether it can be had, and whom it lets in. Imports nothing heavy."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from wa_analytics.errors import SettingsInvalid


def is_loopback(host: str) -> bool:
    """Whether everything that `host` stands for is this machine alone."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(found) and all(ip_address(str(address).split("%")[0]).is_loopback for address in found)


def bound(host: str, port: int, options: str = "--host or --port") -> socket.socket:
    """A listening socket. options: of the command line, that choose the place. Raises SettingsInvalid."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise SettingsInvalid(
            f"Nothing can listen on {host} port {port} ({getattr(error, 'strerror', None) or error}); "
            f"choose another {options}."
        ) from None
