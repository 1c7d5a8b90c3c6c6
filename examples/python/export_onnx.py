"""Exports PyTorch models to what `cifar5m build --generator FILE.onnx --labeler FILE.onnx` takes.

Copy this file beside your own code, or run it to see it work on small models with random weights:

    pip install torch onnx onnxscript            # and diffusers, for its U-Net
    python export_onnx.py OUT                    # writes OUT/generator.onnx and OUT/labeler.onnx
    npx cifar5m build --run runs/theirs --generator OUT/generator.onnx --labeler OUT/labeler.onnx --count 60

Each model gets a description beside it, FILE.onnx.json, that says how it is used; docs/models.md explains its keys.
"""

import argparse
import json
from pathlib import Path

import torch
from torch import nn

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def export_onnx(model, inputs, output, path, description):
    """Writes a module as ONNX, for any number of images at once, and its description beside it.

    inputs: example tensors by name, in the order of `forward`; the first axis of each is the batch.
    output: name of the result.
    """
    batch = torch.export.Dim("batch", min=1, max=4096)
    torch.onnx.export(
        model.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=[output],
        dynamic_shapes=tuple({0: batch} for _ in inputs),
        opset_version=20,
        external_data=False,  # one file: a run keeps it as it is
        verbose=False,
    )
    Path(f"{path}.json").write_text(json.dumps(description, indent=2) + "\n")


class Prediction(nn.Module):
    """The tensor alone, where a diffusers model returns an object around it."""

    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, classes=None):
        if classes is None:
            return self.unet(sample, timestep, return_dict=False)[0]
        return self.unet(sample, timestep, class_labels=classes, return_dict=False)[0]


def export_generator(unet, scheduler, path, none=None, has_classes=True):
    """Exports a diffusers `UNet2DModel` of 3 × 32 × 32 pixels in [-1, 1] with the schedule it was trained with.

    scheduler: a diffusers scheduler, or whatever has `alphas_cumprod` and `config.prediction_type`.
    none: the class that stands for no class, for guidance; None where the model has none.
    """
    inputs = {"sample": torch.randn(2, 3, 32, 32), "timestep": torch.tensor([10, 500])}
    if has_classes:
        inputs["classes"] = torch.tensor([3, 7])
    predictions = {"epsilon": "eps", "v_prediction": "v", "sample": "x0"}
    description = {
        "model": "generator",
        "images": {"input": "sample", "layout": "NCHW", "range": [-1, 1]},
        "noise": {
            "input": "timestep",
            "schedule": {"kind": "explicit", "alphasCumprod": scheduler.alphas_cumprod.double().tolist()},
        },
        "classes": {"input": "classes", "count": 10, "none": none} if has_classes else None,
        "output": {"name": "prediction", "prediction": predictions[scheduler.config.prediction_type]},
    }
    export_onnx(Prediction(unet), inputs, "prediction", path, description)


def export_labeler(classifier, path, mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616)):
    """Exports a classifier that takes [B, 3, 32, 32], (pixels in [0, 1] - mean) / std, and returns logits."""
    description = {
        "model": "labeler",
        "images": {
            "input": "images",
            "layout": "NCHW",
            "range": [0, 1],
            "mean": list(mean),
            "std": list(std),
        },
        "output": {"name": "logits", "kind": "logits"},
        "classes": CLASSES,
    }
    export_onnx(classifier, {"images": torch.randn(2, 3, 32, 32)}, "logits", path, description)


def small_generator(prediction_type="epsilon"):
    """A small U-Net with random weights and its schedule: that of diffusers where it is installed."""
    try:
        from diffusers import DDPMScheduler, UNet2DModel
    except ImportError:
        return SmallDenoiser(), SmallSchedule(prediction_type)
    unet = UNet2DModel(
        sample_size=32,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        num_class_embeds=11,
    )
    return unet, DDPMScheduler(prediction_type=prediction_type)


class SmallDenoiser(nn.Module):
    """Called as a diffusers model is."""

    def __init__(self, channels=16):
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)
        self.time = nn.Linear(2, channels)
        self.classes = nn.Embedding(11, channels)
        self.norm = nn.GroupNorm(4, channels)
        self.last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, sample, timestep, class_labels, return_dict=False):
        phase = timestep.to(sample.dtype)[:, None] / 1000
        shift = self.time(torch.cat([phase.sin(), phase.cos()], 1)) + self.classes(class_labels)
        hidden = nn.functional.silu(self.norm(self.first(sample) + shift[:, :, None, None]))
        return (self.last(hidden),)


class SmallSchedule:
    """The linear schedule of DDPM."""

    def __init__(self, prediction_type):
        self.alphas_cumprod = torch.cumprod(1 - torch.linspace(0.0001, 0.02, 1000), 0)
        self.config = argparse.Namespace(prediction_type=prediction_type)


def small_labeler():
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the two models")
    parser.add_argument("--prediction", choices=["epsilon", "v_prediction", "sample"], default="epsilon")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    unet, scheduler = small_generator(arguments.prediction)
    export_generator(unet, scheduler, arguments.out / "generator.onnx", none=10)
    export_labeler(small_labeler(), arguments.out / "labeler.onnx")


if __name__ == "__main__":
    main()
