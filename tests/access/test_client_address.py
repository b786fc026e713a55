from __future__ import annotations

import pytest

from serve_app.http.client_address import ClientAddress, client_of, is_loopback


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "found"),
    [
        ("203.0.113.7", [], [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], [], "203.0.113.7"),  # whoever asks may write what he likes
        ("10.0.0.1", ["198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], ["10.0.0.1"], "198.51.100.1"),  # the left one is the client's word
        ("10.0.0.1", ["127.0.0.1", "198.51.100.1, 10.0.0.2"], ["10.0.0.0/8"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], ["10.0.0.0/8"], "10.0.0.3"),
        ("10.0.0.1", [], ["10.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], ["10.0.0.1"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:5432"], ["10.0.0.1"], "198.51.100.1"),
        ("::1", ["[2001:db8::5]:80"], ["::1"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["2001:db8::5"], ["10.0.0.1"], "2001:db8::5"),
        ("10.0.0.1", ["fe80::1%eth0"], ["10.0.0.1"], "fe80::1"),
        ("testclient", ["198.51.100.1"], ["10.0.0.1"], ""),
        (None, ["198.51.100.1"], ["10.0.0.1"], ""),
    ],
)
def test_the_client(peer: str | None, forwarded: list[str], trusted: list[str], found: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope = {"type": "http", "client": (peer, 1) if peer else None, "headers": headers}
    assert ClientAddress(trusted)(scope) == found


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"]
)
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "localhost.example.com", "example.com", "128.0.0.1"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_client_has_as_many_ipv6_addresses_as_it_likes() -> None:
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:ffff::9") != client_of("2001:db8:1:3::1")
    assert client_of("203.0.113.7") == "203.0.113.7" != client_of("203.0.113.8")
