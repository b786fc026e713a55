"""Errors as the caller sees them: the only place in this code base that knows HTTP statuses.

::

    exception                                      status   code
    EmptyText, TextTooLong, UnpronounceableText,
      UnsupportedLanguage, ReferenceAudioError,
      ForbiddenText (content_policy_violation),
      InvalidRequest, InvalidSsml,
      a body that does not validate                   400   its own
    NotAudio, ReferenceTooShort, ReferenceTooLong,
      NoSpeech, ReferenceClipped, SeveralSpeakers     400   reference_not_audio, _too_short, _too_long, _no_speech,
                                                            _clipped, _several_speakers
    Unauthorized                                      401   missing_, invalid_, revoked_, expired_api_key
    NotAllowed                                        403   not_allowed
    ModelNotFound, VoiceNotFound, NoSuchEntry,
      JobNotFound, ConsentNotFound, no such route     404   model_, voice_, entry_, job_, consent_not_found, not_found
    a method the route does not have                  405   method_not_allowed
    ConsentRequired, ConsentMismatch                  400   consent_required, consent_mismatch
    DuplicateEntry, DictionaryFull                    409   duplicate_entry, dictionary_full
    VoiceExists, VoicesFull, ConsentInUse             409   voice_exists, voices_full, consent_in_use
    JobNotReady, KeyReused                            409   job_not_ready, idempotency_key_reused
    CaptionsNotFound                                  404   captions_not_found
    CaptionsNotReady                                  409   captions_not_ready      with Retry-After
    LimitExceeded                                     429   rate_limit_exceeded   with Retry-After
    a body over the limit                             413   request_too_large
    a body that is not JSON                           415   unsupported_media_type
    RangeNotSatisfiable                               416   range_not_satisfiable
    Overloaded                                        429   overloaded            with Retry-After
    SynthesisError                                    500   synthesis_failed
    StageUnavailable                                  503   unavailable           with Retry-After
    StorageUnavailable                                503   storage_unavailable   with Retry-After
    ShuttingDown                                      503   shutting_down         with Retry-After
    DeadlineExceeded                                  503   deadline_exceeded     with Retry-After where that helps
    anything else                                     500   internal_error        fixed text, never the exception's own

Every one is ``{"error": {"message", "type", "param", "code"}}``, the shape that OpenAI's clients read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.errors import ServerFull, ShuttingDown, StorageUnavailable
from deployments.storage.consents import ConsentInUse, ConsentNotFound
from deployments.storage.dictionaries import DictionaryFull, DuplicateEntry, NoSuchEntry
from deployments.storage.voices import VoiceExists, VoicesFull
from serve_app.full import FULL_HEADER
from serve_app.graph import DeadlineExceeded, Overloaded, StageUnavailable
from serve_app.http.request_id import request_id_of
from serve_app.http.schemas import ApiError, ErrorResponse
from serve_app.jobs.board import JobNotFound, JobNotReady, KeyReused
from tts_models.errors import (
    EmptyText,
    ForbiddenText,
    InvalidSsml,
    NoSpeech,
    NotAudio,
    ReferenceAudioError,
    ReferenceClipped,
    ReferenceTooLong,
    ReferenceTooShort,
    RequestError,
    SeveralSpeakers,
    SynthesisError,
    TextTooLong,
    TtsError,
    UnpronounceableText,
    UnsupportedLanguage,
    VoiceNotFound,
)

logger = logging.getLogger(__name__)

_MAX_ECHO_CHARACTERS = 64
_UNAVAILABLE_RETRY_S = 5


class ModelNotFound(RequestError):
    """No model of that name."""

    default_param = "model"


class NotAllowed(RequestError):
    """The caller may read this, but not change it."""


class ConsentRequired(RequestError):
    """A voice is to be cloned without the consent that this server wants."""

    default_param = "consent"


class ConsentMismatch(RequestError):
    """The recording of the consent is of another speaker than what is to be cloned."""

    default_param = "consent"


class CaptionsNotFound(RequestError):
    """No captions of that request are kept."""


class CaptionsNotReady(RequestError):
    """The captions of that request will be there when its audio is."""


class BodyTooLarge(HTTPException):
    """The request body is longer than the server accepts.

    An ``HTTPException`` because FastAPI turns any other exception raised while it reads a body into a vague 400.
    """

    def __init__(self, max_bytes: int, what: str = "The request body") -> None:
        super().__init__(413, f"{what} is larger than the {max_bytes:,} bytes this server accepts.")


class Unauthorized(HTTPException):
    """The request needs an API key that is good; args: message, code.

    An ``HTTPException`` because it is raised in front of the routes, where it is nothing to log.
    """

    def __init__(self, message: str, code: str) -> None:
        # RFC 6750: whoever sent no credentials at all is told no error.
        problem = "" if code == "missing_api_key" else ', error="invalid_token"'
        super().__init__(401, message, {"WWW-Authenticate": f'Bearer realm="voicegraph"{problem}'})
        self.code = code


class LimitExceeded(HTTPException):
    """The caller has asked for more than it may.

    An ``HTTPException`` because it is raised in front of the routes, where it is nothing to log.

    Args:
        message: Of what.
        retry_after_s: Seconds until a new try makes sense; None if none ever does.
        limits: Headers that tell of the limits.
    """

    code = "rate_limit_exceeded"

    def __init__(
        self, message: str, retry_after_s: float | None = None, limits: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        headers = {"x-should-retry": "false"}
        if retry_after_s is not None:
            headers = {
                "Retry-After": str(max(1, math.ceil(retry_after_s))),
                "retry-after-ms": str(max(1, math.ceil(1000 * retry_after_s))),
            }
            message = f"{message} Try again in {headers['Retry-After']} s."
        super().__init__(429, message, {**limits, **headers})


class RangeNotSatisfiable(HTTPException):
    """The file has no such range.

    Args:
        size_bytes: How long it is.
    """

    code = "range_not_satisfiable"

    def __init__(self, size_bytes: int) -> None:
        message = f"The file has {size_bytes:,} bytes, and none in the range that was asked for."
        super().__init__(416, message, {"Content-Range": f"bytes */{size_bytes}"})


_TTS_ERRORS: Mapping[type[TtsError], tuple[int, str]] = MappingProxyType(
    {
        RequestError: (400, "invalid_value"),
        EmptyText: (400, "empty_input"),
        TextTooLong: (400, "input_too_long"),
        InvalidSsml: (400, "invalid_ssml"),
        UnpronounceableText: (400, "unpronounceable_input"),
        UnsupportedLanguage: (400, "unsupported_language"),
        ForbiddenText: (400, "content_policy_violation"),
        ReferenceAudioError: (400, "invalid_reference_audio"),
        NotAudio: (400, "reference_not_audio"),
        ReferenceTooShort: (400, "reference_too_short"),
        ReferenceTooLong: (400, "reference_too_long"),
        NoSpeech: (400, "reference_no_speech"),
        ReferenceClipped: (400, "reference_clipped"),
        SeveralSpeakers: (400, "reference_several_speakers"),
        VoiceNotFound: (404, "voice_not_found"),
        ModelNotFound: (404, "model_not_found"),
        JobNotFound: (404, "job_not_found"),
        JobNotReady: (409, "job_not_ready"),
        KeyReused: (409, "idempotency_key_reused"),
        NoSuchEntry: (404, "entry_not_found"),
        CaptionsNotFound: (404, "captions_not_found"),
        CaptionsNotReady: (409, "captions_not_ready"),
        NotAllowed: (403, "not_allowed"),
        DuplicateEntry: (409, "duplicate_entry"),
        DictionaryFull: (409, "dictionary_full"),
        VoiceExists: (409, "voice_exists"),
        VoicesFull: (409, "voices_full"),
        ConsentNotFound: (404, "consent_not_found"),
        ConsentRequired: (400, "consent_required"),
        ConsentMismatch: (400, "consent_mismatch"),
        ConsentInUse: (409, "consent_in_use"),
        Overloaded: (429, "overloaded"),
        SynthesisError: (500, "synthesis_failed"),
        StageUnavailable: (503, "unavailable"),
        StorageUnavailable: (503, "storage_unavailable"),
        ShuttingDown: (503, "shutting_down"),
        DeadlineExceeded: (503, "deadline_exceeded"),
    }
)
_HTTP_CODES: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_body",
        404: "not_found",
        405: "method_not_allowed",
        413: "request_too_large",
        415: "unsupported_media_type",
    }
)
_TYPES: Mapping[int, str] = MappingProxyType({429: "rate_limit_error"})


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the caller sees it.

    Attributes:
        status: HTTP status.
        message: What was wrong, why, what would work.
        code: One word for programs.
        param: The request parameter at fault, if any.
        headers: To send along.
    """

    status: int
    message: str
    code: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> ErrorResponse:
        """The response body."""
        kind = _TYPES.get(self.status) or ("server_error" if self.status >= 500 else "invalid_request_error")
        return ErrorResponse(error=ApiError(message=self.message, type=kind, param=self.param, code=self.code))

    def response(self) -> JSONResponse:
        """The HTTP response."""
        return JSONResponse(self.body.model_dump(), self.status, dict(self.headers))


def describe(error: Exception, request: Request) -> Failure:
    """What the caller of ``request`` is told about ``error``."""
    match error:
        case RequestValidationError():
            return _validation_failure(error.errors(), request)
        case HTTPException():
            return _http_failure(error, request)
        case TtsError():
            for kind in type(error).__mro__:
                if kind in _TTS_ERRORS:
                    status, code = _TTS_ERRORS[kind]
                    param = error.param if isinstance(error, RequestError) else ""
                    return Failure(status, error.message, code, param or None, _retry_after(error))
    return Failure(
        500,
        "Something went wrong on the server. The request may be tried again; to whoever runs the server, "
        f"name the request id {request_id_of(request.scope)}.",
        "internal_error",
    )


def error_of(kind: str, message: str, param: str = "") -> ApiError:
    """An error of the past, by the name of its class, as a caller would have been told at once."""
    status, code = next(
        (known for error, known in _TTS_ERRORS.items() if error.__name__ == kind), (500, "internal_error")
    )
    return Failure(status, message, code, param or None).body.error


async def handle(request: Request, error: Exception) -> JSONResponse:
    """The exception handler of the application for every error that it knows."""
    failure = describe(error, request)
    if failure.status >= 500:
        log(error, request.scope)
    return _answer(failure, request.scope)


def _answer(failure: Failure, scope: Scope) -> JSONResponse:
    scope["state"]["error_code"] = failure.code  # for whoever counts
    return failure.response()


def log(error: Exception, scope: Scope) -> None:
    """Writes an error that is not the caller's to the server's log, with its traceback.

    A stage that is away without a cause, which ``/health`` reports at every poll while it starts, takes one line. A
    deadline that a busy server does not meet is nobody's defect, and comes in numbers when there is least time for it.
    """
    where = (scope["method"], scope["path"], request_id_of(scope))
    if isinstance(error, DeadlineExceeded):
        logger.info("%s %s was not done in time, request id %s: %s", *where, error.message)
    elif isinstance(error, StageUnavailable) and error.__cause__ is None:
        logger.error("%s %s failed, request id %s: %s", *where, error.message)
    else:
        logger.error("%s %s failed, request id %s", *where, exc_info=error)


class BrokenOff(Exception):
    """A response that could not be ended; args: the request id, by which the log says why."""


class UnknownErrorMiddleware:
    """Answers what no exception handler knew, and logs it once.

    Inside the request id's middleware, so that the answer carries the id, which Starlette's own last resort would not.
    An exception after the response has started is logged, and another one raised that tells nothing: the server drops
    the connection without ending the body, which is how the client learns that the audio is incomplete.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Runs the application behind."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noting_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_noting_start)
        except HTTPException as error:
            if started:
                raise
            await _answer(describe(error, Request(scope)), scope)(scope, receive, send)
        except Exception as error:
            log(error, scope)
            if started:
                # Ray's proxy logs what arrives there, in a process where nobody keeps texts out of logs.
                raise BrokenOff(request_id_of(scope)) from None
            await _answer(describe(error, Request(scope)), scope)(scope, receive, send)


def _retry_after(error: TtsError) -> dict[str, str]:
    match error:
        case DeadlineExceeded(retry_after_s=0):
            return {"x-should-retry": "false"}
        case Overloaded() | DeadlineExceeded():
            return {
                **({FULL_HEADER: error.application} if isinstance(error, ServerFull) and error.application else {}),
                "Retry-After": str(max(1, math.ceil(error.retry_after_s))),
                "retry-after-ms": str(max(1, math.ceil(1000 * error.retry_after_s))),
            }
        case CaptionsNotReady():
            return {"Retry-After": "1"}
        case StageUnavailable() | StorageUnavailable() | ShuttingDown():
            return {"Retry-After": str(_UNAVAILABLE_RETRY_S)}
    return {}


def _http_failure(error: HTTPException, request: Request) -> Failure:
    code = getattr(error, "code", "") or _HTTP_CODES.get(error.status_code, "invalid_request")
    path = _shown(request.url.path)
    match error.status_code:
        case 400:
            message = "The request body could not be read. It must be a JSON object in UTF-8."
        case 404:
            message = f"There is no {path} here. GET /docs lists what there is."
        case 405:
            message = f"{path} does not take {request.method}. GET /docs lists what it takes."
        case _:
            message = str(error.detail)
    return Failure(error.status_code, message, code, headers=error.headers or {})


def _validation_failure(errors: Sequence[Any], request: Request) -> Failure:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    whole_body = any(tuple(error["loc"]) == ("body",) for error in errors)
    if whole_body and not (content_type == "application/json" or content_type.endswith("+json")):
        sent = f"was sent as {_shown(content_type)}" if content_type else "came without a Content-Type"
        return Failure(
            415, f"The body {sent}; it must be JSON, with the header Content-Type: application/json.", _HTTP_CODES[415]
        )
    first = errors[0]
    if first["type"] == "json_invalid":
        message = f"The body is not valid JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
        return Failure(400, message, "invalid_json")
    if whole_body:
        return Failure(400, 'The body must be a JSON object, such as {"model": "tts-1", ...}.', "invalid_body")
    code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
    return Failure(400, " ".join(_validation_message(error) for error in errors), code, _param(first))


def _param(error: Mapping[str, Any]) -> str:
    """Dotted name of the parameter, without the ``body`` or ``query`` it came in."""
    return ".".join(str(part) for part in error["loc"][1:])


def _validation_message(error: Mapping[str, Any]) -> str:
    param = _param(error)
    if error["type"] == "missing":
        return f"The parameter '{param}' is missing."
    if error["type"] == "string_unicode":
        return f"'{param}' is no text: it holds half of a surrogate pair."
    if error["type"] == "value_error":
        return f"'{param}' {error['ctx']['error']}"
    problem = str(error["msg"]).removeprefix("Input ")
    return f"'{param}' {problem}, not {_shown(repr(error['input']))}."


def _shown(text: str) -> str:
    """``text``, shortened for an error message."""
    return text if len(text) <= _MAX_ECHO_CHARACTERS else text[:_MAX_ECHO_CHARACTERS] + "..."
