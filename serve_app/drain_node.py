"""Drains this node before its machine goes: Ray starts nothing more there, and Serve makes its replicas anew elsewhere.

::

    python -m serve_app.drain_node aws --head 10.0.0.4:6379    when AWS says that it takes the spot machine back
    python -m serve_app.drain_node now --head 10.0.0.4:6379    at once, and waits until the node is empty

``cluster.yaml`` starts the first one beside Ray on every worker; it asks the machine's metadata service every few
seconds. AWS gives two minutes, Google thirty seconds. The second one is what a pod does before it stops
(``config/kuberay``). Serve starts the new replicas before it stops the old ones, and those end what they have accepted.
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

AWS_METADATA = "http://169.254.169.254"
GCP_METADATA = "http://metadata.google.internal"
_POLL_S = 2.0
_TIMEOUT_S = 2.0
_TOKEN_S = 21600
_GCP_NOTICE_S = 30
_EMPTY_POLL_S = 1.0


@dataclass(frozen=True)
class Notice:
    """The machine goes; ``left_s`` is how long it has, seconds."""

    left_s: int
    reason: str


class AwsMetadata:
    """The metadata service of an EC2 machine, version 2.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str = AWS_METADATA) -> None:
        self._url = url
        self._token = ""

    def notice(self) -> Notice | None:
        """What it says of an interruption.

        Raises:
            requests.RequestException: It does not answer.
        """
        answer = self._get("spot/instance-action")
        if answer.status_code == requests.codes.unauthorized:
            self._token = self._new_token()
            answer = self._get("spot/instance-action")
        if answer.status_code == requests.codes.not_found:
            return None
        answer.raise_for_status()
        action = answer.json()
        at = datetime.strptime(action["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        left_s = int((at - datetime.now(UTC)).total_seconds())
        return Notice(max(0, left_s), f"AWS: {action['action']} at {at:%H:%M:%S}")

    def _get(self, path: str) -> requests.Response:
        return requests.get(
            f"{self._url}/latest/meta-data/{path}",
            headers={"X-aws-ec2-metadata-token": self._token},
            timeout=_TIMEOUT_S,
        )

    def _new_token(self) -> str:
        answer = requests.put(
            f"{self._url}/latest/api/token",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)},
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()
        return answer.text


class GcpMetadata:
    """The metadata service of a Compute Engine machine.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str = GCP_METADATA) -> None:
        self._url = url

    def notice(self) -> Notice | None:
        """What it says of a preemption.

        Raises:
            requests.RequestException: It does not answer.
        """
        answer = requests.get(
            f"{self._url}/computeMetadata/v1/instance/preempted",
            headers={"Metadata-Flavor": "Google"},
            timeout=_TIMEOUT_S,
        )
        answer.raise_for_status()
        return Notice(_GCP_NOTICE_S, "Google: preempted") if answer.text.strip() == "TRUE" else None


def wait_for_notice(ask: Callable[[], Notice | None], poll_s: float = _POLL_S) -> Notice:
    """Ask until there is a notice; a metadata service that does not answer is asked again."""
    while True:
        try:
            if notice := ask():
                return notice
        except requests.RequestException as error:
            print(f"no metadata: {error}", file=sys.stderr, flush=True)
        time.sleep(poll_s)


def drain(head: str, nodes: Sequence[bytes], notice: Notice) -> list[bytes]:
    """Tell Ray that nodes go.

    Args:
        head: ``HOST:PORT`` of Ray's head.
        nodes: Their ids.
        notice: Why, and when.

    Returns:
        The ids of those that drain now; Ray may refuse.
    """
    from ray.core.generated import autoscaler_pb2

    reason: Any = autoscaler_pb2
    gcs = _gcs(head)
    draining = []
    for node_id in nodes:
        accepted, why_not = gcs.drain_node(
            node_id.hex(),
            reason.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION"),
            notice.reason,
            int((time.time() + notice.left_s) * 1000),
        )
        print(f"{node_id.hex()}: {notice.reason}; {'drains' if accepted else why_not}", flush=True)
        if accepted:
            draining.append(node_id)
    return draining


def living(head: str, address: str) -> list[bytes]:
    """The ids of Ray's living nodes at an address."""
    from ray.core.generated import gcs_pb2

    messages: Any = gcs_pb2
    alive = messages.GcsNodeInfo.GcsNodeState.ALIVE
    nodes = _gcs(head).get_all_node_info().items()
    return [id_.binary() for id_, node in nodes if node.node_manager_address == address and node.state == alive]


def _gcs(head: str) -> Any:
    import ray

    raylet: Any = ray._raylet
    return raylet.GcsClient(address=head)


def own_address(head: str) -> str:
    """The IP address of this machine that it reaches the head from."""
    host, _, port = head.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as toward:
        toward.connect((host, int(port)))
        address: str = toward.getsockname()[0]
        return address


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="drain_node", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("when", choices=("aws", "gcp", "now"), help="whose notice is waited for, or now")
    parser.add_argument("--head", required=True, help="HOST:PORT of Ray's head")
    parser.add_argument("--within", type=int, default=600, help="with now: how long replicas have, seconds")
    parser.add_argument("--metadata", help="URL of the metadata service, where it is another one")
    options = parser.parse_args(arguments)
    address = own_address(options.head)
    if options.when == "now":
        if drain(options.head, living(options.head, address), Notice(options.within, "asked to")):
            wait_until_gone(options.head, address, options.within)
        return
    service: AwsMetadata | GcpMetadata = AwsMetadata(options.metadata or AWS_METADATA)
    if options.when == "gcp":
        service = GcpMetadata(options.metadata or GCP_METADATA)
    notice = wait_for_notice(service.notice)
    if not drain(options.head, living(options.head, address), notice):
        raise SystemExit("Ray did not take the notice")


def wait_until_gone(head: str, address: str, limit_s: float) -> None:
    """Wait until Ray has ended the node, which it does when it is empty, but no longer than ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while living(head, address) and time.monotonic() < deadline:
        time.sleep(_EMPTY_POLL_S)


if __name__ == "__main__":
    main()
