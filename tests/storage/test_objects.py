from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployments.errors import StorageUnavailable
from deployments.settings import StorageSettings
from deployments.storage.objects import ObjectNotFound, Objects, memory_objects, open_objects
from tests.support.s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return memory_objects()
    url = request.getfixturevalue("s3").url if request.param == "s3" else None
    return open_objects(StorageSettings(root=tmp_path, objects=url))


def test_what_is_put_is_there(objects: Objects) -> None:
    objects.put("jobs/a/x", b"hello")
    objects.put("jobs/a/x", b"world")
    objects.put("jobs/ab/y", b"other")

    assert objects.get("jobs/a/x") == b"world"
    assert objects.get("jobs/a/x", 1, 3) == b"orl"
    assert list(objects.keys("jobs/a")) == ["jobs/a/x"]
    objects.delete_all("jobs/a")
    objects.delete_all("jobs/a")
    assert list(objects.keys("jobs")) == ["jobs/ab/y"]
    objects.delete_all("jobs")
    for question in (lambda: objects.get("jobs/a/x"), lambda: objects.get("jobs/a/x", 0, 1)):
        with pytest.raises(ObjectNotFound):
            question()


def test_large_files_go_in_parts(objects: Objects, tmp_path: Path) -> None:
    content = os.urandom(20 * 2**20 + 1)
    objects.put("large", io.BytesIO(content))
    assert objects.get("large") == content
    assert objects.get("large", 17 * 2**20, 10) == content[17 * 2**20 :][:10]
    objects.delete_all("large")


def test_links(s3: S3Server, tmp_path: Path) -> None:
    objects = open_objects(StorageSettings(root=tmp_path, objects=s3.url))
    objects.put("a b/ü", b"hello")
    link = objects.link("a b/ü", 60)
    assert link is not None
    assert "X-Amz-Signature" in link
    assert httpx.get(link, timeout=10).content == b"hello"
    assert open_objects(StorageSettings(root=tmp_path)).link("a", 60) is None


def test_a_store_that_is_away_or_full_says_so(tmp_path: Path) -> None:
    with s3_server() as server:
        objects = open_objects(StorageSettings(root=tmp_path, objects=server.url))
        no_bucket = open_objects(StorageSettings(root=tmp_path, objects=f"s3://none?endpoint={server.endpoint}"))
        for question in (lambda: no_bucket.put("a", b""), lambda: no_bucket.get("a")):
            with pytest.raises(StorageUnavailable, match="bucket none"):
                question()
    for question in (lambda: objects.put("a", b""), lambda: objects.get("a"), lambda: list(objects.keys("a"))):
        with pytest.raises(StorageUnavailable, match=r"bucket results-\d+: it cannot be reached"):
            question()


def test_urls(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="endpoint, region"):
        open_objects(StorageSettings(root=tmp_path, objects="s3://bucket?endpont=x"))
    with pytest.raises(ValueError, match="string_pattern_mismatch"):
        StorageSettings(objects="gs://bucket")
