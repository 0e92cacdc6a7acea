"""Put a trained model where the generator finds it.

    python -m motion.training.ship --run build/run

writes the weights, the ONNX files that streaming runs and the sync expert that benchmarks use to
``motion/data/causal``. Needs the packages onnx and onnxscript (extra ``export``).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from motion.generator import BUILT_IN, MODEL_FILE
from motion.moda.causal import LOOKAHEAD
from motion.moda.causal_export import export_causal
from motion.moda.trained import TrainedModel, load_model, save_model
from motion.training.sync import SYNC_FILE


def ship(model: TrainedModel, folder: Path) -> None:
    """Write ``model`` and its ONNX files to ``folder``."""
    save_model(folder / MODEL_FILE, model)
    # Exported from what was stored, so that rounding to half precision is the same in both.
    export_causal(load_model(folder / MODEL_FILE).network, folder, LOOKAHEAD)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ship a trained model.")
    parser.add_argument("--run", type=Path, required=True, help="folder of motion.training.train")
    parser.add_argument("--out", type=Path, default=BUILT_IN)
    options = parser.parse_args()
    ship(load_model(options.run / "causal.safetensors"), options.out)
    shutil.copy(options.run / SYNC_FILE, options.out / SYNC_FILE)


if __name__ == "__main__":
    main()
