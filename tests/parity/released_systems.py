"""What the authors' releases computed, and what this code computes with the same weights and the same input.

`python tests/parity/released_systems.py FOLDER` prints the largest relative error of each quantity of each
system, where FOLDER holds their outputs.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from untrimmed.config import DataSection, Recipe
from untrimmed.detection.feature_reading import FeatureReading
from untrimmed.detection.localizer import Decoding, Localizer
from untrimmed.features.sequence import FeatureSequence
from untrimmed.features.time_grid import TimeGrid
from untrimmed.models.build import build_detector
from untrimmed.released.actionformer import ACTIONFORMER
from untrimmed.released.actionmamba import ACTIONMAMBA
from untrimmed.released.cltdr import CLTDR_GMG
from untrimmed.released.common import classes, input_dim
from untrimmed.released.recipe import recipe_for
from untrimmed.released.system import System
from untrimmed.released.temporalmaxer import TEMPORALMAXER
from untrimmed.released.translation import translate
from untrimmed.released.tridet import TRIDET
from untrimmed.report.markdown import table
from untrimmed.training.fit import build_criterion
from untrimmed.training.targets import SequenceTruth

#: Sequences that fill the padded length, and that do not.
LENGTHS = (256, 179)
TRAINED = (0, 1)
GRID = TimeGrid(fps=30, stride=4, window=16)


@dataclass(frozen=True)
class Case:
    """A released system and how its outputs are found in our network.

    Attributes:
        name: of its files.
        system: its rules.
        heads: from the name of an array of head outputs to our module that computes it, and which of its outputs
            it is.
        changes: `section.key=value`, what else of the recipe follows from the release's own configuration.
    """

    name: str
    system: System
    heads: Mapping[str, tuple[str, Callable[[Any], Tensor]]]
    changes: Callable[[dict[str, Any]], list[str]] = lambda _: []


class Outputs:
    """A release's outputs, and ours.

    Args:
        case: the system.
        folder: where the release's outputs are.
    """

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.settings = json.loads((folder / f"{case.name}.json").read_text())["model"]
        self.arrays = np.load(folder / f"{case.name}.npz")
        state = case.system.prepared(torch.load(folder / f"{case.name}.pth", weights_only=True))
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        self.recipe = self._recipe(shapes)
        self.classes = classes(shapes)
        self.detector = build_detector(self.recipe.model, input_dim=input_dim(shapes), classes=self.classes)
        translated = translate(state, case.system.rules)
        assert translated.unmatched == ()
        self.detector.load_state_dict(translated.weights)
        self.detector.eval()

    def _recipe(self, shapes: dict[str, tuple[int, ...]]) -> Recipe:
        given = self.settings
        changes = [
            f"model.release_padding.length={given['max_seq_len']}",
            f"training.loss.initial_normalizer={given['train_cfg']['init_loss_norm']}",
            *self.case.changes(given),
        ]
        told = {"model": self.case.system.model(shapes)}
        return recipe_for(self.case.system.settings, told, overrides=changes, where=self.case.name)[0]

    def errors(self) -> dict[str, float]:
        """The largest relative error of each quantity, over both sequences and all levels."""
        found: dict[str, float] = {}
        for length in LENGTHS:
            for quantity, error in (self._network(length) | self._detections(length)).items():
                found[quantity] = max(error, found.get(quantity, 0.0))
        return found | self._training()

    @torch.no_grad()
    def _network(self, length: int) -> dict[str, float]:
        """Levels, normalised levels and heads of one sequence."""
        caught: dict[str, Any] = {}
        paths = {"encoder", "decoder.norms"} | {path for path, _ in self.case.heads.values()}
        handles = [self._catch(path, caught) for path in paths]
        features = torch.from_numpy(self.arrays[f"len{length}/input"]).t()[None]
        points = self.detector(features, [length]).points
        for handle in handles:
            handle.remove()
        ours = {"backbone.0": list(caught["encoder"].levels), "neck.0": [x.mT for x in caught["decoder.norms"]]}
        ours |= {
            name: list(pick(caught[path]).split(list(points.sizes), dim=-1))
            for name, (path, pick) in self.case.heads.items()
        }
        names = {"backbone.0": "levels", "neck.0": "normalised levels"}
        return {
            f"length {length}: {names.get(name, name)}": max(
                relative_error(mine.numpy(), self.arrays[f"len{length}/raw/{name}.{level}"])
                for level, mine in enumerate(levels)
            )
            for name, levels in ours.items()
        }

    def _catch(self, path: str, caught: dict[str, Any]) -> Any:
        """Keep what a module returns."""

        def keep(module: nn.Module, given: Any, returned: Any) -> None:
            caught[path] = returned

        return self.detector.get_submodule(path).register_forward_hook(keep)

    def _detections(self, length: int) -> dict[str, float]:
        """Segments in seconds and scores; infinite where their number or a label differs."""
        features = np.ascontiguousarray(self.arrays[f"len{length}/input"].T)
        names = [f"class {number}" for number in range(self.classes)]
        reading = FeatureReading(DataSection(annotations=Path("a"), features=Path("f")), features.shape[1])
        localizer = Localizer(self.detector, names, Decoding.of(self.recipe.detection), reading)
        duration = (length * GRID.stride + GRID.window) / GRID.fps
        found = localizer.localize([FeatureSequence(features, GRID)], [duration])[0]
        segments, scores, labels = (
            self.arrays[f"len{length}/detections/{name}"] for name in ("segments", "scores", "labels")
        )
        ours = np.stack([found.start_seconds, found.end_seconds], axis=1)
        same = len(ours) == len(segments) and bool((found.label == labels).all())
        return {
            f"length {length}: segments, seconds": relative_error(ours, segments) if same else np.inf,
            f"length {length}: scores": relative_error(found.score, scores) if same else np.inf,
        }

    def _training(self) -> dict[str, float]:
        """Targets and losses of the training batch."""
        features = [torch.from_numpy(self.arrays[f"train/{video}/feats"]).t() for video in TRAINED]
        lengths = [len(one) for one in features]
        truths = [
            SequenceTruth(
                torch.from_numpy(self.arrays[f"train/{video}/segments"]),
                torch.from_numpy(self.arrays[f"train/{video}/labels"]),
            )
            for video in TRAINED
        ]
        criterion = build_criterion(self.recipe.training, self.recipe.model.levels).train()
        predictions = self.detector(nn.utils.rnn.pad_sequence(features, batch_first=True), lengths)
        losses = criterion(predictions, truths)
        share = self.recipe.training.loss.coarse_weight
        ours = {"final_loss": losses.total, "cls_loss": losses.classification, "reg_loss": losses.regression}
        if losses.coarse_classification is not None and losses.coarse_regression is not None:
            ours["cls_loss"] = (1 - share) * losses.classification + share * losses.coarse_classification
            ours["reg_loss"] = (1 - share) * losses.regression + share * losses.coarse_regression
        found = {
            name.replace("_", " "): relative_error(value.detach().numpy(), self.arrays[f"train/loss/{name}"])
            for name, value in ours.items()
        }
        if "train/0/target_classes" not in self.arrays:
            return found
        targets = criterion.assignment.assign(predictions, truths)
        worst = {"target classes": 0.0, "target distances": 0.0}
        for video in TRAINED:
            labels = self.arrays[f"train/{video}/target_classes"][targets.valid[video].numpy()]
            distances = self.arrays[f"train/{video}/target_offsets"][targets.positive[video].numpy()]
            mine = targets.labels[video].t()[targets.valid[video]].numpy()
            reached = targets.distances[video][targets.positive[video]].numpy()
            worst["target classes"] = max(worst["target classes"], relative_error(mine, labels))
            worst["target distances"] = max(worst["target distances"], relative_error(reached, distances))
        return found | worst


def relative_error(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The largest difference, as a share of the largest value."""
    if ours.shape != theirs.shape:
        return float("inf")
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-12)) if ours.size else 0.0


def logits(output: Any) -> Tensor:
    """The output of a head that returns one tensor (B, outputs, N)."""
    found: Tensor = output
    return found


def joined(output: Any) -> Tensor:
    """L levels (B, T_l, C) as one tensor (B, C, N)."""
    return torch.cat(list(output), dim=1).mT


def centre_bins(regression: Any) -> Tensor:
    """Of a Trident-head: its bins (B, 2 (bins + 1), N) in the release's order, of starts the farthest first."""
    found: Tensor = torch.cat((regression.start_bins.flip(1), regression.end_bins), dim=1)
    return found


def attention(given: dict[str, Any]) -> list[str]:
    """What the shapes of ActionFormer's tensors do not tell."""
    return [f"model.encoder.heads={given['n_head']}", f"model.encoder.window={given['n_mha_win_size']}"]


#: The two heads of ActionFormer, TemporalMaxer and ActionMamba.
CONVOLUTIONAL = {"cls_head": ("decoder.class_head", logits), "reg_head": ("decoder.distance_head", logits)}
TRIDENT = {
    "cls_head": ("decoder.class_head", logits),
    "reg_head": ("decoder.trident_head", centre_bins),
    "start_head": ("decoder.trident_head.start", logits),
    "end_head": ("decoder.trident_head.end", logits),
}
CROSS_LAYER = TRIDENT | {
    "decls": ("decoder.classification_features", joined),
    "dereg": ("decoder.regression_features", joined),
    "cross_level": ("decoder.refinement_features", joined),
    "refineHead.0": ("decoder.refine_head.start_output", logits),
    "refineHead.1": ("decoder.refine_head.end_output", logits),
    "refineHead.2": ("decoder.refine_head.class_output", logits),
}
#: Every released system that can be compared.
CASES: tuple[Case, ...] = (
    Case("actionformer", ACTIONFORMER, CONVOLUTIONAL, attention),
    Case("temporalmaxer", TEMPORALMAXER, CONVOLUTIONAL),
    Case("tridet", TRIDET, TRIDENT),
    Case("actionmamba", ACTIONMAMBA, CONVOLUTIONAL),
    Case("cltdr", CLTDR_GMG, CROSS_LAYER),
)


#: What is told apart in the table; whatever else there is of a sequence is the output of a head.
OF_A_SEQUENCE = ("levels", "normalised levels", "heads", "segments, seconds", "scores")
OF_TRAINING = ("target classes", "target distances", "cls loss", "reg loss", "final loss")


def main(folder: Path) -> None:
    """Print the tables."""
    errors = {case.name: Outputs(case, folder).errors() for case in CASES}
    rows = [
        [system, f"{length} of {LENGTHS[0]} steps", *_of_sequence(found, f"length {length}: ")]
        for system, found in errors.items()
        for length in LENGTHS
    ]
    print(table(["system", "sequence", *OF_A_SEQUENCE], rows, left=2))
    rows = [
        [system, *("" if name not in found else f"{found[name]:.0e}" for name in OF_TRAINING)]
        for system, found in errors.items()
    ]
    print(table(["system", *OF_TRAINING], rows))


def _of_sequence(found: Mapping[str, float], prefix: str) -> list[str]:
    """The largest error of each group of quantities."""
    groups = dict.fromkeys(OF_A_SEQUENCE, 0.0)
    for name, error in found.items():
        if name.startswith(prefix):
            quantity = name.removeprefix(prefix)
            group = quantity if quantity in groups else "heads"
            groups[group] = max(error, groups[group])
    return [f"{error:.0e}" for error in groups.values()]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
