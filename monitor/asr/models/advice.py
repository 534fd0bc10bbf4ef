"""Which model for which machine."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.asr.models.machine import Machine
from monitor.asr.models.manifest import Entry, Manifest, Use
from monitor.base.i18n import tr

_LIVE = ("zipformer-zh-large", "zipformer-zh-small")
_BATCH = ("whisper-large-v3-turbo", "sensevoice-small", "zipformer-zh-small")
"""Best first. Live, the Mandarin models that stream are both quicker and, as published, more
accurate than Whisper (docs/engines.md); recordings may be noisy and in several languages, so
Whisper turbo where a GPU carries it."""

_MEMORY_SHARE = 0.5  # of the machine's memory that a model may take


@dataclass(frozen=True, slots=True)
class Advice:
    """A model for a use, and why; `entry` is None where only the embedded one fits."""

    use: Use
    entry: Entry | None
    why: str


def recommend(machine: Machine, manifest: Manifest) -> tuple[Advice, Advice]:
    """One model for live calls and one for recordings."""
    return _pick("live", _LIVE, machine, manifest), _pick("batch", _BATCH, machine, manifest)


def _pick(use: Use, order: tuple[str, ...], machine: Machine, manifest: Manifest) -> Advice:
    for name in order:
        entry = manifest.get(name)
        if entry is None or use not in entry.uses:
            continue
        needs = entry.needs
        if needs.gpu_gb:
            if machine.gpu_gb >= needs.gpu_gb:
                why = tr(
                    f"显卡 {machine.gpu} 有 {machine.gpu_gb:g} GB，够用",
                    f"the GPU {machine.gpu} has {machine.gpu_gb:g} GB, which is enough",
                )
                return Advice(use, entry, why)
            continue
        if machine.memory_gb is not None and needs.memory_gb > machine.memory_gb * _MEMORY_SHARE:
            continue
        # Half the cores stay free for the rest of a live desk; recordings may have them all.
        spare = machine.cores / 2 if use == "live" else machine.cores
        if needs.cores > spare:
            continue
        return Advice(use, entry, str(entry.good_for))
    why = tr(
        "这台电脑内存或核数较少，用内置模型即可",
        "this machine has little memory or few cores: the embedded model serves it best",
    )
    return Advice(use, None, why)
