"""By which of its addresses workers reach the driver."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from launch.doctor.check import Check
from site_configs import Site, SiteError

CLOCK_S = 10.0


def interfaces() -> dict[str, str]:
    """Addresses (IPv4) of this machine's network interfaces, by name."""
    return {
        name: one.address
        for name, all_of_it in psutil.net_if_addrs().items()
        for one in all_of_it
        if one.family == socket.AF_INET
    }


def driver_end(site: Site) -> tuple[str | None, Check]:
    """The driver's address as the site has it, and whether it is one; None: all addresses are tried."""
    from site_configs.builder import driver_address  # which imports parsl

    there = ", ".join(f"{name} ({address})" for name, address in interfaces().items())
    cure = f"set interface (or address) of the site to one of: {there}"
    try:
        address = driver_address(site)
    except SiteError as error:
        return None, Check("driver's address", False, str(error).split(";", 1)[0], cure)
    if address is None:
        return None, Check("driver's address", True, f"all are tried: {there}")
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        return None, Check("driver's address", False, f"{address} is none of this machine", cure)
    name = next((name for name, one in interfaces().items() if one == address), "another")
    return address, Check("driver's address", True, f"{address} ({name})")


@dataclass
class Door:
    """Where nodes knock.

    Attributes:
        port: its number.
        ahead_s: by how much the clocks of those that have knocked are ahead of this machine's.
    """

    port: int
    ahead_s: list[float] = field(default_factory=list)


@contextmanager
def open_door() -> Iterator[Door]:
    """Listen on all addresses of this machine."""
    with socket.create_server(("", 0), backlog=64) as server:
        door = Door(server.getsockname()[1])
        threading.Thread(target=_listen, args=(server, door), daemon=True).start()
        yield door
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread


def _listen(server: socket.socket, door: Door) -> None:
    with suppress(OSError):  # it was closed
        while True:
            connection = server.accept()[0]
            with connection, suppress(ValueError):  # somebody else, who says something else
                connection.settimeout(5)
                door.ahead_s.append(float(connection.recv(64)) - time.time())


def connect_back(found: Mapping[str, str], used: Sequence[str], host: str, *, chosen: str | None) -> Check:
    """Whether a worker reaches the driver.

    Args:
        found: why an address was not reached from there, by address; empty if it was.
        used: addresses that workers try.
        host: where from.
        chosen: the one that the site says; None: none.
    """
    reached = [address for address, why in found.items() if not why]
    if any(address in reached for address in used):
        first = next(address for address in used if address in reached)
        return Check("connect back", True, f"{host} reaches {first}")
    names = {address: name for name, address in interfaces().items()}
    why = f"{host} does not reach " + ", ".join(f"{address} ({found.get(address, '')})" for address in used)
    if reached:
        known = ", ".join(f"{names.get(address, 'address')} ({address})" for address in reached)
        return Check("connect back", False, why, f"set interface of the site to: {known}")
    cure = (
        "ask the site for an interface, or ports, that compute nodes reach; or run launch in a job of its own"
    )
    return Check("connect back", False, why if chosen is None else f"{why}, nor any other address", cure)


def clock(door: Door, host: str) -> Check:
    """The clock of a node against this machine's."""
    if not door.ahead_s:
        return Check.left_out("clock", "nobody has connected")
    ahead_s = min(door.ahead_s, key=abs)
    cure = "have the clocks set (NTP): times of records and walltimes are compared"
    direction = "ahead" if ahead_s > 0 else "behind"
    return Check("clock", abs(ahead_s) < CLOCK_S, f"{host} is {abs(ahead_s):.1f} s {direction}", cure)
