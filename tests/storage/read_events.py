"""Reads event files the way TensorBoard does and prints their scalars as one line of JSON.

usage: read_events.py FOLDER...: {folder: {tag: [[step, value], ...]}}
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator


def read(folder: str) -> dict:
    # Purging would hide steps that are written twice.
    events = EventAccumulator(folder, size_guidance={SCALARS: 0}, purge_orphaned_data=False)
    events.Reload()
    return {tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


print(json.dumps({folder: read(folder) for folder in sys.argv[1:]}))
