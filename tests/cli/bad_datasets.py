"""Wrong data sets: features that do not fit the annotations, and what cannot be planted."""

from pathlib import Path

import numpy as np
from bad_features import FIRST, array, with_nan
from bad_input import Case, changed, cut, text

#: What tiny.yaml leaves to the manifest of its features.
SAID = "data.stride=1 data.window=1 data.dimension=24 data.fps=10"


def renamed(world: Path) -> None:
    """Other names for all feature files."""
    for path in (world / "task/features").glob("*.npy"):
        path.rename(path.with_name(f"v_{path.name}"))


def other_features(world: Path) -> None:
    (world / "made").mkdir()
    np.save(world / "made/sequence-001.npy", np.zeros((5, 24)))


DATASETS = [
    Case(
        "misspelt data set",
        "datasets list thumos",
        "there is no data set thumos: give one of thumos14, multithumos, epic-kitchens-100, activitynet13, hacs, "
        "or a recipe of one; did you mean thumos14?",
    ),
    Case(
        "video without features",
        "datasets check tiny.yaml",
        "the features are not complete: of 5 videos 1 have no features; see the table above",
        prepare=lambda world: (world / FIRST).unlink(),
    ),
    Case(
        "file that is cut short",
        "datasets check tiny.yaml",
        "the features are not complete: of 5 videos 1 cannot be read; see the table above",
        prepare=cut(FIRST),
    ),
    Case(
        "vectors of another dimension",
        "datasets check tiny.yaml",
        "the features are not complete: of 5 videos 1 have another dimension; see the table above",
        prepare=array(FIRST, lambda a: a[:, :10]),
    ),
    Case(
        "NaN",
        "datasets check tiny.yaml --read",
        "the features are not complete: of 5 videos 1 hold NaN or infinity; see the table above",
        prepare=array(FIRST, with_nan),
    ),
    Case(
        "features of another rate",
        "datasets check tiny.yaml",
        "the features are not complete: of 5 videos 5 differ in length from their video, 5 have "
        "actions after their features; see the table above",
        prepare=changed("task/features/features.yaml", "fps: 10", "fps: 25"),
    ),
    Case(
        "names with a prefix",
        "datasets check tiny.yaml data.pattern={video}-rgb",
        "no file of task/features fits the pattern '{video}-rgb'; it holds 6 files: features.yaml, "
        "v_sequence-001.npy, v_sequence-002.npy, v_sequence-003.npy, v_sequence-004.npy, ...; with "
        "data.pattern=v_{video} 5 of them belong to annotated videos",
        prepare=renamed,
    ),
    Case(
        "unknown subset",
        "datasets check tiny.yaml --subset tset",
        'the annotations have no subset "tset"; theirs are: "test", "training"',
    ),
    Case(
        "benchmark without the subset that is judged",
        "datasets check tiny.yaml evaluation.protocol=hacs",
        'the annotations have no subset "validation"; theirs are: "test", "training"',
    ),
    Case(
        "broken annotations",
        "datasets check tiny.yaml",
        "task/annotations.json is not valid JSON at line 8, column 575: [...]",
        prepare=cut("task/annotations.json"),
    ),
    Case(
        "no folder for what is made",
        "datasets synthesise tiny.yaml",
        "Missing option '--out'.",
    ),
    Case(
        "recipe that does not say what the features are",
        "datasets synthesise tiny.yaml --out made",
        "the recipe does not say data.stride, data.window, data.dimension, so it is not known what the features "
        "are to be; give them as data.stride=VALUE",
    ),
    Case(
        "raw signals",
        f"datasets synthesise tiny.yaml {SAID} data.raw=true --out made",
        "data.raw is true, but only feature vectors can be planted, no raw signals",
    ),
    Case(
        "no frame rate",
        f"datasets synthesise tiny.yaml {SAID} data.annotations=a.csv data.fps=null --out made",
        "no frame rate is known of the 1 videos: give data.fps, or data.videos, a file that says the rates of "
        "the videos",
        prepare=text("a.csv", "video,start,end,label,subset\nv1,1,2,Dive,training\n"),
    ),
    Case(
        "dimension that sources cannot share",
        f"datasets synthesise tiny.yaml {SAID} data.dimension=25 data.features=[rgb,flow] --out made",
        "data.features names 2 sources, over which a data.dimension of 25 and 2 patterns cannot be divided "
        "evenly; give one, or as many",
    ),
    Case(
        "another format in the pattern",
        f"datasets synthesise tiny.yaml {SAID} data.pattern={{video}}.npz --out made",
        "data.pattern is '{video}.npz', but planted features are .npy files: leave the extension out of it",
    ),
    Case(
        "folder with other features",
        f"datasets synthesise tiny.yaml {SAID} --out made",
        "made holds other features; choose another --out, or remove them with features.yaml",
        prepare=other_features,
    ),
    Case(
        "more features than the disk has room for",
        f"datasets synthesise tiny.yaml {SAID} data.dimension=999999999 --out made",
        "the features take [...] GB, but [...] GB left: choose another --out, fewer --videos or --dtype float16",
    ),
    Case(
        "difficulty out of its range",
        f"datasets synthesise tiny.yaml {SAID} --difficulty 2 --out made",
        "Invalid value for '--difficulty': [...]",
    ),
    Case(
        "file instead of a folder",
        f"datasets synthesise tiny.yaml {SAID} --out tiny.yaml",
        "tiny.yaml is a file; give a folder for the features",
    ),
]
