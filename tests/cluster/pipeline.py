"""python pipeline.py ARCHIVE OUT: a Ray Data pipeline as docs/batch.md has it, on a small cluster of its own."""

import os
import sys
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

from headpose_sdk.integrations.ray import HeadPosePredictor

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=256 * 1024**2)
files = ray.data.read_binary_files(str(Path(sys.argv[1]).resolve()), include_paths=True)
poses = files.map_batches(HeadPosePredictor, batch_size=16, num_cpus=1, compute=ray.data.ActorPoolStrategy(size=1))
poses.write_parquet(sys.argv[2])
