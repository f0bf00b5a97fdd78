"""What a figure was measured with: the number format decides the last digits of AP, and not only those."""

from __future__ import annotations

from anomalymatch_ui._version import __version__
from anomalymatch_ui.config import Config


def arithmetic(config: Config) -> str:
    """Return in which number format scores and embeddings are computed, such as ``"float32 on cpu"``.

    With five anomalies the format alone moved a single seed's AP by up to 0.14 (edge-on galaxies, bfloat16
    against float32), as much as another seed does. So results of two formats are not to be paired.

    Parameters
    ----------
    config
        Settings of a session.

    Raises
    ------
    InputError
        If the device is not on this machine.
    """
    # Only here, for torch takes seconds to import, which a wrong option would wait for.
    from anomalymatch_ui.learn import resolve_device
    from anomalymatch_ui.score.local_engine import arithmetic_of

    return str(arithmetic_of(resolve_device(config.device), config.score.number_format))


def computed_by(config: Config) -> str:
    """Return what computes the networks by a session's settings: ``"torch"``, or OpenVINO with its version.

    Whether OpenVINO agrees with torch about a network is not known before that is ready to score.

    Raises
    ------
    InputError
        If the device is not on this machine.
    """
    from anomalymatch_ui.learn import resolve_device
    from anomalymatch_ui.stream import expected_runtime

    by_torch = resolve_device(config.device).type != "cpu" or config.score.number_format != "float32"
    return "torch" if by_torch else expected_runtime(config.score.runtime) or "torch"


def made_with(runtime: str = "torch") -> dict[str, str | int]:
    """Name the versions and the number of threads that a search runs with.

    Parameters
    ----------
    runtime
        What computes its networks; see :func:`computed_by`.
    """
    import torch

    return {
        "software": __version__,
        "torch": torch.__version__,
        "runtime": runtime,
        "threads": torch.get_num_threads(),
    }
