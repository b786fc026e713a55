"""The setting of pytest that makes warnings of our own code errors does so."""

from __future__ import annotations

import types

import pytest


def module(name: str) -> types.ModuleType:
    """A module that warns."""
    made = types.ModuleType(name)
    exec("import warnings\ndef warn(kind): warnings.warn('old', kind)", made.__dict__)
    return made


@pytest.mark.parametrize("kind", [UserWarning, DeprecationWarning, FutureWarning, RuntimeWarning])
@pytest.mark.parametrize("name", ["tts_models.text", "deployments", "serve_app.http.app", "tests.http.fakes"])
def test_a_warning_of_ours_is_an_error(name: str, kind: type[Warning]) -> None:
    with pytest.raises(kind):
        module(name).warn(kind)


@pytest.mark.parametrize("kind", [DeprecationWarning, FutureWarning])
def test_what_others_let_go_out_of_use_is_not(kind: type[Warning]) -> None:
    module("elsewhere").warn(kind)
