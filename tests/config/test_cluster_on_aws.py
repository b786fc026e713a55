"""``cluster.yaml`` on a simulated AWS (moto), through Ray's own code: from the bare account to machines that run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws
from ray.autoscaler._private.aws import config as ray_aws
from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.tags import TAG_RAY_NODE_KIND, TAG_RAY_USER_NODE_TYPE
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import ResourceRequestByCount

from scripts import aws_prepare
from tests.config.clusters import FILES

REGION = "us-west-2"
OFFICE = "203.0.113.7/32"


@pytest.fixture(scope="module", autouse=True)
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An AWS account with nothing in it, and a home without keys."""
    caches = [each for each in vars(ray_aws).values() if hasattr(each, "cache_clear")]
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "none")
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(ray_aws.time, "sleep", lambda _: None)  # it waits for AWS to spread its news
        for cache in caches:
            cache.cache_clear()
        images = boto3.client("ec2", REGION).describe_images()["Images"]
        newest = dict(zip(aws_prepare.IMAGES, (image["ImageId"] for image in images), strict=False))
        patch.setattr(aws_prepare, "newest_images", lambda _: newest)
        yield
        for cache in caches:
            cache.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """``cluster.yaml`` as it is published."""
    return Path(shutil.copy(FILES["aws"], tmp_path / "cluster.yaml"))


def bootstrap(file: Path) -> dict[str, Any]:
    """What Ray makes of the file before it makes a machine; it has then made roles and keys."""
    config = prepare_config(yaml.safe_load(file.read_text()))
    validate_config(config)
    return AWSNodeProvider.bootstrap_config(config)


@pytest.fixture(scope="module")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The prepared file, bootstrapped, with what AWS says of its machines."""
    file = Path(shutil.copy(FILES["aws"], tmp_path_factory.mktemp("prepared") / "cluster.yaml"))
    aws_prepare.main([str(file), "--ssh-from", OFFICE])
    return AWSNodeProvider.fillout_available_node_types_resources(bootstrap(file))


def rules(group: str) -> list[tuple[Any, ...]]:
    """What a security group lets in: protocol, port, from where."""
    (found,) = boto3.client("ec2", REGION).describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return sorted(
        (rule["IpProtocol"], rule.get("FromPort"), *(each.get("CidrIp") or each["GroupId"] for each in sources))
        for rule in found["IpPermissions"]
        for sources in [rule["IpRanges"] + rule["UserIdGroupPairs"]]
    )


def test_from_a_bare_account_to_machines(bootstrapped: dict[str, Any]) -> None:
    config = bootstrapped
    (group,) = config["available_node_types"]["head"]["node_config"]["SecurityGroupIds"]
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    made = {}
    for name, node_type in config["available_node_types"].items():
        tags = {TAG_RAY_NODE_KIND: "head" if name == "head" else "worker", TAG_RAY_USER_NODE_TYPE: name}
        (made[name],) = provider.create_node(node_type["node_config"], tags, 1).values()

    machines = {name: boto3.resource("ec2", REGION).Instance(each.id) for name, each in made.items()}
    assert {name: each.instance_type for name, each in machines.items()} == {
        "head": "m7i.xlarge",
        "cpu": "c7i.2xlarge",
        "gpu_spot": "g6.2xlarge",
        "gpu": "g6.2xlarge",
    }
    assert [name for name, each in machines.items() if each.instance_lifecycle == "spot"] == ["gpu_spot"]
    assert {each["GroupId"] for machine in machines.values() for each in machine.security_groups} == {group}
    assert rules(group) == [("-1", None, group), ("tcp", 22, OFFICE)]  # Ray has added nothing
    assert machines["cpu"].image_id != machines["gpu"].image_id
    assert provider.non_terminated_nodes({TAG_RAY_USER_NODE_TYPE: "gpu_spot"}) == [made["gpu_spot"].id]
    for each in made.values():
        provider.terminate_node(each.id)
    assert provider.non_terminated_nodes({}) == []


def test_what_nodes_have(bootstrapped: dict[str, Any]) -> None:
    """Ray knows it from AWS, so that it starts a machine for a replica that fits nowhere."""
    types = bootstrapped["available_node_types"]
    shape = {name: {key: each["resources"].get(key, 0) for key in ("CPU", "GPU")} for name, each in types.items()}
    assert shape["head"] == {"CPU": 0, "GPU": 0}
    assert shape["cpu"] == {"CPU": 8, "GPU": 0}
    assert shape["gpu"] == shape["gpu_spot"] == {"CPU": 8, "GPU": 1}


@pytest.mark.parametrize(("no_spot_machines", "expected"), [(False, "gpu_spot"), (True, "gpu")])
def test_ray_takes_spot_machines_and_others_where_there_are_none(
    bootstrapped: dict[str, Any], no_spot_machines: bool, expected: str
) -> None:
    """By Ray's own scheduler: vocoders wait for a GPU, and the last launch of a spot machine failed or not."""
    head_has = {name: part for name, part in bootstrapped.items() if name != "head_node"}
    config = AutoscalingConfig(head_has, skip_content_hash=True)
    wanted = ResourceRequestByCount(request=ResourceRequestUtil.make({"CPU": 1, "GPU": 0.25}), count=4)
    types = config.get_node_type_configs()
    for each in types.values():
        each.min_worker_nodes = 0
    failed = {"gpu_spot": 0.0} if no_spot_machines else {}
    request = SchedulingRequest(
        node_type_configs=types,
        max_num_nodes=config.get_max_num_nodes(),
        resource_requests=[wanted],
        disable_launch_config_check=True,
        cloud_resource_availabilities=failed,
        recoverable_resource_availabilities=failed,
    )
    launches = ResourceDemandScheduler(None).schedule(request).to_launch
    assert [(each.instance_type, each.count) for each in launches] == [(expected, 1)]


def test_preparing_again_changes_who_comes_in(file: Path) -> None:
    aws_prepare.main([str(file), "--ssh-from", "198.51.100.0/24"])
    first = yaml.safe_load(file.read_text())
    aws_prepare.main([str(file), "--ssh-from", OFFICE, "--http-from", "203.0.113.0/24", "--http-from", "10.0.0.0/8"])
    assert yaml.safe_load(file.read_text()) == first
    (group,) = first["available_node_types"]["gpu"]["node_config"]["SecurityGroupIds"]
    assert rules(group) == [("-1", None, group), ("tcp", 22, OFFICE), ("tcp", 8000, "203.0.113.0/24", "10.0.0.0/8")]


@pytest.mark.parametrize(("network", "said"), [("0.0.0.0/0", "everybody"), ("10.0.0.1/8", "host bits")])
def test_preparing_refuses_an_open_door(
    file: Path, network: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        aws_prepare.main([str(file), "--ssh-from", network])
    assert said in f"{refusal.value} {capsys.readouterr().err}"


def test_without_preparing_ray_stops_before_it_makes_a_machine(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would else make a group that lets the whole world at port 22."""
    with pytest.raises(AssertionError):
        bootstrap(file)
    assert "Failed to detect a security group" in capsys.readouterr().err
