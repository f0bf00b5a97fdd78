"""What the classes of somebody else's table stand for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from anomalymatch_ui.errors import InputError
from anomalymatch_ui.labels.csvtext import printable
from anomalymatch_ui.labels.entries import LABELS, Label

_WORDS: dict[str, Label] = {
    **{label: label for label in LABELS},
    "normal": "nominal",
    "artifact": "artefact",
}
_FLAGS: dict[str, Label] = {
    **dict.fromkeys(("1", "1.0", "true"), LABELS[0]),
    **dict.fromkeys(("0", "0.0", "false"), LABELS[1]),
}
_NONE = "none"
_OTHERS = "*"
_SHOWN = 6
_PAIR = re.compile(rf"\s*(.+?)\s*=\s*({'|'.join((*_WORDS, _NONE))})\s*(?:[,;]|$)", re.IGNORECASE | re.DOTALL)
_EXAMPLE = '"ring=anomaly,*=nominal"'


@dataclass(frozen=True)
class Classes:
    """Which label each class of a table stands for.

    Attributes
    ----------
    meanings
        Label by class, in small letters; ``None`` for a class that is left out on purpose. ``*`` stands for
        all classes that are not named.
    """

    meanings: Mapping[str, Label | None]

    @classmethod
    def of(cls, given: str | Mapping[str, str]) -> Classes:
        """Return what a person wrote, such as ``"ring=anomaly,spiral=nominal,*=none"``.

        A class may hold commas: it ends at ``=`` and a label. A mapping gives the same from Python.

        Raises
        ------
        InputError
            If it cannot be understood.
        """
        pairs = given.items() if isinstance(given, Mapping) else _pairs(given)
        meanings: dict[str, Label | None] = {}
        for name, word in pairs:
            label, key = str(word).strip().casefold(), _key(str(name))
            if label not in _WORDS and label != _NONE:
                raise InputError(
                    f"A class cannot stand for {printable(str(word))!r}. Use one of: "
                    f"{', '.join(LABELS)}, or none to leave it out."
                )
            meaning = _WORDS.get(label)
            if meanings.get(key, meaning) != meaning:
                raise InputError(f"The class {printable(str(name))!r} is given two labels. Give it one.")
            meanings[key] = meaning
        if not meanings:
            raise InputError(f"No class is named. Write them as in {_EXAMPLE}.")
        return cls(meanings)

    def text(self) -> str:
        """Return it as :meth:`of` takes it."""
        return ",".join(f"{name}={label or _NONE}" for name, label in sorted(self.meanings.items()))


def labels_of(words: Iterable[str], classes: Classes | None) -> dict[str, Label | None]:
    """Return the label that each word of a table stands for.

    That is what ``classes`` say; else the word itself, in any case, ``normal`` being ``nominal``, and
    ``artifact`` spelled either way; else, where
    the table holds nothing but 0 and 1, or true and false, 1 is an anomaly.

    Parameters
    ----------
    words
        All words of the table, as they are written.
    classes
        What a person said.

    Returns
    -------
    dict
        Label by word, ``None`` for a class that is left out on purpose. A word that nothing is known of is
        not in it.
    """
    words = [word for word in dict.fromkeys(words) if word.strip()]
    given = {} if classes is None else classes.meanings
    own = _FLAGS if all(_key(word) in _FLAGS for word in words) else _WORDS
    found: dict[str, Label | None] = {}
    for word in words:
        key = _key(word)
        if key in given:
            found[word] = given[key]
        elif key in own:
            found[word] = own[key]
        elif _OTHERS in given:
            found[word] = given[_OTHERS]
    return found


def ask(words: Counter[str], path: Path) -> InputError:
    """Return the question what the classes of a table stand for.

    Parameters
    ----------
    words
        How often each class comes.
    path
        The table.
    """
    return InputError(
        f"{path} has classes of its own: {listed(words)}. Say once which of them are what you look for: "
        f"--classes {_EXAMPLE}, with your classes before the =, and behind it {', '.join(LABELS)}, or none "
        "to leave a class out."
    )


def listed(words: Counter[str]) -> str:
    """Return the most frequent words and how often they come."""
    shown = [f"{printable(word)[:40]} ({count:,})" for word, count in words.most_common(_SHOWN)]
    return ", ".join(shown) + ", …" * (len(words) > _SHOWN)


def _pairs(given: str) -> list[tuple[str, str]]:
    pairs, at = [], 0
    while given[at:].strip(" ,;\n"):
        found = _PAIR.match(given, at)
        if found is None:
            raise InputError(
                f"--classes cannot be understood at {printable(given[at : at + 40])!r}. Write it as in "
                f"{_EXAMPLE}: class=label, where the label is one of {', '.join(LABELS)}, or none."
            )
        pairs.append((found[1], found[2]))
        at = found.end()
    return pairs


def _key(word: str) -> str:
    return word.strip().casefold()
