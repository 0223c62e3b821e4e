"""Train the small networks for scenes that travel with the course: single runs of registered experiments.

    python tools/train_shipped.py near-long spatial
    python tools/train_shipped.py what-dense channel --rate 0.01

The run is that of the evaluation with the first registered seed, at the rate that the tuning chose, so its row in
``results/NAME.csv`` has the same score. Writes the weights into the package and what made them into ``results``.
"""

import argparse
import json
import platform
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import save

from cbam_course.experiments.registration import Ledger
from cbam_course.experiments.run import Run, train
from cbam_course.networks.pretrained import WEIGHTS
from cbam_course.training.fit import History, image_scores

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "results" / "shipped.json"
TASKS = {"near-long": "near", "what-dense": "what"}


def main() -> None:
    """Train, save, and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", choices=TASKS)
    parser.add_argument("model", choices=("plain", "channel", "spatial", "cbam"))
    parser.add_argument("--rate", type=float, help="largest learning rate; that of the tuning")
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = evaluation_run(options.experiment, options.model, options.rate)
    network, splits, history = train(run, "cpu")
    weights = WEIGHTS.parent / f"{TASKS[options.experiment]}-{options.model}.safetensors"
    # The blocks compute with the channels innermost; a file holds them in the usual order.
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    weights.write_bytes(save(state))
    record(options.experiment, run, weights, history, image_scores(network, splits.test).mean().item())


def evaluation_run(experiment: str, model: str, rate: float | None) -> Run:
    """Return the run of the first evaluation seed."""
    ledger = Ledger(RECORD.parent)
    registration = ledger.registration(experiment)
    data = registration.data[0]
    if rate is None:
        rate = registration.chosen_rates(ledger.tuning(registration))[data, model]
    return Run(
        data,
        model,
        registration.seeds[0],
        registration.epochs,
        registration.images,
        rate,
        registration.batch_size,
        registration.validation,
        registration.test,
    )


def record(experiment: str, run: Run, weights: Path, history: History, score: float) -> None:
    """Write down what made the weights and what they reach."""
    entries = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.is_file() else {}
    entries[weights.name] = {
        "sha256": sha256(weights.read_bytes()).hexdigest(),
        "network": f"cbam_course.networks.small_cnn.DenseCNN, {run.model}",
        "experiment": experiment,
        "seed": run.seed,
        "epochs": run.epochs,
        "learning rate": run.learning_rate,
        "test score": round(score, 5),
        "command": f"python tools/train_shipped.py {experiment} {run.model} --rate {run.learning_rate}",
        "seconds": round(history.seconds),
        "device": f"{history.device}, {torch.get_num_threads()} thread(s), {history.precision}",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    ordered = dict(sorted(entries.items()))
    RECORD.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
