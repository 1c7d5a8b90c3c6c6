"""Options of the TypeScript loader as those of the Python one."""

from __future__ import annotations

from typing import Any

from cifar5m import Augment, Blocked, LabelNoise

NAMES = {
    "numSamples": "num_samples",
    "batchSize": "batch_size",
    "dropLast": "drop_last",
    "worldSize": "world_size",
}


def to_python(options: dict[str, Any]) -> dict[str, Any]:
    translated = {NAMES.get(key, key): value for key, value in options.items()}
    if isinstance(shuffle := options.get("shuffle"), dict):
        translated["shuffle"] = Blocked(shuffle["blockRows"], shuffle["windowBlocks"])
    if noise := options.get("labelNoise"):
        del translated["labelNoise"]
        translated["label_noise"] = LabelNoise(noise["rate"], noise.get("seed"))
    if isinstance(normalize := options.get("normalize"), dict):
        translated["normalize"] = (normalize["mean"], normalize["std"])
    if augment := options.get("augment"):
        crop = augment.get("crop", False)
        cropping = {"crop": crop["padding"], "crop_mode": crop["mode"]} if isinstance(crop, dict) else {"crop": crop}
        translated["augment"] = Augment(
            flip=augment.get("flip", False),
            cutout=augment["cutout"]["size"] if "cutout" in augment else None,
            mixup=augment["mixup"]["alpha"] if "mixup" in augment else None,
            **cropping,
        )
    return translated
