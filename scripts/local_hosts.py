"""Several hosts on one Linux machine, to try a cluster on: ``ray up config/cluster.local.yaml`` really runs there.

::

    python -m scripts.local_hosts up            three hosts: head, cpu and gpu, with addresses of their own and sshd
    python -m scripts.local_hosts list          their addresses, and whether they run
    python -m scripts.local_hosts run cpu ps    runs a command on a host
    python -m scripts.local_hosts cut cpu       pulls its network cable; heal puts it back
    python -m scripts.local_hosts kill cpu      pulls its power cord; start switches it on again
    python -m scripts.local_hosts down          everything away

::

          this machine, 10.77.0.1
                 | bridge
      +----------+-----------+
    head        cpu         gpu           each: network, processes, host name, home, /tmp, /dev/shm of its own;
    10.77.0.11  10.77.0.12  10.77.0.13    file system, Python environment and fetched weights are this machine's

A host is a set of Linux namespaces: no daemon, no image. Needs root, iproute2 and util-linux, for ssh also
openssh-server and rsync (``apt-get install iproute2 openssh-server rsync``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("/var/tmp/voicegraph-hosts")
"""Where the hosts live; ``config/cluster.local.yaml`` finds the ssh key there."""
NAMES = ("head", "cpu", "gpu")
NETWORK = "10.77.0"
_BRIDGE = "vg-bridge"
_START_S = 20.0
_UNSHARE = ("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child")
_TRY = """set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /dev/shm
ip link add bridge0 type bridge
ip link add one type veth peer name two
"""
"""Everything that a container may forbid."""


class NoHosts(Exception):
    """They cannot be made here; args: what is missing, and how to get it."""


@dataclass(frozen=True)
class Host:
    """One of the hosts.

    Attributes:
        name: Its host name.
        address: Its address.
    """

    name: str
    address: str

    @property
    def namespace(self) -> str:
        """Its network namespace, and the bridge's end of its cable."""
        return f"vg-{self.name}"

    @property
    def folder(self) -> Path:
        """What is its own: home and tmp."""
        return FOLDER / self.name

    @property
    def home(self) -> Path:
        """Its home folder, under this path on the host too."""
        return self.folder / "home"

    @property
    def pid(self) -> int | None:
        """Its first process, as this machine numbers it; ``None`` while it is off."""
        try:
            parent = int((self.folder / "pid").read_text())
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except (OSError, ValueError):
            return None
        return int(children[0]) if children else None

    def command(self, *arguments: str) -> list[str]:
        """A command that runs ``arguments`` on the host, in its checkout."""
        if self.pid is None:
            raise NoHosts(f"{self.name} is off; switch it on with: python -m scripts.local_hosts start {self.name}")
        enter = ["nsenter", "--target", str(self.pid), "--mount", "--uts", "--ipc", "--net", "--pid"]
        variables = [f"{name}={value}" for name, value in self.environment().items()]
        return [*enter, f"--wdns={self.checkout}", "env", *variables, *arguments]

    @property
    def checkout(self) -> Path:
        """The checkout, as the host sees it."""
        return self.home / "voicegraph"

    def environment(self) -> dict[str, str]:
        """What differs from this machine's environment, for ssh sessions too."""
        cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        own = {"HOME": str(self.home), "PYTHONPATH": str(self.checkout), "XDG_CACHE_HOME": str(cache)}
        return own | {name: os.environ[name] for name in ("VOICEGRAPH_HOME",) if name in os.environ}


def hosts(names: Sequence[str] = NAMES) -> list[Host]:
    """Hosts by their names, with addresses from 11 on."""
    return [Host(name, f"{NETWORK}.{11 + number}") for number, name in enumerate(names)]


def check(ssh: bool = True) -> None:
    """Find out what is missing.

    Args:
        ssh: Whether hosts are to be reached by ssh.

    Raises:
        NoHosts: Something is.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoHosts("hosts are Linux namespaces, which only root makes; use sudo")
    needed = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "mount": "mount"}
    if ssh:
        needed |= {"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client", "rsync": "rsync"}
    packages = sorted({package for program, package in needed.items() if _which(program) is None})
    if packages:
        raise NoHosts(f"not installed; on Debian and Ubuntu: apt-get install {' '.join(packages)}")
    tried = subprocess.run(
        [*_UNSHARE, "--net", "sh", "-c", _TRY], capture_output=True, text=True, timeout=30, check=False
    )
    if tried.returncode:
        raise NoHosts(f"this machine does not allow namespaces or what is in them: {tried.stderr.strip()[-300:]}")


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def up(those: Sequence[Host], ssh: bool = True) -> None:
    """Make hosts and switch them on.

    Raises:
        NoHosts: They cannot be made.
    """
    check(ssh)
    down()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if ssh:
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(FOLDER / "key"))
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(FOLDER / "host_key"))
    try:
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("address", "add", f"{NETWORK}.1/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        for host in those:
            _plug_in(host)
            _furnish(host, those)
            start(host, ssh)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip()
        down()
        raise NoHosts(f"the hosts cannot be made: {reason}") from error


def _plug_in(host: Host) -> None:
    _ip("netns", "add", host.namespace)
    _ip("link", "add", host.namespace, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    _ip("link", "set", host.namespace, "master", _BRIDGE, "up")
    for arguments in (
        ("address", "add", f"{host.address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
        ("route", "add", "default", "via", f"{NETWORK}.1"),  # Ray asks it for the host's own address
    ):
        _ip("-n", host.namespace, *arguments)


def _furnish(host: Host, those: Sequence[Host]) -> None:
    shutil.copytree("/etc/skel", host.home)
    for folder in (host.checkout, host.folder / "tmp"):
        folder.mkdir(parents=True)
    (host.folder / "tmp").chmod(0o1777)
    names = "".join(f"{each.address} {each.name}\n" for each in those)
    (host.folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}{those[0].address} voicegraph-redis\n")
    users = [line.split(":") for line in Path("/etc/passwd").read_text().splitlines()]
    for user in users:
        if user[2] == str(os.geteuid()):
            user[5] = str(host.home)
    (host.folder / "passwd").write_text("".join(":".join(user) + "\n" for user in users))
    variables = " ".join(f'"{name}={value}"' for name, value in host.environment().items() if name != "HOME")
    (host.folder / "sshd_config").write_text(
        f"HostKey {FOLDER}/host_key\nAuthorizedKeysFile {FOLDER}/key.pub\nStrictModes no\nUsePAM no\nPidFile none\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\nSetEnv {variables}\n"
    )


def start(host: Host, ssh: bool = True) -> None:
    """Switch a host on.

    Raises:
        NoHosts: It does not start; with the end of its log.
    """
    init = [sys.executable, "-m", "scripts.local_hosts", "init", host.name, *(["--no-ssh"] if not ssh else [])]
    ready = host.folder / "ready"
    ready.unlink(missing_ok=True)
    with (host.folder / "log").open("ab") as log:
        process = subprocess.Popen(
            ["ip", "netns", "exec", host.namespace, *_UNSHARE, *init],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (host.folder / "pid").write_text(str(process.pid))
    deadline = time.monotonic() + _START_S
    while not ready.exists() or (ssh and not _answers(host.address, 22)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NoHosts(f"{host.name} does not start: {(host.folder / 'log').read_text()[-500:].strip()}")
        time.sleep(0.05)


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _init(host: Host, ssh: bool) -> None:
    """The first process of a host: mounts what is its own, runs sshd, and buries the dead."""
    if os.getpid() != 1:
        raise NoHosts("init is what `start` runs inside the host")
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")
    _run("mount", "--bind", str(ROOT), str(host.checkout))
    environment = host.checkout / ".venv"
    if Path(sys.prefix) != ROOT / ".venv":  # a worktree without one of its own
        environment.mkdir(exist_ok=True)
        _run("mount", "-o", "bind,ro", sys.prefix, str(environment))
    # Programs of an environment name its interpreter by its path here, which the host's own /tmp may hide.
    for path in {ROOT, Path(sys.prefix)}:
        if path.is_relative_to("/tmp"):
            seen = host.folder / "tmp" / path.relative_to("/tmp")
            seen.mkdir(parents=True, exist_ok=True)
            _run("mount", "--bind", str(path), str(seen))
    for name, place in (("passwd", "/etc/passwd"), ("hosts", "/etc/hosts"), ("tmp", "/tmp")):
        _run("mount", "--rbind", str(host.folder / name), place)
    socket.sethostname(host.name)
    if ssh:
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = _which("sshd")
        assert sshd is not None
        subprocess.Popen([sshd, "-D", "-e", "-f", str(host.folder / "sshd_config")])
    (host.folder / "ready").touch()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(0.2)


def kill(host: Host) -> None:
    """Pull the power cord: all its processes end at once."""
    if (pid := host.pid) is not None:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _START_S
        while host.pid is not None and time.monotonic() < deadline:
            time.sleep(0.05)


def cut(host: Host) -> None:
    """Pull the network cable: nothing comes or goes, and nobody is told."""
    _ip("link", "set", host.namespace, "down")


def heal(host: Host) -> None:
    """Put the network cable back."""
    _ip("link", "set", host.namespace, "up")


def existing() -> list[Host]:
    """The hosts that were made."""
    found = sorted(FOLDER.glob("*/sshd_config"), key=lambda file: (file.parent / "hosts").stat().st_mtime_ns)
    order = [file.parent.name for file in found]
    if not order:
        return []
    listed = [line.split() for line in (FOLDER / order[0] / "hosts").read_text().splitlines()]
    return [Host(name, address) for address, name in listed if name in order]


def down() -> None:
    """Take all hosts away, and what is theirs."""
    for host in existing():
        kill(host)
    # By name: what an attempt that failed has left, too.
    for cable in Path("/sys/class/net").glob("vg-*"):
        subprocess.run(["ip", "link", "del", cable.name], capture_output=True, timeout=30, check=False)
    for namespace in Path("/run/netns").glob("vg-*"):
        subprocess.run(["ip", "netns", "del", namespace.name], capture_output=True, timeout=30, check=False)
    if any(f" {FOLDER}/" in line for line in Path("/proc/self/mounts").read_text().splitlines()):
        raise NoHosts(f"something is mounted below {FOLDER} outside of the hosts; unmount it first")
    shutil.rmtree(FOLDER, ignore_errors=True)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*arguments: str) -> None:
    subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="local_hosts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="make the hosts").add_argument("--no-ssh", action="store_true", help="without sshd")
    for name, text in (("list", "which there are"), ("down", "take them away")):
        actions.add_parser(name, help=text)
    for name in ("start", "kill", "cut", "heal", "run", "init"):
        one = actions.add_parser(name, help=argparse.SUPPRESS if name == "init" else None)
        one.add_argument("host")
        one.add_argument("--no-ssh", action="store_true", help="without sshd")
        if name == "run":
            one.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    try:
        return _do(options)
    except NoHosts as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _do(options: argparse.Namespace) -> int:
    if options.action == "up":
        up(hosts(), ssh=not options.no_ssh)
    if options.action == "down":
        check(ssh=False)
        down()
    if options.action in ("up", "list"):
        for host in existing():
            print(f"{host.name:8} {host.address:12} {'on' if host.pid else 'off'}")
    if options.action in ("up", "down", "list"):
        return 0
    check(ssh=False)
    chosen = [host for host in existing() if host.name == options.host]
    if not chosen:
        raise NoHosts(f"there is no host {options.host}; there are: {', '.join(h.name for h in existing()) or 'none'}")
    (host,) = chosen
    if options.action == "run":
        return subprocess.run(host.command(*options.command), check=False).returncode
    if options.action in ("start", "init"):
        {"start": start, "init": _init}[options.action](host, not options.no_ssh)
    else:
        {"kill": kill, "cut": cut, "heal": heal}[options.action](host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
