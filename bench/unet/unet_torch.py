"""The U-Net of networks/unet.ts and its training step in PyTorch, as a process that the benchmark asks in turns.

usage: unet_torch.py forward|train eager|channels-last|bf16|compile|compile-bf16 THREADS CASE [DEVICE]
All but eager are channels-last; bf16 is autocast.
Each line on standard input is "round", "check" or "finish" in JSON; each is answered by one line of JSON.
"""

import math
import sys

import torch
import torch.nn.functional as F
from contestant import peak_memory_mb, serve
from read_safetensors import read_safetensors
from torch import nn

CHANNELS, MULTIPLIERS, BLOCKS, ATTENTION, NUM_CLASSES = 64, (1, 2, 2), 2, (16,), 10


def num_groups(channels: int) -> int:
    groups = min(32, channels // 4)
    while channels % groups != 0:
        groups -= 1
    return groups


def group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(num_groups(channels), channels)


class Block(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.norm0 = group_norm(inputs)
        self.conv0 = nn.Conv2d(inputs, width, 3, padding=1)
        self.modulate = nn.Linear(4 * CHANNELS, 2 * width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.skip = nn.Identity() if inputs == width else nn.Conv2d(inputs, width, 1)
        self.groups = num_groups(width)

    def forward(self, x: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        entered = self.conv0(F.silu(self.norm0(x)))
        scale, shift = self.modulate(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = F.silu(torch.addcmul(shift, F.group_norm(entered, self.groups), scale + 1))
        return self.skip(x) + self.conv1(hidden)


class Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // 64)
        self.norm = group_norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        images, channels, height, width = x.shape
        parts = self.qkv(self.norm(x)).reshape(images, 3 * self.heads, channels // self.heads, height * width)
        query, key, value = parts.transpose(2, 3).chunk(3, dim=1)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return x + self.out(mixed.transpose(2, 3).reshape(x.shape))


class UNet(nn.Module):
    def __init__(self, side: int = 32) -> None:
        super().__init__()
        width = 4 * CHANNELS
        frequencies = 2 * math.pi * 2 ** (-3 + 7 * torch.arange(CHANNELS // 2) / (CHANNELS // 2))
        self.register_buffer("frequencies", frequencies)
        self.embedding = nn.ModuleDict({"noise": nn.Linear(CHANNELS, width), "mix": nn.Linear(width, width)})
        self.classes = nn.Embedding(NUM_CLASSES + 1, width)
        self.enter = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.parts = nn.ModuleDict()
        self.plan: list[str] = []
        current, skips = CHANNELS, [CHANNELS]

        def block(name: str, outputs: int) -> None:
            nonlocal current
            self.parts[name] = Block(current, outputs)
            self.plan.append(name)
            current = outputs
            if side in ATTENTION:
                self.parts[f"{name}_attention"] = Attention(outputs)
                self.plan.append(f"{name}_attention")

        for level, multiplier in enumerate(MULTIPLIERS):
            if level > 0:
                side //= 2
                self.plan.append("halve")
                skips.append(current)
            for index in range(BLOCKS):
                block(f"down{level}_{index}", CHANNELS * multiplier)
                self.plan.append("keep")
                skips.append(current)
        block("middle", CHANNELS * MULTIPLIERS[-1])
        for level in reversed(range(len(MULTIPLIERS))):
            for index in range(BLOCKS + 1):
                self.plan.append("join")
                current += skips.pop()
                block(f"up{level}_{index}", CHANNELS * MULTIPLIERS[level])
            if level > 0:
                side *= 2
                self.plan.append("double")
        self.leave_norm = group_norm(current)
        self.leave = nn.Conv2d(current, 3, 3, padding=1)

    def forward(self, x: torch.Tensor, noise: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        angles = noise[:, None] * self.frequencies
        embedding = self.embedding["noise"](torch.cat([angles.cos(), angles.sin()], dim=1)) + self.classes(classes)
        embedding = F.silu(self.embedding["mix"](F.silu(embedding)))
        hidden = self.enter(x)
        skips = [hidden]
        for step in self.plan:
            if step == "halve":
                hidden = F.avg_pool2d(hidden, 2)
                skips.append(hidden)
            elif step == "keep":
                skips.append(hidden)
            elif step == "join":
                hidden = torch.cat([hidden, skips.pop()], dim=1)
            elif step == "double":
                hidden = F.interpolate(hidden, scale_factor=2, mode="nearest")
            elif step.endswith("_attention"):
                hidden = self.parts[step](hidden)
            else:
                hidden = self.parts[step](hidden, embedding)
        return self.leave(F.silu(self.leave_norm(hidden)))


def load_weights(network: UNet, tensors: dict[str, torch.Tensor]) -> None:
    """Copies each weight from the name and layout that networks/unet.ts gives it."""
    names = {"embedding.class": network.classes.weight}
    for name, parameter in network.named_parameters():
        ours = name.replace("leave_norm", "leave.norm").removeprefix("parts.").replace("_", ".")
        if parameter is not network.classes.weight:
            names[ours] = parameter
    expected = {name for name in tensors if not name.startswith(("input.", "data.", "step"))}
    if expected != set(names):
        raise ValueError(f"the networks differ in {sorted(expected ^ set(names))}")
    with torch.no_grad():
        for name, parameter in names.items():
            is_linear = name.endswith("weight") and tensors[name].dim() == 2
            parameter.copy_(tensors[name].T if is_linear else tensors[name])


def forward_contestant(variant: str, device: str, tensors: dict[str, torch.Tensor], metadata: dict[str, str]):
    calls_per_round = int(metadata["callsPerRound"])
    network = UNet().eval().requires_grad_(False)
    load_weights(network, tensors)
    network = network.to(device)
    x, noise, classes = (tensors[f"input.{name}"].to(device) for name in ("x", "noise", "classes"))
    classes = classes.long()
    if variant != "eager":
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    if variant.startswith("compile"):
        network = torch.compile(network)
    autocast = torch.autocast(device, torch.bfloat16, enabled=variant.endswith("bf16"))

    def check() -> list[float]:
        with torch.inference_mode(), autocast:
            return network(x, noise, classes).float().flatten().tolist()

    def work() -> int:
        with torch.inference_mode(), autocast:
            for _ in range(calls_per_round):
                network(x, noise, classes)
        wait_for(device)
        return calls_per_round * len(x)

    return check, work


def train_contestant(variant: str, device: str, tensors: dict[str, torch.Tensor], metadata: dict[str, str]):
    batch_size, num_samples, steps_per_round = (
        int(metadata[name]) for name in ("batchSize", "numSamples", "stepsPerRound")
    )
    network = UNet()
    load_weights(network, tensors)
    images = tensors["data.images"].to(device, torch.uint8)
    labels = torch.arange(num_samples, device=device) % NUM_CLASSES
    layout = torch.contiguous_format if variant == "eager" else torch.channels_last
    network = network.to(device, memory_format=layout)
    parameters = list(network.parameters())
    averages = [parameter.detach().clone() for parameter in parameters]
    learning_rate = float(metadata["learningRate"])
    optimizer = torch.optim.AdamW(parameters, learning_rate, (0.9, 0.99), 1e-8, weight_decay=0, fused=True)
    ema_decay = float(metadata["emaDecay"])
    forward = torch.compile(network) if variant.startswith("compile") else network
    autocast = torch.autocast(device, torch.bfloat16, enabled=variant.endswith("bf16"))
    steps_done = 0

    def step(flip: torch.Tensor, normal: torch.Tensor, noise: torch.Tensor, drop: torch.Tensor) -> float:
        nonlocal steps_done
        indices = (steps_done * batch_size + torch.arange(batch_size, device=device)) % num_samples
        steps_done += 1
        clean = images[indices].permute(0, 3, 1, 2).float() * (2 / 255) - 1
        clean = torch.where((flip < 0.5)[:, None, None, None], clean.flip(3), clean)
        sigma = (normal * 1.2 - 1.2).exp()
        per_image = sigma[:, None, None, None]
        noisy = (clean + noise * per_image).contiguous(memory_format=layout)
        variance = per_image**2 + 0.25
        out = per_image * 0.5 / variance.sqrt()
        classes = torch.where(drop < 0.1, NUM_CLASSES, labels[indices])
        with autocast:
            predicted = forward(noisy / variance.sqrt(), sigma.log() / 4, classes)
        loss = F.mse_loss(predicted.float(), (clean - noisy * (0.25 / variance)) / out)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - ema_decay)
        return loss.item()

    def check() -> list[float]:
        """Losses of the first steps, with the random numbers that our trainer draws."""
        kinds = ("random0", "random1", "random2", "random3")
        return [
            step(*(tensors[f"step{index}.{kind}"].to(device) for kind in kinds)) for index in range(steps_per_round)
        ]

    def work() -> int:
        for _ in range(steps_per_round):
            step(
                torch.rand(batch_size, device=device),
                torch.randn(batch_size, device=device),
                torch.randn(batch_size, 3, 32, 32, device=device),
                torch.rand(batch_size, device=device),
            )
        wait_for(device)
        return steps_per_round * batch_size

    return check, work


def wait_for(device: str) -> None:
    """Waits until a GPU has done all it was asked to."""
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    kind, variant, threads, path, *rest = sys.argv[1:]
    device = rest[0] if rest else "cpu"
    torch.set_num_threads(int(threads))
    tensors, metadata = read_safetensors(path)
    if kind == "forward":
        check, work = forward_contestant(variant, device, tensors, metadata)
    else:
        check, work = train_contestant(variant, device, tensors, metadata)
    serve(work, check, peak_memory_mb)


main()
