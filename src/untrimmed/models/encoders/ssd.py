"""State spaces with one decay a head, computed as products of matrices (Mamba-2; Dao and Gu 2024, section 6).

    h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] x[t],    y[t] = C[t] h[t]

as in `selective_scan`, but A and delta are numbers of a head of P channels. Within a chunk of Q steps that is a
masked matrix product like attention's; between chunks only their last states are handed on. Time and memory
grow linearly with T.

Shape letters: B sequences, C channels, T steps, H heads, P channels of a head, N states of a channel, Z chunks
of Q steps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrimmed.models.encoders.mamba import bias_of_steps
from untrimmed.models.encoders.state_space import StateSpaceBlock, StateSpaceEncoder

CHUNK = 64


class SSDEncoder(StateSpaceEncoder):
    """The pyramid of `mamba` with the recurrence of Mamba-2, for machines without kernels for the other.

    Args:
        channels: C.
        levels: L.
        stem_blocks: blocks at level 0.
        states: N.
        head_channels: P; all channels are one head where there are fewer.
        window: steps, up to its own, that the convolution before the recurrence sees.
        drop_path: probability of leaving out the mixing of a block in training.
        layer_scale: initial factor of the mixing of each block.

    Raises:
        ValueError: if the channels do not divide into heads.
    """

    def __init__(
        self,
        channels: int = 512,
        levels: int = 6,
        *,
        stem_blocks: int = 2,
        states: int = 64,
        head_channels: int = 64,
        window: int = 4,
        drop_path: float = 0.3,
        layer_scale: float = 1.0,
    ) -> None:
        def block() -> nn.Module:
            recurrence = HeadRecurrence(channels, states, min(head_channels, channels))
            return StateSpaceBlock(
                channels, recurrence, window=window, drop_path=drop_path, layer_scale=layer_scale
            )

        super().__init__(levels, block, stem_blocks=stem_blocks)


class HeadRecurrence(nn.Module):
    """N states a channel, which decay alike in all channels of a head.

    Args:
        channels: C.
        states: N.
        head_channels: P.
    """

    def __init__(self, channels: int, states: int, head_channels: int) -> None:
        super().__init__()
        heads, left = divmod(channels, head_channels)
        if left:
            raise ValueError(f"{channels} channels do not divide into heads of {head_channels}")
        self.sizes = (heads, states, states)
        #: To the heads' step lengths, then what is written to the states, then what is read from them.
        self.select = nn.Linear(channels, sum(self.sizes), bias=False)
        self.step_bias = nn.Parameter(bias_of_steps(heads))
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(heads))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same, in float32 at least."""
        steps, inward, outward = (part.float() for part in self.select(x).split(self.sizes, dim=2))
        heads = x.float().reshape(*x.shape[:2], len(self.skip), -1)
        delta = F.softplus(steps + self.step_bias.float())
        with torch.autocast(x.device.type, enabled=False):
            y = head_scan(heads, delta, -self.log_rate.float().exp(), inward, outward)
        return torch.addcmul(y, heads, self.skip.float()[:, None]).flatten(2)


def head_scan(
    x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor, *, chunk: int = CHUNK
) -> Tensor:
    """y (B, T, H, P).

    Args:
        x: (B, T, H, P).
        delta: (B, T, H), at least 0.
        rates: A, (H,), at most 0.
        inward: B, (B, T, N).
        outward: C, (B, T, N).
        chunk: Q.
    """
    steps = x.shape[1]
    chunk = min(chunk, steps)
    # Steps of length 0 at the end neither decay nor write.
    parts = (x * delta[..., None], delta * rates, inward, outward)
    fed, exponents, inward, outward = (_in_chunks(part, chunk) for part in parts)
    exponents = exponents.transpose(2, 3)  # (B, Z, H, Q)
    passed = exponents.cumsum(-1)
    y = _within(fed, passed, inward, outward) + _from_before(fed, passed, inward, outward)
    return y.flatten(1, 2)[:, :steps]


def _within(fed: Tensor, passed: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """What each step reads of those of its own chunk, (B, Z, Q, H, P)."""
    # Sums of exponents from step to step; later than the reading one they would be positive, and may overflow.
    between = passed[..., :, None] - passed[..., None, :]
    later = torch.ones(between.shape[-2:], dtype=torch.bool, device=between.device).triu(1)
    decay = between.masked_fill(later, float("-inf")).exp()
    read = (outward @ inward.mT)[:, :, None] * decay
    return (read @ fed.transpose(2, 3)).transpose(2, 3)


def _from_before(fed: Tensor, passed: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """What each step reads of the state before its chunk, (B, Z, Q, H, P)."""
    left = (passed[..., -1:] - passed).exp()
    weighted = fed * left.transpose(2, 3)[..., None]
    written = inward.mT @ weighted.flatten(3)  # (B, Z, N, H P)
    kept = passed[..., -1].exp().repeat_interleave(fed.shape[-1], dim=2)  # (B, Z, H P)
    state = torch.zeros_like(written[:, 0])
    before = []
    for decay, new in zip(kept.unbind(1), written.unbind(1), strict=True):
        before.append(state)
        state = torch.addcmul(new, decay[:, None], state)
    read = (outward @ torch.stack(before, 1)).view_as(fed)
    return read * passed.exp().transpose(2, 3)[..., None]


def _in_chunks(x: Tensor, chunk: int) -> Tensor:
    """x (B, T, ...) to (B, Z, Q, ...), with zeros up to the end of the last chunk."""
    missing = -x.shape[1] % chunk
    padded = F.pad(x, (0, 0) * (x.ndim - 2) + (0, missing))
    return padded.reshape(len(x), -1, chunk, *x.shape[2:])
