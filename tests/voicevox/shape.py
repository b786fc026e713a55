"""The shape of the engine's API, as its public OpenAPI description has it, in our own words.

Compared on 2026-11-22 with the descriptions of VOICEVOX's engine (d4b1b3e6) and AivisSpeech's (04b42823), by

    python -m tests.voicevox.shape openapi.json

which says where a description, such as the one that a running engine has at ``/openapi.json``, has another shape.
AivisSpeech's differs in its dictionary alone, whose words may have several parts.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

Kind = str | list["Kind"] | dict[str, "Kind"]
"""A JSON type, a name in ``SCHEMAS``, a list of one of them, or ``{"*": kind}`` for a table of them."""

_SCALES: dict[str, Kind] = {
    "speedScale": "number", "pitchScale": "number", "intonationScale": "number", "volumeScale": "number",
    "prePhonemeLength": "number", "postPhonemeLength": "number", "pauseLength?": "number",
    "pauseLengthScale?": "number",
}  # fmt: skip
SCHEMAS: dict[str, dict[str, Kind]] = {
    "Mora": {
        "text": "string", "consonant?": "string", "consonant_length?": "number", "vowel": "string",
        "vowel_length": "number", "pitch": "number",
    },
    "AccentPhrase": {"moras": ["Mora"], "accent": "integer", "pause_mora?": "Mora", "is_interrogative?": "boolean"},
    "AudioQuery": {
        "accent_phrases": ["AccentPhrase"], **_SCALES, "outputSamplingRate": "integer", "outputStereo": "boolean",
        "kana?": "string",
    },
    "Preset": {"id": "integer", "name": "string", "speaker_uuid": "string", "style_id": "integer", **_SCALES},
    "BadKana": {"text": "string", "error_name": "string", "error_args": {"*": "string"}},
    "Style": {"name": "string", "id": "integer", "type?": "string"},
    "Morphing": {"permitted_synthesis_morphing?": "string"},
    "Speaker": {
        "name": "string", "speaker_uuid": "string", "styles": ["Style"], "version": "string",
        "supported_features?": "Morphing",
    },
    "StyleInfo": {"id": "integer", "icon": "string", "portrait?": "string", "voice_samples": ["string"]},
    "SpeakerInfo": {"policy": "string", "portrait": "string", "style_infos": ["StyleInfo"]},
    "Target": {"is_morphable": "boolean"},
    "Devices": {"cpu": "boolean", "cuda": "boolean", "dml": "boolean"},
    "Update": {"version": "string", "descriptions": ["string"], "contributors?": ["string"]},
    "License": {"name": "string", "version?": "string", "license?": "string", "text": "string"},
    "Features": {
        "adjust_mora_pitch": "boolean", "adjust_phoneme_length": "boolean", "adjust_speed_scale": "boolean",
        "adjust_pitch_scale": "boolean", "adjust_intonation_scale": "boolean", "adjust_volume_scale": "boolean",
        "adjust_pause_length?": "boolean", "interrogative_upspeak": "boolean", "synthesis_morphing": "boolean",
        "sing?": "boolean", "manage_library?": "boolean", "return_resource_url?": "boolean",
        "apply_katakana_english?": "boolean",
    },
    "Manifest": {
        "manifest_version": "string", "name": "string", "brand_name": "string", "uuid": "string", "url": "string",
        "icon": "string", "default_sampling_rate": "integer", "frame_rate": "number", "terms_of_service": "string",
        "update_infos": ["Update"], "dependency_licenses": ["License"], "supported_vvlib_manifest_version?": "string",
        "supported_features": "Features",
    },
    "Word": {
        "surface": "string", "priority": "integer", "context_id?": "integer", "part_of_speech": "string",
        "part_of_speech_detail_1": "string", "part_of_speech_detail_2": "string", "part_of_speech_detail_3": "string",
        "inflectional_type": "string", "inflectional_form": "string", "stem": "string", "yomi": "string",
        "pronunciation": "string", "accent_type": "integer", "mora_count?": "integer",
        "accent_associative_rule": "string",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Route:
    """What a route is told and answers.

    Attributes:
        params: Its parameters in the query: ``name`` where required, ``name?`` or ``name=default`` where not.
        body: What it is sent, as JSON.
        answer: As JSON, or a media type.
        status: Of an answer.
    """

    params: str = ""
    body: Kind | None = None
    answer: Kind | None = None
    status: int = 200


_EDIT = Route("speaker core_version?", ["AccentPhrase"], ["AccentPhrase"])
_SPEAK = Route("speaker enable_interrogative_upspeak=true core_version?", "AudioQuery", "audio/wav")
_WORD = "surface pronunciation accent_type word_type? priority?"
ROUTES: dict[str, Route] = {
    "POST /audio_query": Route("text speaker enable_katakana_english=true core_version?", None, "AudioQuery"),
    "POST /audio_query_from_preset": Route(
        "text preset_id enable_katakana_english=true core_version?", None, "AudioQuery"
    ),
    "POST /accent_phrases": Route(
        "text speaker is_kana=false enable_katakana_english=true core_version?", None, ["AccentPhrase"]
    ),
    "POST /mora_data": _EDIT,
    "POST /mora_length": _EDIT,
    "POST /mora_pitch": _EDIT,
    "POST /synthesis": _SPEAK,
    "POST /cancellable_synthesis": _SPEAK,
    "POST /multi_synthesis": Route(_SPEAK.params, ["AudioQuery"], "application/zip"),
    "POST /synthesis_morphing": Route(
        "base_speaker target_speaker morph_rate enable_interrogative_upspeak=true core_version?",
        "AudioQuery",
        "audio/wav",
    ),
    "POST /morphable_targets": Route("core_version?", ["integer"], [{"*": "Target"}]),
    "POST /connect_waves": Route("", ["string"], "audio/wav"),
    "POST /validate_kana": Route("text", None, "boolean"),
    "POST /initialize_speaker": Route("speaker skip_reinit=false core_version?", status=204),
    "GET /is_initialized_speaker": Route("speaker core_version?", None, "boolean"),
    "GET /speakers": Route("core_version?", None, ["Speaker"]),
    "GET /speaker_info": Route("speaker_uuid resource_format=base64 core_version?", None, "SpeakerInfo"),
    "GET /presets": Route("", None, ["Preset"]),
    "POST /add_preset": Route("", "Preset", "integer"),
    "POST /update_preset": Route("", "Preset", "integer"),
    "POST /delete_preset": Route("id", status=204),
    "GET /user_dict": Route("", None, {"*": "Word"}),
    "POST /user_dict_word": Route(_WORD, None, "string"),
    "PUT /user_dict_word/{word_uuid}": Route(_WORD, status=204),
    "DELETE /user_dict_word/{word_uuid}": Route("", status=204),
    "POST /import_user_dict": Route("override", {"*": "Word"}, status=204),
    "GET /setting": Route(),
    "POST /setting": Route(status=204),
    "GET /": Route(),
    "GET /version": Route("", None, "string"),
    "GET /core_versions": Route("", None, ["string"]),
    "GET /supported_devices": Route("core_version?", None, "Devices"),
    "GET /engine_manifest": Route("", None, "Manifest"),
}


def validate(answer: Any, kind: Kind) -> None:
    """Passes if ``answer`` is of ``kind``; fields that the engine does not have are left to pass, as clients do.

    Raises:
        jsonschema.ValidationError: It is not.
    """
    jsonschema.Draft202012Validator(_json_schema(kind)).validate(answer)


def _json_schema(kind: Kind) -> dict[str, Any]:
    match kind:
        case [one]:
            return {"type": "array", "items": _json_schema(one)}
        case {"*": one}:
            return {"type": "object", "additionalProperties": _json_schema(one)}
        case str() if kind in SCHEMAS:
            fields = SCHEMAS[kind]
            properties = {
                # What is optional is null in the engine's own answers.
                name.rstrip("?"): {"anyOf": [_json_schema(one), {"type": "null"}]}
                if name[-1] == "?"
                else _json_schema(one)
                for name, one in fields.items()
            }
            required = [name for name in fields if name[-1] != "?"]
            return {"type": "object", "properties": properties, "required": required}
        case _:
            return {"type": kind}


def problems(description: dict[str, Any]) -> list[str]:
    """Where the API of an OpenAPI ``description`` has another shape, in words."""
    found = []
    for name, route in ROUTES.items():
        method, path = name.split()
        told = description["paths"].get(path, {}).get(method.lower())
        if told is None:
            found.append(f"{name}: is not there")
            continue
        found += [f"{name}: {problem}" for problem in _problems_of(route, told, description)]
    return found


def _problems_of(route: Route, told: dict[str, Any], description: dict[str, Any]) -> list[str]:
    found = []
    params = {one["name"]: one for one in told.get("parameters", []) if one["in"] == "query"}
    for word in route.params.split():
        name, _, default = word.rstrip("?").partition("=")
        param = params.pop(name, None)
        if param is None:
            found.append(f"has no parameter {name}")
        elif param.get("required", False) != (word == name):
            found.append(f"the parameter {name} is required or not")
        elif default and str(param["schema"].get("default")).lower() != default:
            found.append(f"the default of {name} is {param['schema'].get('default')}")
    found += [f"requires the parameter {name}" for name, param in params.items() if param.get("required")]
    body = told.get("requestBody", {}).get("content", {}).get("application/json")
    if bool(body) != bool(route.body):
        found.append("is sent JSON or not")
    elif body and route.body:
        found += _differences(body["schema"], route.body, description, "body", is_sent=True)
    answer = told["responses"].get(str(route.status))
    if answer is None:
        found.append(f"does not answer {route.status}")
    elif isinstance(route.answer, str) and "/" in route.answer:
        if route.answer not in answer.get("content", {}):
            found.append(f"does not answer with {route.answer}")
    elif route.answer:
        schema = answer["content"]["application/json"]["schema"]
        found += _differences(schema, route.answer, description, "answer", is_sent=False)
    return found


def _differences(
    schema: dict[str, Any], kind: Kind, description: dict[str, Any], at: str, *, is_sent: bool
) -> list[str]:
    schema = _resolved(schema, description)
    match kind:
        case [one]:
            if schema.get("type") != "array":
                return [f"{at} is no list"]
            return _differences(schema["items"], one, description, f"{at}[]", is_sent=is_sent)
        case {"*": one}:
            if not isinstance(schema.get("additionalProperties"), dict):
                return [f"{at} is no table"]
            return _differences(schema["additionalProperties"], one, description, f"{at}[*]", is_sent=is_sent)
        case str() if kind in SCHEMAS:
            fields, required = SCHEMAS[kind], set(schema.get("required", []))
            found = []
            for name, one in fields.items():
                field = schema.get("properties", {}).get(name.rstrip("?"))
                if field is None:
                    found.append(f"{at} has no {name.rstrip('?')}")
                    continue
                if name[-1] != "?" and not is_sent and name not in required:
                    found.append(f"{at}.{name} may be absent")
                found += _differences(field, one, description, f"{at}.{name.rstrip('?')}", is_sent=is_sent)
            if is_sent:  # what is sent by a client of the engine has to be enough
                found += [f"{at} requires {name}" for name in sorted(required - set(fields))]
            return found
    return [] if schema.get("type") == kind else [f"{at} is {schema.get('type')}, not {kind}"]


def _resolved(schema: dict[str, Any], description: dict[str, Any]) -> dict[str, Any]:
    """What ``schema`` refers to, and of two of which one is null the other."""
    if "$ref" in schema:
        return _resolved(description["components"]["schemas"][schema["$ref"].rpartition("/")[2]], description)
    choices = [one for one in schema.get("anyOf", schema.get("allOf", [])) if one.get("type") != "null"]
    return _resolved(choices[0], description) if len(choices) == 1 else schema


if __name__ == "__main__":
    print("\n".join(problems(json.loads(Path(sys.argv[1]).read_text()))) or "The same shape.")
