"""Train the embedded VAE: python -m training.nano WORK

WORK is the folder that `training.material` prepared; WORK/nano_vae.gguf is the result. README.md beside this
says how the shipped file was made.
"""

import argparse
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seedvr2_cli.vae.config import VAEConfig
from seedvr2_cli.vae.network import Network
from training import forward
from training.export import scale_latents, write_model
from training.film import SMALL, open_film
from training.loss import reconstruction, spread
from training.optimizer import Muon
from training.samples import Samples, Size
from training.start import fit, start

LOG = logging.getLogger("nano")
CONFIG = VAEConfig(block_out_channels=(16, 32, 64, 64), norm_num_groups=4, layers_per_block=1)
KEPT = 30  # coefficients of the linear start between its two steps
NOISE = 0.02  # added to latents in training
EMA = 0.998
WARMUP, STABLE = 100, 0.25  # steps; part of all steps at the full rate, the rest goes to zero linearly
WORKERS = 2  # processes of one thread each: on shared cores they wait for each other but once a step
# of a worker's batches, each up to a part of all steps; not whole frames: torch 2.13's conv3d in bfloat16
# writes beyond its memory in the backward pass of 9 frames of 176x320
SIZES = (
    (0.75, Size(2, 9, 64, 64)),
    (1.00, Size(1, 13, 96, 96)),
)
SPREAD_OVER = Size(4, 13, 96, 96)  # one of the batches over which the latents' spread is taken


@dataclass(frozen=True)
class Settings:
    """Of a run."""

    work: Path
    steps: int
    rate: float
    adam_rate: float
    seed: int


class Trainer:
    """A network on its way, with a running mean of its weights."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.net = Network(CONFIG)
        self.samples = Samples(settings.work)
        clips = torch.cat([self.samples.batch(Size(16, 13, 64, 64), settings.seed, n) for n in range(16)])
        start(self.net, CONFIG, fit(clips, KEPT, CONFIG.latent_channels), NOISE, settings.seed)
        self.ema = [parameter.detach().clone() for parameter in self.net.parameters()]
        kernels = [p for n, p in self.net.named_parameters() if p.dim() > 1 and min(len(p), p.shape[1]) > 3]
        self.muon = Muon(kernels)
        ids = {id(p) for p in kernels}
        rest = [p for p in self.net.parameters() if id(p) not in ids]
        self.adam = torch.optim.Adam(rest, betas=(0.9, 0.99))
        self.done = 0

    def step(self) -> tuple[float, Tensor]:
        """One batch; returns the loss and each clip's mean squared error."""
        part = self.done / self.settings.steps
        size = next(size for end, size in SIZES if part < end)
        worker = dist.get_rank()
        truth = self.samples.batch(size, self.settings.seed, worker, self.done)
        noise = torch.Generator().manual_seed((self.settings.seed << 32) + self.done * WORKERS + worker)
        moments = forward.encode(self.net.encoder, truth)
        mean = moments[..., : CONFIG.latent_channels]
        noisy = mean + NOISE * torch.randn(mean.shape, generator=noise)
        loss, error = reconstruction(forward.decode(self.net.decoder, noisy), truth)
        total = loss + spread(mean, 1 / CONFIG.scaling_factor)
        total.backward()
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        factor = min(1.0, (self.done + 1) / WARMUP, (1 - part) / (1 - STABLE))
        self.muon.step(self.settings.rate * factor)
        for group in self.adam.param_groups:
            group["lr"] = self.settings.adam_rate * factor
        self.adam.step()
        self.net.zero_grad(set_to_none=True)
        self.done += 1
        keep = min(EMA, self.done / (self.done + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.ema, list(self.net.parameters()), 1 - keep)
        return float(total.detach()), error

    def _share_gradients(self) -> None:
        """Every worker gets the mean of all workers' gradients."""
        grads = [p.grad for p in self.net.parameters() if p.grad is not None]
        flat = torch._utils._flatten_dense_tensors(grads)
        dist.all_reduce(flat)
        flat /= WORKERS
        for grad, mean in zip(grads, torch._utils._unflatten_dense_tensors(flat, grads), strict=True):
            grad.copy_(mean)

    def averaged(self) -> Network:
        """A network of the running means."""
        net = Network(CONFIG).requires_grad_(False)
        for parameter, mean in zip(net.parameters(), self.ema, strict=True):
            parameter.copy_(mean)
        return net

    def save(self, path: Path) -> None:
        """All that the next step depends on."""
        state = {
            "done": self.done, "net": self.net.state_dict(), "ema": self.ema, "muon": self.muon.state(),
            "adam": self.adam.state_dict(),
        }  # fmt: skip
        torch.save(state, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def resume(self, path: Path) -> None:
        """Go on as if there had been no break."""
        state = torch.load(path, weights_only=True)
        self.done = state["done"]
        self.net.load_state_dict(state["net"])
        for here, there in zip((*self.ema, *self.muon.state()), (*state["ema"], *state["muon"]), strict=True):
            here.copy_(there)
        self.adam.load_state_dict(state["adam"])


@torch.no_grad()
def check(net: Network, work: Path) -> float:
    """dB on 4 x 25 frames of the film's seconds 47 to 54, as training computes."""
    film = open_film(work, SMALL)
    errors = []
    for first in (1130, 1172, 1214, 1256):
        x = torch.from_numpy(film[first : first + 25, :176].copy())[None].float() / 127.5 - 1
        z = forward.encode(net.encoder, x)[..., : CONFIG.latent_channels]
        errors.append((forward.decode(net.decoder, z).clamp(-1, 1) - x).square().mean())
    return -10 * math.log10(float(torch.stack(errors).mean()) / 4)


def train(worker: int, settings: Settings) -> None:
    """Run to the last step; a checkpoint in WORK goes on where it stopped."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(settings.work / "workers"), WORKERS)
    dist.init_process_group("gloo", store=store, rank=worker, world_size=WORKERS)
    logging.basicConfig(level=logging.WARNING if worker else logging.INFO, format="%(asctime)s %(message)s")
    trainer = Trainer(settings)
    checkpoint = settings.work / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    clock, losses, grades = Clock(), [], []
    while trainer.done < settings.steps:
        loss, error = trainer.step()
        losses.append(loss)
        grades.append(float((-10 * (error / 4).log10()).mean()))
        if trainer.done % 100 == 0:
            mean = f"loss {sum(losses) / len(losses):.4f}, clips {sum(grades) / len(grades):.2f} dB"
            LOG.info("step %d: %s; %s", trainer.done, mean, clock)
            losses, grades = [], []
        if worker == 0 and trainer.done % 250 == 0:
            trainer.save(checkpoint)
            LOG.info("step %d: checked %.3f dB", trainer.done, check(trainer.averaged(), settings.work))
    if worker == 0:
        finish(trainer, clock)
    dist.destroy_process_group()


def finish(trainer: Trainer, clock: "Clock") -> None:
    """Write WORK/nano_vae.gguf from the running means."""
    settings = trainer.settings
    net = trainer.averaged()
    clips = [trainer.samples.batch(SPREAD_OVER, settings.seed, WORKERS, n) for n in range(8)]
    spread = scale_latents(net, CONFIG, clips) * CONFIG.scaling_factor
    LOG.info("spread of the scaled latents, now 1: %s", ", ".join(f"{s:.2f}" for s in spread.tolist()))
    facts = {"steps": settings.steps, "rate": settings.rate, "adam_rate": settings.adam_rate}
    facts |= {"seed": settings.seed, "torch": torch.__version__, "workers": WORKERS}
    write_model(settings.work / "nano_vae.gguf", net, CONFIG, facts)
    LOG.info("checked %.3f dB; %s", check(net, settings.work), clock)


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        return f"{time.perf_counter() - self._wall:.0f} s, {time.process_time() - self._cpu:.0f} s of CPU"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--steps", type=int, default=4100)
    parser.add_argument("--rate", type=float, default=2e-4, help="of kernels, by Muon")
    parser.add_argument("--adam-rate", type=float, default=1e-4, help="of all else")
    parser.add_argument("--seed", type=int, default=1)
    settings = Settings(**vars(parser.parse_args()))
    (settings.work / "workers").unlink(missing_ok=True)
    torch.multiprocessing.spawn(train, (settings,), WORKERS)


if __name__ == "__main__":
    main()
