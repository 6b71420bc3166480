"""The selective scan of Mamba (Gu and Dao 2024, Algorithm 2): a linear recurrence whose coefficients change.

    h[t] = exp(delta[t] A) h[t-1] + delta[t] B[t] x[t],    y[t] = C[t] h[t],    h = 0 before the first step

for each channel, with N states h; A < 0 is learned, delta, B and C are functions of the step. Decay differs from
channel to channel and from state to state, so that no product of matrices computes it (`ssd` gives that up).

Here time goes in blocks. All that does not wait for the step before, exponentials above all, is computed for a
block at once; what is left of each step is one operation in place. The states of one block at a time are held,
so memory grows with B T E alone. For the gradient the states between blocks are kept and those within them
computed again. Every decay is exp of a negative number and is only ever multiplied by what it decays, so nothing
overflows and nothing is approximated.

Shape letters: B sequences, T steps, E channels, N states of a channel, S steps of a block.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

Kernel = Callable[..., Tensor]

#: States of a block, B S N E: what a processor's caches hold, and what is enough to keep a GPU busy.
BLOCK_SIZE = {"cpu": 1 << 19, "cuda": 1 << 24}
FEWEST_STEPS = 16


def selective_scan(x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """y (B, T, E), in float32 at least.

    On CUDA the kernel of the package mamba_ssm computes it, where that is installed. That path has not been run
    by us: it follows the package's documented interface, and what is tested is the order of arguments and axes.

    Args:
        x: (B, T, E).
        delta: (B, T, E), the length of each step, at least 0.
        rates: A, (E, N), at most 0.
        inward: B, (B, T, N).
        outward: C, (B, T, N).
    """
    x, delta, rates, inward, outward = (tensor.float() for tensor in (x, delta, rates, inward, outward))
    kernel = _kernel() if x.is_cuda and x.dtype == torch.float32 else None
    with torch.autocast(x.device.type, enabled=False):
        if kernel is not None:
            return scan_by(kernel, x, delta, rates, inward, outward)
        y: Tensor = _Scan.apply(x, delta, rates, inward, outward)  # type: ignore[no-untyped-call]
        return y


def scan_by(kernel: Kernel, x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
    """As `selective_scan`, by a function with the arguments and axes of mamba_ssm's `selective_scan_fn`.

    Its u, delta and result are (B, E, T), its B and C (B, N, T), its A is (E, N).
    """
    u, delta, inward, outward = (tensor.mT.contiguous() for tensor in (x, delta, inward, outward))
    return kernel(u, delta, rates.contiguous(), inward, outward).mT


@cache
def _kernel() -> Kernel | None:
    """That of mamba_ssm, None where it is not installed."""
    try:
        kernel: Kernel = import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn
    except ImportError:
        return None
    return kernel


class _Blocks:
    """Decays and states of a block at a time, in memory that every block uses again."""

    def __init__(self, delta: Tensor, fed: Tensor, rates: Tensor, inward: Tensor) -> None:
        batch, steps, channels = delta.shape
        # Time first, so that the states of a step lie together, and channels last, so that vectors are long.
        self.delta, self.fed, self.inward = delta.transpose(0, 1), fed.transpose(0, 1), inward.transpose(0, 1)
        self.rates = rates.t().contiguous()
        states_of_a_step = batch * rates.numel()
        size = BLOCK_SIZE.get(delta.device.type, BLOCK_SIZE["cpu"])
        self.steps = steps
        self.width = max(1, min(steps, max(size // max(states_of_a_step, 1), FEWEST_STEPS)))
        self.decays = delta.new_empty(self.width, batch, rates.shape[1], channels)
        self.states = torch.empty_like(self.decays)

    def __iter__(self) -> Iterator[slice]:
        """The steps of each block."""
        return (slice(a, min(a + self.width, self.steps)) for a in range(0, self.steps, self.width))

    def run(self, block: slice, before: Tensor) -> tuple[Tensor, Tensor]:
        """Decays and states of a block (S, B, N, E), given the state before it (B, N, E)."""
        width = block.stop - block.start
        decays, states = self.decays[:width], self.states[:width]
        torch.mul(self.delta[block][:, :, None], self.rates, out=decays).exp_()
        torch.mul(self.fed[block][:, :, None], self.inward[block][..., None], out=states)
        for decay, state in zip(decays.unbind(), states.unbind(), strict=True):
            before = state.addcmul_(decay, before)
        return decays, states

    def zeros(self) -> Tensor:
        """The state before the first step."""
        return torch.zeros_like(self.states[0])


class _Scan(torch.autograd.Function):
    """The scan with a gradient that holds the states of one block at a time, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, delta: Tensor, rates: Tensor, inward: Tensor, outward: Tensor) -> Tensor:
        blocks = _Blocks(delta, delta * x, rates, inward)
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        before = blocks.zeros()
        kept = []
        for block in blocks:
            if any(ctx.needs_input_grad):
                kept.append(before)
            _, states = blocks.run(block, before)
            y[:, block] = _over_states(outward.transpose(0, 1)[block], states).transpose(0, 1)
            before = states[-1].clone()
        ctx.save_for_backward(x, delta, rates, inward, outward, *kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        x, delta, rates, inward, outward, *kept = ctx.saved_tensors
        fed = delta * x
        blocks = _Blocks(delta, fed, rates, inward)
        for_fed, for_delta, for_inward, for_outward = map(torch.empty_like, (fed, fed, inward, outward))
        for_rates = torch.zeros_like(blocks.rates)
        grad = grad.transpose(0, 1)
        later = blocks.zeros()
        buffer = torch.empty_like(blocks.states)
        for block, before in zip(reversed(list(blocks)), reversed(kept), strict=True):
            decays, states = blocks.run(block, before)
            for_outward[:, block] = _over_channels(states, grad[block]).transpose(0, 1)
            for_states = buffer[: len(states)]
            torch.mul(grad[block][:, :, None], outward.transpose(0, 1)[block][..., None], out=for_states)
            later = _run_back(decays, for_states, later)
            for_inward[:, block] = _over_channels(for_states, blocks.fed[block]).transpose(0, 1)
            for_fed[:, block] = _over_states(blocks.inward[block], for_states).transpose(0, 1)
            # From here on the gradient of the exponents, delta A.
            exponents = decays.mul_(for_states)
            exponents[0].mul_(before)
            exponents[1:].mul_(states[:-1])
            torch.mul(exponents, blocks.rates, out=for_states)
            for_delta[:, block] = for_states.sum(2).transpose(0, 1)
            for_rates += exponents.mul_(blocks.delta[block][:, :, None]).sum((0, 1))
        return for_fed * delta, for_delta.addcmul_(for_fed, x), for_rates.t(), for_inward, for_outward


def _run_back(decays: Tensor, gradients: Tensor, later: Tensor) -> Tensor:
    """What each state's gradient gets of the next one's, in place; what the state before the block gets.

    Args:
        decays: (S, B, N, E).
        gradients: (S, B, N, E), those that come by way of y.
        later: (B, N, E), what the last state of the block gets of the next block.
    """
    for decay, gradient in zip(reversed(decays.unbind()), reversed(gradients.unbind()), strict=True):
        later = gradient.add_(later) * decay
    return later


def _over_states(weights: Tensor, states: Tensor) -> Tensor:
    """The sum over states of weights (S, B, N) times states (S, B, N, E): (S, B, E)."""
    return torch.matmul(weights[:, :, None], states)[:, :, 0]


def _over_channels(states: Tensor, weights: Tensor) -> Tensor:
    """The sum over channels of states (S, B, N, E) times weights (S, B, E): (S, B, N)."""
    return torch.matmul(states, weights[..., None])[..., 0]
