"""Exports small models by examples/python/export_onnx.py, and writes what PyTorch itself gives for some inputs.

Arguments: folder, prediction type. Reads {"sigmas": [...], "diffusers": bool} as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "python"))
import export_onnx as example  # noqa: E402

folder, prediction = Path(sys.argv[1]), sys.argv[2]
request = json.load(sys.stdin)
torch.manual_seed(0)
if request["diffusers"]:
    unet, scheduler = example.small_generator(prediction)
else:
    unet, scheduler = example.SmallDenoiser(), example.SmallSchedule(prediction)
labeler = example.small_labeler()
example.export_generator(unet, scheduler, folder / "generator.onnx", none=10)
example.export_labeler(labeler, folder / "labeler.onnx")

# D(x; sigma) as the paper of each parametrization has it, on levels of the schedule.
alphas = scheduler.alphas_cumprod.double()
levels = ((1 - alphas) / alphas).sqrt()
steps = torch.tensor([(levels.log() - torch.tensor(sigma).log()).abs().argmin() for sigma in request["sigmas"]])
sigma = levels[steps][:, None, None, None]
noisy = torch.randn(len(steps), 3, 32, 32).double() * (0.25 + sigma**2).sqrt()
classes = torch.arange(len(steps)) % 10
with torch.no_grad():
    scaled = noisy / (1 + sigma**2).sqrt()
    output = unet(scaled.float(), steps, class_labels=classes, return_dict=False)[0].double()
    clean = {
        "epsilon": noisy - sigma * output,
        "v_prediction": noisy / (1 + sigma**2) - sigma / (1 + sigma**2).sqrt() * output,
        "sample": output,
    }[prediction]
    images = torch.randint(0, 256, (len(steps), 32, 32, 3), dtype=torch.uint8)
    normalized = (images / 255 - torch.tensor([0.4914, 0.4822, 0.4465])) / torch.tensor([0.247, 0.2435, 0.2616])
    probabilities = labeler(normalized.permute(0, 3, 1, 2)).softmax(1)
for name, value in {
    "sigmas": sigma.flatten(),
    "noisy": noisy,
    "clean": clean,
    "probabilities": probabilities,
}.items():
    value.numpy().astype(np.float32).tofile(folder / f"{name}.f32")
images.numpy().tofile(folder / "images.u8")
