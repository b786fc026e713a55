"""Applications that do not start."""

import time
from typing import Any

from ray import serve

from tts_models.errors import AssetError


@serve.deployment
class Failing:
    def __init__(self) -> None:
        raise AssetError("asset toy could not be fetched. Put toy.bin by hand at /somewhere and try again.")


@serve.deployment
class Sleeping:
    def __init__(self) -> None:
        time.sleep(600)


def failing(args: dict[str, Any]) -> serve.Application:
    return Failing.bind()


def sleeping(args: dict[str, Any]) -> serve.Application:
    return Sleeping.bind()
