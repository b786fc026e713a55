"""An application whose only replica never starts."""

from typing import Any

from ray import serve

from tts_models.errors import AssetError


@serve.deployment
class Broken:
    def __init__(self) -> None:
        raise AssetError("asset toy could not be fetched. Put toy.bin by hand at /somewhere and try again.")

    async def __call__(self, request: Any) -> str:
        return "never"


def build(args: dict[str, Any]) -> serve.Application:
    return Broken.bind()
