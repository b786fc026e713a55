"""Fills the ids of an AWS account into ``cluster.yaml``: a closed security group, and the machine images of the region.

::

    python -m scripts.aws_prepare --ssh-from 203.0.113.7/32 [--http-from 203.0.113.0/24] [cluster.yaml]

The security group lets its members talk to one another, and from outside only what the command names; what else it let
in before is taken out. Ray can make a group too, but lets the whole world at port 22 of it. Run again to change who may
come in, or for newer images. Needs boto3 and credentials that may describe and make security groups and read public
SSM parameters.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

IMAGES = {
    "cpu_image": "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    "gpu_image": "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
}
"""Where AWS and Canonical publish the newest image, by the anchor in ``cluster.yaml``."""
_ANYBODY = ("0.0.0.0/0", "::/0")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="aws_prepare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", nargs="?", type=Path, default=Path("cluster.yaml"), help="the file to fill in")
    parser.add_argument("--ssh-from", type=_network, required=True, help="network that may use ssh: 203.0.113.7/32")
    parser.add_argument("--http-from", type=_network, action="append", default=[], help="network that may use the API")
    options = parser.parse_args(arguments)
    import boto3

    provider = yaml.safe_load(options.config.read_text())["provider"]
    session = boto3.Session(region_name=provider["region"])
    group = closed_group(session.client("ec2"), "voicegraph", options.ssh_from, options.http_from)
    ids = {"closed": group, **newest_images(session.client("ssm"))}
    options.config.write_text(filled_in(options.config.read_text(), ids))
    for anchor, value in ids.items():
        print(f"{options.config}: {anchor} {value}")


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; a network is 203.0.113.7/32 or 203.0.113.0/24") from error
    return str(network)


def closed_group(ec2: Any, name: str, ssh_from: str, http_from: Sequence[str]) -> str:
    """Make a security group in the default VPC, or put its rules right.

    Args:
        ec2: boto3's client.
        name: Of the group.
        ssh_from: Network that may reach port 22.
        http_from: Networks that may reach port 8000; nobody may reach 0.0.0.0/0 for ssh.

    Returns:
        The group's id.

    Raises:
        SystemExit: ssh would be open to everybody, or there is no default VPC.
    """
    if ssh_from in _ANYBODY:
        raise SystemExit("--ssh-from is everybody; name the network you come from, as 203.0.113.7/32")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise SystemExit("this region has no default VPC; make one with: aws ec2 create-default-vpc")
    vpc = vpcs[0]["VpcId"]
    found = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": [name]}]
    )["SecurityGroups"]
    if found:
        group: str = found[0]["GroupId"]
        if found[0]["IpPermissions"]:
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=found[0]["IpPermissions"])
    else:
        made = ec2.create_security_group(GroupName=name, Description="Voicegraph's Ray cluster", VpcId=vpc)
        group = made["GroupId"]
    rules = [
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]},
        _rule(22, [ssh_from]),
        *([_rule(8000, http_from)] if http_from else []),
    ]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rules)
    return group


def _rule(port: int, networks: Sequence[str]) -> dict[str, Any]:
    v4 = [{"CidrIp": each} for each in networks if ":" not in each]
    v6 = [{"CidrIpv6": each} for each in networks if ":" in each]
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": v4, "Ipv6Ranges": v6}


def newest_images(ssm: Any) -> dict[str, str]:
    """The ids of the newest machine images, by their anchor."""
    return {anchor: ssm.get_parameter(Name=name)["Parameter"]["Value"] for anchor, name in IMAGES.items()}


def filled_in(text: str, ids: dict[str, str]) -> str:
    """``cluster.yaml`` with these ids at these anchors.

    Raises:
        SystemExit: An anchor is not there.
    """
    for anchor, value in ids.items():
        text, count = re.subn(rf"(&{anchor} \[?)(?:ami|sg)-[0-9a-f]+", rf"\g<1>{value}", text)
        if count != 1:
            raise SystemExit(f"the file has no line with &{anchor} and an id; take cluster.yaml as it is published")
    return text


if __name__ == "__main__":
    main()
