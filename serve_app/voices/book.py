"""The voices that one tenant can speak with, as they are at one moment."""

from __future__ import annotations

import difflib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from deployments.storage.cloned_voice import MAX_NAME_CHARACTERS, folded_name
from deployments.storage.voices import GLOBAL, ClonedVoice
from serve_app.voices.expression import Part, is_expression, parse_expression
from tts_models.errors import VoiceNotFound
from tts_models.speaker.recipe import VoiceRecipe, mixed
from tts_models.speaker.voices import Gender, Voice, VoiceCatalogue

_BUILT = 64
_NEAREST = 3
_LIKE = 0.6


class Voices(Protocol):
    """What names of voices are looked up in."""

    def get(self, name: str) -> Voice:
        """The voice of that name, or the mix.

        Raises:
            VoiceNotFound: There is none.
        """
        ...

    def like(self, language: str, gender: Gender | None = None) -> list[Voice]:
        """Preset voices of a language, and of a gender if one is given, the best first."""
        ...


class BuiltVoices:
    """Style tables of mixed and cloned voices, half a megabyte each; the latest used are kept."""

    def __init__(self) -> None:
        self._built: OrderedDict[tuple[object, ...], Voice] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> Voice | None:
        """The voice that was kept under ``key``."""
        if key in self._built:
            self._built.move_to_end(key)
        return self._built.get(key)

    def keep(self, key: tuple[object, ...], voice: Voice) -> Voice:
        """Keeps ``voice`` under ``key``."""
        self._built[key] = voice
        while len(self._built) > _BUILT:
            self._built.popitem(last=False)
        return voice


class VoiceBook:
    """Presets and a tenant's own voices, by name, id, alias and as mixes.

    Args:
        presets: The preset voices.
        own: Voices that callers made: the tenant's, and everybody's.
        built: Where style tables are kept.
    """

    def __init__(
        self, presets: VoiceCatalogue, own: Iterable[ClonedVoice] = (), built: BuiltVoices | None = None
    ) -> None:
        self.catalogue = presets
        # A tenant's own come last: they win over everybody's of the same name.
        self.own = tuple(sorted(own, key=lambda voice: (voice.tenant != GLOBAL, voice.created_at, voice.id)))
        self._own: Mapping[str, ClonedVoice] = {
            **{voice.id: voice for voice in self.own},
            **{folded_name(voice.name): voice for voice in self.own},
        }
        self._presets = frozenset((*presets.names, *presets.aliases))
        self._built = built or BuiltVoices()

    def has(self, name: str) -> bool:
        """Whether that is the name, alias or id of one voice."""
        return self._is_preset(name) or folded_name(name) in self._own

    def get(self, name: str) -> Voice:
        """The voice that ``name`` means: a preset's name or alias, a name or id of an own voice, or a mix of any.

        Raises:
            VoiceNotFound: There is none; the message names the nearest.
            InvalidRequest: It is a mix that cannot be.
        """
        return self.mix(self.parts(name))

    def mix(self, parts: Sequence[Part]) -> Voice:
        """The voice that is mixed of ``parts``, whose names are those of voices here."""
        if len(parts) == 1 and self._is_preset(parts[0].name):
            return self.catalogue.get(parts[0].name)
        key = tuple((self._key(part.name), part.weight) for part in parts)
        return self._built.get(key) or self._built.keep(key, self._build(parts))

    def own_voice(self, name: str) -> ClonedVoice | None:
        """The voice made by callers of that name or id, unless a preset has it."""
        return None if self._is_preset(name) else self._own.get(folded_name(name))

    def recipe(self, name: str) -> VoiceRecipe:
        """What the voice that ``name`` means is made of.

        Raises:
            VoiceNotFound, InvalidRequest: As :meth:`get`.
        """
        return mixed([(self._recipe(part.name), part.weight) for part in self.parts(name)])

    def parts(self, name: str) -> list[Part]:
        """The voices in ``name``, one where it is no mix.

        Raises:
            VoiceNotFound, InvalidRequest: As :meth:`get`.
        """
        if not self.has(name) and not is_expression(name):
            raise self.not_found(name)
        try:
            return parse_expression(name, self.has)
        except VoiceNotFound as error:
            raise self.not_found(error.message) from None

    def like(self, language: str, gender: Gender | None = None) -> list[Voice]:
        """See :meth:`Voices.like`."""
        return self.catalogue.like(language, gender)

    def _is_preset(self, name: str) -> bool:
        return name.strip().lower() in self._presets

    def _key(self, name: str) -> tuple[str, str]:
        """Changes whenever the recipe of the voice does."""
        voice = self.own_voice(name)
        return (voice.enrolment, voice.status) if voice else (self.catalogue.get(name).name, "")

    def _recipe(self, name: str) -> VoiceRecipe:
        voice = self.own_voice(name)
        return voice.recipe.recipe() if voice else VoiceRecipe({self.catalogue.get(name).name: 1.0})

    def _build(self, parts: Sequence[Part]) -> Voice:
        """A mix reads the language of what it has most of, and sounds like the gender it has most of."""
        members = [(self.own_voice(part.name) or self.catalogue.get(part.name), part.weight) for part in parts]
        language = max(members, key=lambda member: member[1])[0].language
        female = sum(weight for member, weight in members if member.gender == "female")
        gender: Gender = "female" if 2 * female >= sum(weight for _, weight in members) else "male"
        recipe = mixed([(self._recipe(part.name), part.weight) for part in parts])
        names = [member.id if isinstance(member, ClonedVoice) else member.name for member, _ in members]
        return recipe.voice(self.catalogue, _written(names, parts), language, gender)

    def not_found(self, name: str) -> VoiceNotFound:
        """That there is no voice ``name``, and which are nearest."""
        shown = name if len(name) <= MAX_NAME_CHARACTERS else name[:MAX_NAME_CHARACTERS] + "..."
        mine = {folded_name(voice.name): voice.name for voice in self.own}
        similar = difflib.get_close_matches(folded_name(shown), mine, _NEAREST, _LIKE)
        if nearest := [*(mine[one] for one in similar), *self.catalogue.nearest(name)][:_NEAREST]:
            return VoiceNotFound(f"There is no voice {shown!r}. Did you mean {' or '.join(nearest)}?")
        some = ", ".join(self.catalogue.names[:_NEAREST])
        number = len(self.catalogue) + len(self.own)
        return VoiceNotFound(f"There is no voice {shown!r} among the {number} voices, such as {some}.")


def _written(names: list[str], parts: Sequence[Part]) -> str:
    """The mix in a form that means the same wherever it is read."""
    if len(parts) == 1:
        return names[0]
    terms = [
        f"{'-' if part.weight < 0 else '+'}{name}({abs(part.weight):g})"
        for name, part in zip(names, parts, strict=True)
    ]
    return "".join(terms).removeprefix("+")
