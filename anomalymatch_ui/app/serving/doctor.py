"""What this machine has for the work, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from anomalymatch_ui._version import __version__
from anomalymatch_ui.limits import free_memory

State = Literal["ok", "note", "problem"]

ROOM_GB = 2.0
"""What a session on some 100,000 images, or the demo, may need on a disk."""

MEMORY_GB = 2.0
"""What a kernel takes that looks at a large pool (1.4 GB measured) with some room."""

WIDGETS = {"jupyter-vuetify": "ipyvuetify", "jupyter-vue": "ipyvue", "anywidget": "anywidget"}
"""What JupyterLab needs to show the dashboard, and the package that brings it."""

EXTRAS = {
    "cluster": ("distributed", "scores an archive by the workers of a cluster"),
    "alerts": ("fastavro", "alerts of ZTF and LSST"),
    "asdf": ("asdf", "images of Roman"),
    "timm": ("timm", "encoders of timm and Zoobot"),
    "search": ("usearch", "neighbours among millions at once"),
    "map": ("umap", "UMAP for the map"),
    "hub": ("jupyter_server_proxy", "the button in the launcher of JupyterLab"),
    "plot": ("matplotlib", "plots of benchmarks"),
    "archives": ("astroquery", "SIMBAD, NED and VizieR"),
    "sky": ("ipyaladin", "the sky about an image, in Aladin Lite"),
}


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was looked at.

    Attributes
    ----------
    what
        Its name, such as ``"device"``.
    state
        ``"ok"``; ``"note"`` for what could be better; ``"problem"`` for what stops the work.
    told
        What was found and, unless it is well, what to do.
    """

    what: str
    state: State
    told: str


def examine() -> Iterator[Symptom]:
    """Look at all of it, one after the other; importing torch takes some seconds."""
    yield Symptom("version", "ok", f"anomalymatch-ui {__version__}, Python {platform.python_version()}")
    looks: dict[str, Callable[[], Symptom]] = {
        "device": _device,
        "engine": _engine,
        "memory": _memory,
        "home": lambda: _folder("home", Path.home(), "HOME"),
        "temporary files": lambda: _folder("temporary files", Path(tempfile.gettempdir()), "TMPDIR"),
        "this folder": lambda: _folder("this folder", Path.cwd(), None),
        "widgets": _widgets,
        "extras": _extras,
    }
    for what, look in looks.items():
        try:
            yield look()
        except Exception as error:  # noqa: BLE001 - one thing that is broken must not hide the others
            yield Symptom(what, "problem", f"could not be looked at: {type(error).__name__}: {error}")


def _device() -> Symptom:
    import torch

    from anomalymatch_ui.learn import multiplies_bfloat16, resolve_device
    from anomalymatch_ui.stream.threads import usable_cores

    device = resolve_device("auto")
    mixed = "bfloat16" if multiplies_bfloat16(device) else "float32, for it does not multiply bfloat16"
    how = f"training in {mixed}; embedding and scores in float32"
    if device.type == "cuda":
        gigabytes = torch.cuda.get_device_properties(device).total_memory / 1e9
        return Symptom("device", "ok", f"{torch.cuda.get_device_name(device)}, {gigabytes:.0f} GB: {how}")
    if device.type == "mps":
        return Symptom("device", "ok", f"the GPU of this Mac: {how}")
    told = f"CPU, {usable_cores()} cores, torch {torch.__version__}: {how}"
    if shutil.which("nvidia-smi") is None:
        return Symptom("device", "ok", told)
    built = "is built for CPUs alone" if torch.version.cuda is None else "finds no driver that fits"
    return Symptom(
        "device",
        "note",
        f"{told}. There seems to be an NVIDIA GPU, but this torch {built}: install torch and torchvision "
        "together as pytorch.org says for your driver, and training is many times faster.",
    )


def _engine() -> Symptom:
    import torch

    from anomalymatch_ui.config import NetworkConfig
    from anomalymatch_ui.learn import build_network
    from anomalymatch_ui.stream import Scorer

    network = build_network(NetworkConfig(pretrained=False, image_size=64), 0)
    runtime = Scorer(network, torch.device("cpu"), runtime="auto").runtime
    if runtime.name == "torch":
        reason = runtime.reason or "OpenVINO is not installed: pip install openvino"
        return Symptom(
            "engine", "note", f"torch computes on the CPU. OpenVINO would take half the time. {reason}"
        )
    return Symptom("engine", "ok", f"{runtime} computes embedding and scores on the CPU")


def _memory() -> Symptom:
    free = free_memory() / 1e9
    told = f"{free:.1f} GB free"
    if free >= MEMORY_GB:
        return Symptom("memory", "ok", told)
    return Symptom(
        "memory",
        "note",
        f"{told}; a large pool takes {MEMORY_GB:.0f} GB. End other kernels, or ask for more memory.",
    )


def _folder(what: str, folder: Path, variable: str | None) -> Symptom:
    name = f"{folder} ({variable})" if variable else str(folder)
    elsewhere = f"Set {variable} to a folder that is." if variable else "Name one that is by --session."
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        state: State = "note" if variable == "HOME" else "problem"
        return Symptom(what, state, f"{name} is not writable: {error.strerror or error}. {elsewhere}")
    free = shutil.disk_usage(folder).free / 1e9
    told = f"{name} is writable, {free:,.1f} GB free"
    if free >= ROOM_GB:
        return Symptom(what, "ok", told)
    return Symptom(what, "note", f"{told}; a session may take {ROOM_GB:.0f} GB. Free some space.")


def _widgets() -> Symptom:
    from jupyter_core.paths import jupyter_path

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    missing = [
        package
        for name, package in WIDGETS.items()
        if not any((folder / name / "package.json").exists() for folder in folders)
    ]
    if missing:
        return Symptom(
            "widgets",
            "problem",
            f"Jupyter does not find the browser's part of {', '.join(missing)}, without which no page shows "
            f"the dashboard. Install it here: {sys.executable} -m pip install --force-reinstall "
            f"{' '.join(missing)}",
        )
    lab = shutil.which("jupyter-lab")
    if lab is not None and not Path(lab).resolve().is_relative_to(Path(sys.prefix).resolve()):
        return Symptom(
            "widgets",
            "note",
            f"are there for `anomalymatch serve`. But JupyterLab runs from {Path(lab).parent}, another "
            "environment: install anomalymatch-ui there, too, or at least ipyvuetify and anywidget.",
        )
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in sorted(WIDGETS.values()))
    return Symptom("widgets", "ok", versions)


def _extras() -> Symptom:
    missing = [
        f"{extra} ({what})"
        for extra, (module, what) in EXTRAS.items()
        if importlib.util.find_spec(module) is None
    ]
    if not missing:
        return Symptom("extras", "ok", "all are installed")
    first = missing[0].partition(" ")[0]
    return Symptom(
        "extras",
        "ok",
        f"not installed, and needed only for what they name: {', '.join(missing)}. "
        f'Add one with: pip install "anomalymatch-ui[{first}]"',
    )
