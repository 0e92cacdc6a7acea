"""Put a trained model where the generator finds it.

    python -m motion.training.ship --run build/run

writes the weights, the ONNX files that streaming runs and the sync expert that benchmarks use to
``motion/data/causal``. Needs the packages onnx and onnxscript (extra ``export``).

With ``--average build/earlier`` the weights that ship are the mean of both runs', of which one went
on from the other: between the two, what is learned of the voices in training costs less on others
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import argparse
import copy
import shutil
from pathlib import Path
from typing import Final

from motion.generator import BUILT_IN, MODEL_FILE
from motion.moda.causal import LOOKAHEAD
from motion.moda.causal_export import export_causal
from motion.moda.trained import TrainedModel, load_model, save_model
from motion.training.sync import SYNC_FILE

WEIGHTS: Final = "causal.safetensors"


def ship(model: TrainedModel, folder: Path) -> None:
    """Write ``model`` and its ONNX files to ``folder``."""
    save_model(folder / MODEL_FILE, model)
    # Exported from what was stored, so that rounding to half precision is the same in both.
    export_causal(load_model(folder / MODEL_FILE).network, folder, LOOKAHEAD)


def averaged(one: TrainedModel, other: TrainedModel) -> TrainedModel:
    """``one`` with the mean of both models' weights. Raises ValueError if they differ in form."""
    if one.network.config != other.network.config:
        raise ValueError("only models of the same sizes can be averaged")
    network, others = copy.deepcopy(one.network), other.network.state_dict()
    weights = {name: (w + others[name]) / 2 for name, w in network.state_dict().items()}
    network.load_state_dict(weights)
    return TrainedModel(network, one.statistics, one.facts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Ship a trained model.")
    parser.add_argument("--run", type=Path, required=True, help="folder of motion.training.train")
    parser.add_argument("--average", type=Path, help="folder of a run before that")
    parser.add_argument("--out", type=Path, default=BUILT_IN)
    options = parser.parse_args()
    model = load_model(options.run / WEIGHTS)
    if options.average is not None:
        model = averaged(model, load_model(options.average / WEIGHTS))
    ship(model, options.out)
    shutil.copy(options.run / SYNC_FILE, options.out / SYNC_FILE)


if __name__ == "__main__":
    main()
