"""Where the network runs, and in which number format."""

from __future__ import annotations

import torch

from anomalymatch_ui.errors import InputError


def resolve_device(name: str) -> torch.device:
    """Return the device of that name; ``"auto"`` is the first of CUDA, MPS and CPU that is there.

    Raises
    ------
    InputError
        If the named device is not on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:  # no kind of device that torch knows
        raise InputError(f"{name!r} is no device. Choose auto, cpu, cuda, cuda:1 or mps.") from error
    present = {
        "cpu": True,
        "mps": torch.backends.mps.is_available(),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not present.get(device.type, False):
        raise InputError(
            f"There is no device {name!r} on this machine. Choose cpu, or auto to take what is there."
        )
    return device


def multiplies_bfloat16(device: torch.device) -> bool:
    """Return whether the hardware multiplies bfloat16; elsewhere it is emulated, slower than float32."""
    if device.type == "cuda":
        # It asks about the current device, which on a machine with two kinds of GPU may be another one.
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and _cpu_multiplies_bfloat16()


def _cpu_multiplies_bfloat16() -> bool:
    # Older torch releases cannot tell; float32 is the safe choice then.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def compute_reproducibly(device: torch.device) -> None:
    """Let a CUDA device compute the same twice, and in float32 where that is asked for.

    By itself cuDNN convolves float32 in TF32, of 10 bits, and adds in whatever order is fastest. Torch keeps
    both choices for the whole process. Elsewhere there is nothing to choose.
    """
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` says that the device's memory is used up."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    # What cuBLAS and cuDNN take for themselves does not come from torch's allocator, nor does their error.
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in said or "status_alloc_failed" in said)
