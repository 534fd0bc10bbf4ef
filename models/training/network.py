"""The acoustic model: a causal stack whose answer comes `delay` frames late.

Each block adds a depthwise convolution over the present and the past ten frames (the memory) and a
feed-forward layer. Nothing looks ahead: the look-ahead is only that training asks for frame `i`'s
units at output `i + delay`. Streaming is therefore exact by construction; the state of a stream is
the last ten inputs of every convolution, zeros at the start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.features import BINS, WIDTH


@dataclass(frozen=True)
class Settings:
    """Shape of the network. `delay` is in frames of 30 ms."""

    units: int
    width: int = 320
    hidden: int = 1024
    blocks: int = 10
    memory: int = 10
    delay: int = 8

    def as_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return asdict(self)


class Block(nn.Module):
    """x + memory(x), then x + feed-forward(x), each on a normalised copy."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.width
        self.before_memory = nn.LayerNorm(width)
        self.memory = nn.Parameter(torch.randn(width, 1, settings.memory + 1, 1) * 0.1)
        self.before_feed = nn.LayerNorm(width)
        self.wide = nn.Linear(width, settings.hidden)
        self.narrow = nn.Linear(settings.hidden, width)
        nn.init.zeros_(self.narrow.bias)
        with torch.no_grad():
            self.narrow.weight.mul_(0.3)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, T, width], past [B, memory, width] → output, the new past."""
        heard = torch.cat([past, self.before_memory(x)], 1)
        # [B, width, T + memory, 1] in channels-last order: the fast layout for a depthwise kernel
        image = heard.transpose(1, 2).unsqueeze(-1)
        mixed = functional.conv2d(image, self.memory, groups=x.shape[-1])
        x = x + mixed.squeeze(-1).transpose(1, 2)
        x = x + self.narrow(functional.relu(self.wide(self.before_feed(x))))
        return x, heard[:, -past.shape[1] :]


class Network(nn.Module):
    """speech [B, T, 400] (raw log filterbank, five frames stacked) → log-probabilities."""

    mean: Tensor
    scale: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("scale", torch.ones(WIDTH))
        self.enter = nn.Linear(WIDTH, settings.width)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.blocks))
        self.before_leave = nn.LayerNorm(settings.width)
        self.leave = nn.Linear(settings.width, settings.units)

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Normalisation of the 80 filterbank bins, kept inside the graph."""
        repeat = WIDTH // BINS
        self.mean.copy_(mean.repeat(repeat))
        self.scale.copy_(1.0 / deviation.clamp_min(0.1).repeat(repeat))

    def start(self, batch: int) -> Tensor:
        """The state of `batch` fresh streams: [B, width, blocks * memory] zeros."""
        shape = (batch, self.settings.width, self.settings.blocks * self.settings.memory)
        return torch.zeros(shape, dtype=self.enter.weight.dtype, device=self.enter.weight.device)

    def normalise(self, speech: Tensor) -> Tensor:
        """To zero mean and unit deviation, in float32: bfloat16 is too coarse for raw features.

        Digital silence is far below any line noise; without the clamp it would dwarf speech.
        """
        return ((speech - self.mean) * self.scale).clamp(-4.0, 4.0)

    def logits(self, normal: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised features → scores [B, T, units] and the next state."""
        x = self.enter(normal)
        memory = self.settings.memory
        pasts = cache.transpose(1, 2)
        kept = []
        for number, block in enumerate(self.blocks):
            x, past = block(x, pasts[:, number * memory : (number + 1) * memory])
            kept.append(past)
        return self.leave(self.before_leave(x)), torch.cat(kept, 1).transpose(1, 2)

    def forward(self, speech: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """As exported: float32 log-probabilities and the next state."""
        scores, after = self.logits(self.normalise(speech), cache)
        return functional.log_softmax(scores.float(), -1), after
