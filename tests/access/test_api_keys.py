"""Keys as they are kept."""

from __future__ import annotations

import time

import pytest
from pydantic import ValidationError

from deployments.storage.api_keys import COLLECTION, ApiKeys, KeyLimits, NoSuchKey, find, key_id_in
from deployments.storage.records import Records


def test_a_key_is_found_by_what_its_owner_was_told(keys: ApiKeys) -> None:
    key, told = keys.create("app", tenant="acme", weight=2, admin=True, limits=KeyLimits(max_running=3))

    assert find(keys.all(), told) == key
    assert key_id_in(told) == key.key_id
    assert (key.name, key.tenant, key.weight, key.admin, key.limits.max_running) == ("app", "acme", 2, True, 3)
    assert keys.create("other")[0].tenant != key.tenant


def test_nothing_that_is_kept_opens_the_door(keys: ApiKeys, records: Records) -> None:
    key, told = keys.create("app")
    secret = told.removeprefix(f"vg-{key.key_id}-")

    (kept,) = records.all(COLLECTION).values()
    assert secret.encode() not in kept
    assert len(secret) == 43  # 256 bits
    assert find(keys.all(), f"vg-{key.key_id}-{key.digest[:43]}") is None
    assert secret not in repr(key)
    assert key.digest not in repr(key)


def test_every_other_secret_is_wrong(keys: ApiKeys) -> None:
    key, told = keys.create("app")
    another, told_another = keys.create("other")
    wrong = [
        told[:-1],
        told + "A",
        told[:-1] + ("A" if told[-1] != "A" else "B"),
        told.replace(key.key_id, another.key_id),
        told.upper(),
        f" {told}",
        f"{told}\n",
        f"vg-{'0' * 12}-{'A' * 43}",
        "",
        "unused",
        "vg--",
        told_another.replace("vg-", "sk-"),
        told[:-1] + "é",
    ]
    assert [text for text in wrong if find(keys.all(), text) is not None] == []


def test_a_key_ends(keys: ApiKeys) -> None:
    key, _ = keys.create("app", expires_in_s=60)
    assert key.state() == "active"
    assert key.state(time.time() + 61) == "expired"

    revoked = keys.revoke(key.key_id)
    assert revoked.state() == "revoked"
    assert keys.revoke(key.key_id) == revoked  # keeps the time of the first
    keys.delete(key.key_id)
    assert keys.all() == {}
    for change in (keys.revoke, keys.delete, lambda key_id: keys.update(key_id, name="x")):
        with pytest.raises(NoSuchKey):
            change(key.key_id)


def test_every_change_raises_the_version(keys: ApiKeys) -> None:
    versions = [keys.version()]
    key, _ = keys.create("app")
    versions.append(keys.version())
    keys.update(key.key_id, weight=3)
    versions.append(keys.version())
    keys.revoke(key.key_id)
    versions.append(keys.version())
    keys.delete(key.key_id)
    versions.append(keys.version())
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("changes", [{"weight": 0}, {"weight": float("nan")}, {"tenant": ""}, {"digets": "x"}])
def test_what_a_key_cannot_be(changes: dict[str, object], keys: ApiKeys) -> None:
    key, _ = keys.create("app")
    with pytest.raises(ValidationError):
        keys.update(key.key_id, **changes)
    assert keys.all()[key.key_id] == key
