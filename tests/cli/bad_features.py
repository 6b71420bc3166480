"""Wrong features."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bad_input import Case, changed, cut, text
from surroundings import without

FIRST = "task/features/sequence-001.npy"
FILE = "task/features/sequence-004.npy"


class Evil:
    """Makes the file `ran` in the working directory where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def array(path: str, change: Callable[[Any], Any]) -> Callable[[Path], object]:
    """To replace the array in a file by what `change` makes of it."""

    def prepare(world: Path) -> None:
        values = change(np.load(world / path))
        np.save(world / path, values)

    return prepare


def with_nan(values: Any) -> Any:
    values[3, 5] = np.nan
    return values


def two_formats(world: Path) -> None:
    np.savez(world / "task/features/sequence-001.npz", np.zeros((4, 24)))


FEATURES = [
    Case(
        "no such folder",
        "train tiny.yaml data.features=nowhere",
        "nowhere does not exist; give the folder (or .h5 file) that holds the features",
    ),
    Case(
        "empty folder",
        "train tiny.yaml data.features=empty",
        "empty holds no files; put the feature files of the videos there",
        prepare=lambda world: (world / "empty").mkdir(),
    ),
    Case(
        "file instead of a folder",
        f"train tiny.yaml data.features={FILE}",
        "task/features/sequence-004.npy is a file; features are read from a folder, or from "
        "one .h5 file: give task/features",
    ),
    Case(
        "pattern that no file fits",
        "train tiny.yaml data.pattern={video}-rgb",
        "no file of task/features fits the pattern '{video}-rgb'; it holds 6 files: "
        "features.yaml, sequence-001.npy, sequence-002.npy, sequence-003.npy, "
        "sequence-004.npy, ...",
    ),
    Case(
        "pattern without {video}",
        "train tiny.yaml data.pattern=rgb",
        "the pattern 'rgb' must hold {video} once, as in v_{video}",
    ),
    Case(
        "video without features",
        "train tiny.yaml training.epochs=1",
        "1 of 3 videos have no features: sequence-001",
        code=0,
        prepare=lambda world: (world / FIRST).unlink(),
        writes=("runs/",),
    ),
    Case(
        "no video has features",
        "train tiny.yaml data.training_subset=test",
        "no video has features that can be used: 2 of 2 videos have no features: sequence-004, sequence-005",
        prepare=lambda world: [(world / f"task/features/sequence-00{n}.npy").unlink() for n in (4, 5)],
    ),
    Case(
        "manifest and recipe contradict each other",
        "train tiny.yaml data.fps=25",
        "fps is 25 in the recipe's data section but 10 in task/features/features.yaml; "
        "correct the one that is wrong",
    ),
    Case(
        "nobody says when the features were",
        "train tiny.yaml",
        "the recipe's data section does not say the stride, window of the features, and no "
        "features.yaml beside them does; add what is missing to either",
        prepare=lambda world: (world / "task/features/features.yaml").unlink(),
    ),
    Case(
        "manifest with a misspelt key",
        "train tiny.yaml",
        "task/features/features.yaml: the key 'strid' is unknown; did you mean stride?",
        prepare=changed("task/features/features.yaml", "stride", "strid"),
    ),
    Case(
        "one video in two formats",
        "train tiny.yaml",
        "task/features holds two files of the video sequence-001: sequence-001.npy and "
        "sequence-001.npz; remove one, or choose a format with a pattern such as {video}.npy",
        prepare=two_formats,
    ),
    Case(
        "not all of one dimension",
        "train tiny.yaml",
        "1 of 3 videos have features of a wrong dimension: sequence-001 "
        "(task/features/sequence-001.npy has 10 values a step instead of the 24 of "
        "task/features/features.yaml; extract it again with the encoder of the others, or "
        "mend the dimension)",
        code=0,
        prepare=array(FIRST, lambda a: a[:, :10]),
        writes=("runs/",),
    ),
    Case(
        "(D, T) instead of (T, D)",
        "detect trained " + FILE,
        "task/features/sequence-004.npy has [...] values a step instead of the 24 of "
        "task/features/features.yaml; its axes seem to be swapped: set layout to "
        "channels_first, or transpose it",
        prepare=array(FILE, np.transpose),
    ),
    Case(
        "features that the model was not trained on",
        "detect trained " + FILE,
        "task/features/sequence-004.npy has 10 values a step instead of the 24 of "
        "task/features/features.yaml; extract it again with the encoder of the others, or "
        "mend the dimension",
        prepare=array(FILE, lambda a: a[:, :10]),
    ),
    Case(
        "features at another rate than the model's",
        "detect trained task/features",
        "fps is 10 in the model but 25 in task/features/features.yaml; correct the one that is wrong",
        prepare=changed("task/features/features.yaml", "fps: 10", "fps: 25"),
    ),
    Case(
        "NaN in the only video",
        "detect trained " + FILE,
        "task/features/sequence-004.npy holds 1 values that are NaN or infinite, the first at"
        " step 3 (counted from 0); extract it again or remove it",
        prepare=array(FILE, with_nan),
    ),
    Case(
        "NaN in one of several videos",
        "detect trained task/features",
        "1 of 5 videos could not be read; the others are done",
        code=1,
        prepare=array(FILE, with_nan),
        writes=("detections.json",),
    ),
    *(
        Case(
            "NaN that training meets first" + (f", in {workers} loader process" if workers else ""),
            f"train tiny.yaml data.check_values=false training.workers={workers}",
            "task/features/sequence-001.npy holds 1 values that are NaN or infinite, the first at step 3 "
            "(counted from 0); extract it again or remove it",
            prepare=array(FIRST, with_nan),
            writes=("runs/",),
        )
        for workers in (0, 1)
    ),
    Case(
        "cut .npy",
        "detect trained " + FILE,
        "task/features/sequence-004.npy cannot be read: [...]; it may be cut short or be of "
        "another format: write it again",
        prepare=cut(FILE),
    ),
    Case(
        "empty file",
        "detect trained " + FILE,
        "task/features/sequence-004.npy cannot be read: [...]; it may be cut short or be of "
        "another format: write it again",
        prepare=text(FILE, ""),
    ),
    Case(
        "no steps",
        "detect trained " + FILE,
        "task/features/sequence-004.npy is empty: its shape is (0, 24); remove it or write it again",
        prepare=array(FILE, lambda a: a[:0]),
    ),
    Case(
        "text instead of numbers",
        "detect trained " + FILE,
        "task/features/sequence-004.npy holds values of type <U1; save it as one array of real numbers",
        prepare=array(FILE, lambda a: np.array([["a"]])),
    ),
    Case(
        "pickled objects in .npy",
        "detect trained " + FILE,
        "task/features/sequence-004.npy holds values of type object; save it as one array of real numbers",
        prepare=array(FILE, lambda a: np.array([Evil()], dtype=object)),
    ),
    Case(
        "pickle with code in it",
        "detect trained evil/video.pkl",
        "evil/video.pkl is refused: it names 'pathlib.Path.touch', and only plain arrays and "
        "values are read, because any other name may run code; if you trust the file, save "
        "its array as .npy",
        prepare=text("evil/video.pkl", pickle.dumps(Evil())),
    ),
    Case(
        "features at another rate than said",
        "train tiny.yaml",
        "the features do not fit the durations of their videos: in the median the sequences are 0.4 times as "
        "long as expected: the lengths fit a stride of 5 frames instead of 2, or a rate of 10 frames a second "
        "instead of 25; correct data.stride or data.fps, or the durations in the annotations (`untrimmed "
        "datasets check` tells more)",
        prepare=changed("task/features/features.yaml", "fps: 10", "fps: 25"),
    ),
    Case(
        "nothing can be read",
        "detect trained task/features --annotations task/annotations.json --subset test",
        "none of the 2 videos could be read, so detections.json was not written",
        prepare=lambda world: (cut(FILE)(world), cut("task/features/sequence-005.npy")(world)),
    ),
    Case(
        "no such file",
        "detect trained task/features/sequence-099.npy",
        "there is no file or folder task/features/sequence-099.npy; check its name",
    ),
    Case(
        "video instead of features",
        "detect trained match.mp4",
        "match.mp4 is a video, but this model looks at features: extract them first and give "
        "the folder that holds them",
        prepare=text("match.mp4", "film"),
    ),
    Case(
        "file of an unknown kind",
        "detect trained notes.txt",
        "notes.txt is not a feature file: those end in .npy, .npz, .pt, .pth, .pkl, .safetensors, .h5, .hdf5",
        prepare=text("notes.txt", "x"),
    ),
    Case(
        "video named twice",
        f"detect trained {FILE} task/features",
        "the inputs hold the video 'sequence-004' twice; name it once",
    ),
    Case(
        "annotations of another data set",
        "detect trained task/features --annotations other.csv",
        "no video of the annotations (match-1) has features in task/features, which has those"
        " of sequence-001; sequence-002; sequence-003; and 2 more",
        prepare=text("other.csv", "video,start,end,label\nmatch-1,1,2,goal\n"),
    ),
    Case(
        "missing extra",
        "detect trained features.h5",
        "reading .h5 files needs the package h5py, which is not installed; install it with: "
        "pip install 'untrimmed[h5]'",
        prepare=text("features.h5", "x"),
        around=lambda world: without("h5py"),
    ),
]
