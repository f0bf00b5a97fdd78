"""The dialog of settings: a dozen, each explained, with what cannot be used said beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipyvuetify
import traitlets

from anomalymatch_ui.config import Config
from anomalymatch_ui.errors import AnomalyMatchError
from anomalymatch_ui.prevalence import in_per_cent
from anomalymatch_ui.session import Outlook, Setting, SettingsError
from anomalymatch_ui.session.work.settings import configured, main_settings, preset_of, value_of

PRESETS = {"default": "Default", "paper": "As published"}

DEVICES = ("auto", "cpu", "cuda", "mps")

INPUT_MODES = {"whole number": "numeric", "number": "decimal"}


class SettingsDialog(ipyvuetify.VuetifyTemplate):  # type: ignore[misc]
    """Shows settings and passes on what a person wants instead.

    Parameters
    ----------
    config
        Returns the current settings.
    configure
        Called with values by name and a preset or ``None``; what it raises is shown.
    suggestion
        Returns a sentence on the prevalence, by what the search has seen; empty where it knows nothing.
    """

    template_file = (__file__, "settings.vue")

    opened = traitlets.Bool(False).tag(sync=True)
    fields: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    values: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    presets: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    preset = traitlets.Unicode().tag(sync=True)
    errors: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    refusal = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        config: Callable[[], Config],
        configure: Callable[[Mapping[str, Any], str | None], None],
        suggestion: Callable[[], str] = lambda: "",
    ) -> None:
        self._suggestion = suggestion
        self._config = config
        self._configure = configure
        super().__init__()
        self.add_class("am-settings-host")

    def show(self) -> None:
        """Open the dialog with the current settings."""
        config = self._config()
        with self.hold_sync():
            self.fields = [_field(setting, config) for setting in main_settings()]
            about = next(field for field in self.fields if field["name"] == "prevalence")
            about["description"] = f"{about['description']} {self._suggestion()}".strip()
            self.values = _values(config)
            self.presets = [
                {"name": name, "title": title, "values": _values(configured(config, {}, name))}
                for name, title in PRESETS.items()
            ]
            self.preset = preset_of(config) or ""
            self.errors, self.refusal = {}, ""
            self.opened = True

    def vue_save(self, wanted: Mapping[str, Any]) -> None:
        """Save was clicked; the dialog stays open while something cannot be used."""
        preset = wanted.get("preset") or None
        self.errors, self.refusal = {}, ""
        try:
            shown = self.values if preset is None else _values(configured(self._config(), {}, preset))
            values = {name: value for name, value in wanted["values"].items() if value != shown.get(name)}
            self._configure(values, preset)
        except SettingsError as error:
            known = {name for name in error.sentences if name in self.values}
            self.errors = {name: error.sentences[name] for name in known}
            self.refusal = " ".join(error.sentences[name] for name in error.sentences if name not in known)
        except AnomalyMatchError as error:
            self.refusal = str(error)
        else:
            self.opened = False


def _values(config: Config) -> dict[str, Any]:
    """Return what the fields show: an empty text for what is not set."""
    values = {setting.name: value_of(config, setting.name) for setting in main_settings()}
    if config.prevalence is not None:
        values["prevalence"] = f"{100 * config.prevalence:g} %"
    return {name: "" if value is None else value for name, value in values.items()}


def suggested(outlook: Outlook) -> str:
    """Return what share of anomalies the search itself suggests; empty before it knows anything."""
    if outlook.prevalence is None:
        return ""
    share, low, high = (in_per_cent(each) for each in outlook.prevalence)
    return f"The search itself suggests {share} ({low} to {high})."


def _sentence(description: str) -> str:
    return (description[:1].upper() + description[1:] + ".").replace("_", " ")


def _field(setting: Setting, config: Config) -> dict[str, Any]:
    kind, choices = setting.kind, setting.choices
    if setting.name == "device":
        kind, choices = "choice", tuple(dict.fromkeys((*DEVICES, config.device)))
    return {
        "name": setting.name,
        "title": setting.title,
        "description": _sentence(setting.description),
        "kind": kind if kind in ("choice", "switch") else "text",
        "choices": [{"value": choice, "title": choice.replace("_", " ")} for choice in choices],
        "mode": INPUT_MODES.get(kind, "text"),
    }
