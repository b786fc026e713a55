"""``/v1/dictionaries`` over a store in memory: entries, who may change them, documents."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deployments.settings import DictionarySettings, HttpSettings
from deployments.storage.api_keys import ApiKeys
from serve_app.pls import read_pls, write_pls
from tests.http.fakes import Served, speech
from tts_models.errors import InvalidRequest
from tts_models.text.dictionary import Entry
from tts_models.text.dictionary.entry import Alphabet
from tts_models.types import Phonemes, SpokenWord

OWN = "/v1/dictionaries/own"
GLOBAL = "/v1/dictionaries/global"
GIF = {"surface": "GIF", "pronunciation": "jif"}


async def add(client: httpx.AsyncClient, path: str = OWN, **fields: Any) -> httpx.Response:
    return await client.post(f"{path}/entries", json=GIF | fields)


async def test_the_life_of_an_entry(client: httpx.AsyncClient) -> None:
    added = await add(client, language="EN_us", priority=7)
    assert added.status_code == 201
    entry = added.json()
    assert entry == {
        "id": entry["id"], "surface": "GIF", "pronunciation": "jif", "alphabet": "text", "language": "en-US",
        "accent": None, "word_type": "PROPER_NOUN", "priority": 7, "case_sensitive": False, "whole_word": True,
    }  # fmt: skip
    path = added.headers["location"]
    assert path == f"{OWN}/entries/{entry['id']}"
    assert (await client.get(path)).json() == entry
    changed = await client.put(path, json=GIF | {"pronunciation": "ɡˈɪf", "alphabet": "ipa"})
    assert changed.json() == entry | {"pronunciation": "ɡˈɪf", "alphabet": "ipa", "language": "", "priority": 5}
    page = (await client.get(f"{OWN}/entries")).json()
    assert page == {"entries": [changed.json()], "total": 1, "next": None}
    assert (await client.delete(path)).status_code == 204
    for gone in (await client.get(path), await client.delete(path), await client.put(path, json=GIF)):
        assert gone.status_code == 404
        assert gone.json()["error"]["code"] == "entry_not_found"


async def test_one_surface_once_in_each_language(client: httpx.AsyncClient) -> None:
    assert (await add(client)).status_code == 201
    again = await add(client, surface="ｇｉｆ")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "duplicate_entry")
    assert (await add(client, language="fr")).status_code == 201
    other = (await add(client, surface="PNG")).json()
    assert (await client.put(f"{OWN}/entries/{other['id']}", json=GIF)).status_code == 409


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"alphabet": "katakana"}, "pronunciation", "not katakana"),
        ({"alphabet": "ipa", "pronunciation": "ɢ"}, "pronunciation", "nearest: 'ɡ'"),
        ({"surface": " "}, "surface", "empty"),
        ({"surface": "a" * 101}, "surface", "takes 100"),
        ({"pronunciation": "a" * 301}, "pronunciation", "takes 300"),
        ({"language": "tlh"}, "language", "not supported"),
        ({"priority": 11}, "priority", "less than or equal to 10"),
        ({"accent": 2, "alphabet": "katakana", "pronunciation": "ア"}, "accent", "1 moras"),
        ({"colour": "red"}, "colour", "not permitted"),
    ],
)
async def test_entries_that_are_refused(
    fields: dict[str, Any], param: str, says: str, client: httpx.AsyncClient
) -> None:
    refused = await add(client, **fields)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert says in refused.json()["error"]["message"]


async def test_pages_and_filters(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await add(client, surface=f"word {number}", language="en" if number % 2 else "ja")
    first = (await client.get(f"{OWN}/entries", params={"limit": 2})).json()
    assert [entry["surface"] for entry in first["entries"]] == ["word 0", "word 1"]
    second = (await client.get(f"{OWN}/entries", params={"limit": 3, "after": first["next"]})).json()
    assert [entry["surface"] for entry in second["entries"]] == ["word 2", "word 3", "word 4"]
    assert second["next"] is None
    english = (await client.get(f"{OWN}/entries", params={"language": "en-GB"})).json()
    assert english["total"] == 2
    assert (await client.get(f"{OWN}/entries", params={"surface": "D 3"})).json()["total"] == 1
    assert (await client.get(f"{OWN}/entries", params={"after": "nothing"})).status_code == 404
    assert (await client.get("/v1/dictionaries/others/entries")).status_code == 400


async def test_a_full_dictionary() -> None:
    served = Served(HttpSettings(dictionaries=DictionarySettings(max_entries=1)))
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await add(client)).status_code == 201
        full = await add(client, surface="PNG")
        assert (full.status_code, full.json()["error"]["code"]) == (409, "dictionary_full")


@pytest.fixture
async def tenants(served: Served) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    keys = ApiKeys(served.app.state.context.records)
    secrets = {name: keys.create(name, admin=name == "admin")[1] for name in ("a", "b", "admin")}
    transport = httpx.ASGITransport(served.app, raise_app_exceptions=False)
    clients = {
        name: httpx.AsyncClient(
            transport=transport, base_url="http://test", headers={"Authorization": f"Bearer {secret}"}
        )
        for name, secret in secrets.items()
    }
    yield clients
    for one in clients.values():
        await one.aclose()


async def test_tenants_do_not_see_one_another(tenants: dict[str, httpx.AsyncClient], served: Served) -> None:
    mine = (await add(tenants["a"])).json()
    assert (await add(tenants["b"])).status_code == 201
    assert (await tenants["b"].get(f"{OWN}/entries/{mine['id']}")).status_code == 404
    assert (await tenants["b"].delete(f"{OWN}/entries/{mine['id']}")).status_code == 404
    refused = await add(tenants["a"], GLOBAL)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    for path in (f"{GLOBAL}/import", f"{GLOBAL}/entries"):
        assert (await tenants["a"].post(path, json=GIF | {"entries": []})).status_code in (400, 403)
    assert (await add(tenants["admin"], GLOBAL)).status_code == 201
    assert (await tenants["a"].get(f"{GLOBAL}/entries")).json()["total"] == 1
    listed = (await tenants["a"].get("/v1/dictionaries")).json()["dictionaries"]
    assert listed == [
        {"id": "own", "entries": 1, "may_change": True},
        {"id": "global", "entries": 1, "may_change": False},
    ]
    await tenants["a"].post("/v1/audio/speech", json=speech())
    await tenants["b"].post("/v1/audio/speech", json=speech())
    first, second = (flow.tenant for flow in served.graph.flows)
    assert first
    assert second not in ("", first)


async def test_json_there_and_back(client: httpx.AsyncClient) -> None:
    document = {"entries": [GIF, {"surface": "結月", "pronunciation": "ユヅキ", "alphabet": "katakana", "accent": 1}]}
    imported = await client.post(f"{OWN}/import", json=document)
    assert imported.json() == {"added": 2, "replaced": 0, "removed": 0, "total": 2}
    exported = (await client.get(f"{OWN}/export")).json()
    again = await client.post(f"{OWN}/import", json=exported, params={"mode": "replace"})
    assert again.json() == {"added": 0, "replaced": 2, "removed": 0, "total": 2}
    one = await client.post(f"{OWN}/import", json={"entries": [GIF]}, params={"mode": "replace"})
    assert one.json() == {"added": 0, "replaced": 1, "removed": 1, "total": 1}
    bad = await client.post(f"{OWN}/import", json={"entries": [GIF, GIF | {"language": "tlh"}]})
    assert bad.status_code == 400
    assert bad.json()["error"]["param"] == "entries.1.language"
    assert bad.json()["error"]["message"].startswith("Entry 2: ")
    assert (
        await client.post(f"{OWN}/import", content=b"{", headers={"content-type": "application/json"})
    ).status_code == 400
    assert (await client.get(f"{OWN}/entries")).json()["total"] == 1  # all or none


async def test_pls_there_and_back(client: httpx.AsyncClient) -> None:
    await add(client, language="en")
    await add(client, surface="<&>", case_sensitive=True, whole_word=False, priority=0)
    await add(client, surface="東京", pronunciation="トーキョー", alphabet="katakana", language="ja", accent=0)
    before = (await client.get(f"{OWN}/export")).json()
    lexicon = await client.get(f"{OWN}/export", params={"format": "pls"})
    assert lexicon.headers["content-type"].startswith("application/pls+xml")
    imported = await client.post(
        f"{OWN}/import",
        content=lexicon.content,
        params={"mode": "replace"},
        headers={"content-type": "application/pls+xml"},
    )
    assert imported.json() == {"added": 0, "replaced": 3, "removed": 0, "total": 3}
    assert (await client.get(f"{OWN}/export")).json() == before


FOREIGN = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa" xml:lang="en-US">
  <meta name="author" content="nobody"/>
  <lexeme role="noun">
    <grapheme>judgment</grapheme> <grapheme>judgement</grapheme>
    <phoneme>ˈdʒʌdʒ.mənt</phoneme> <phoneme prefer="true">dʒˈʌdʒmənt</phoneme>
    <example>His judgment.</example>
  </lexeme>
  <lexeme><grapheme>W3C</grapheme><alias>World Wide Web Consortium</alias></lexeme>
</lexicon>"""


def test_a_lexicon_of_somebody_else() -> None:
    entries = read_pls(FOREIGN.encode())
    assert entries == [
        Entry("judgment", "dʒˈʌdʒmənt", Alphabet.IPA, "en-US"),
        Entry("judgement", "dʒˈʌdʒmənt", Alphabet.IPA, "en-US"),
        Entry("W3C", "World Wide Web Consortium", Alphabet.TEXT, "en-US"),
    ]
    assert read_pls(write_pls(entries, "en-US").encode()) == entries
    assert "vg:" not in write_pls(entries, "en-US").partition("alphabet=")[2]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("<lexicon/>", "Line 1, column 1: the document is no lexicon"),
        (FOREIGN.replace("</lexicon>", ""), "Line 10, column 1: the lexicon is no XML: no element found"),
        (
            FOREIGN.replace("<lexicon", '<!DOCTYPE x [<!ENTITY e "x">]>\n<lexicon', 1),
            "Line 2, column 13: a document type",
        ),
        (FOREIGN.replace("W3C", "&e;"), "Line 9, column 21: the lexicon is no XML: undefined entity"),
        (FOREIGN.replace("<grapheme>W3C</grapheme>", ""), "Line 9, column 3: a lexeme has at least one grapheme"),
        (FOREIGN.replace("World Wide Web Consortium", " "), "Line 9, column 3: The pronunciation of 'W3C' is empty"),
        (FOREIGN.replace('alphabet="ipa"', 'alphabet="x-sampa"'), "the alphabet 'x-sampa' is not known"),
        (FOREIGN.replace("en-US", "tlh"), "Line 4, column 3: Language 'tlh' is not supported"),
    ],
)
def test_lexicons_that_are_refused(document: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_pls(document.encode())
    assert says in refused.value.message


async def test_how_a_text_is_read(client: httpx.AsyncClient, served: Served) -> None:
    async def segments(text: str, language: str) -> list[Phonemes]:
        assert (text, language) == ("A [GIF](/ɡˈɪf/).", "en-GB")
        words = (SpokenWord(0, 1, 0, 1), SpokenWord(2, 15, 2, 6))
        return [Phonemes("A GIF.", "ɐ ɡˈɪf.", (1,) * 7, "en-GB", words=words)]

    served.graph.segments = segments  # type: ignore[method-assign]
    read = await client.post("/v1/dictionaries/preview", json={"input": "A [GIF](/ɡˈɪf/).", "language": "en-AU"})
    (segment,) = read.json()["segments"]
    assert segment["phonemes"] == "ɐ ɡˈɪf."
    assert segment["words"][1] == {"word": "GIF", "phonemes": "ɡˈɪf", "text_start": 2, "text_end": 15}
    long = await client.post("/v1/dictionaries/preview", json={"input": "a" * 10_001, "language": "en"})
    assert long.json()["error"]["code"] == "input_too_long"


async def test_the_described_examples_are_taken(client: httpx.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    for example in description["components"]["schemas"]["EntryFields"]["examples"]:
        assert (await client.post(f"{OWN}/entries", json=example)).status_code == 201, json.dumps(example)
