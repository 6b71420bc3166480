"""Small files of annotations in the layouts of the benchmarks: two videos to learn from and two to test on."""

import json
from pathlib import Path

import numpy as np

#: Seconds of each video; a training step then stays within a second or two.
SECONDS = 16.0


def instances(video: int, classes: int) -> list[tuple[int, float, float]]:
    """Class number, start and end of the action instances of a video."""
    random = np.random.default_rng(video)
    starts = np.arange(1.0, SECONDS - 4, 4.0)
    return [(int(random.integers(classes)), float(start), float(start + 2.5)) for start in starts]


def activitynet_json(path: Path, names: list[str], subsets: list[str], **of_video: object) -> list[str]:
    """ActivityNet's layout, with classes `Class 0`, `Class 1` ...; changes for `data`."""
    database = {
        name: {
            "subset": subset,
            "duration": SECONDS,
            **of_video,
            "annotations": [
                {"segment": [start, end], "label": f"Class {label}"} for label, start, end in instances(number, 4)
            ],
        }
        for number, (name, subset) in enumerate(zip(names, subsets, strict=True))
    }
    path.write_text(json.dumps({"database": database}))
    return [f"data.annotations={path}"]


def thumos14(folder: Path) -> list[str]:
    names = [f"video_{part}_000000{n}" for part in ("validation", "test") for n in (1, 2)]
    return activitynet_json(folder / "thumos14.json", names, ["Validation"] * 2 + ["Test"] * 2, fps=30.0)


def multithumos(folder: Path) -> list[str]:
    names = [f"video_{part}_000000{n}" for part in ("validation", "test") for n in (1, 2)]
    content = {
        name: {
            "subset": "training" if number < 2 else "testing",
            "duration": SECONDS,
            "actions": [[label + 1, start, end] for label, start, end in instances(number, 65)],
        }
        for number, name in enumerate(names)
    }
    (folder / "multithumos.json").write_text(json.dumps(content))
    thumos14(folder)
    return [f"data.annotations={folder / 'multithumos.json'}", f"data.videos={folder / 'thumos14.json'}"]


def epic_kitchens(folder: Path) -> list[str]:
    own = folder / "epic"
    own.mkdir()
    header = (
        "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
        "stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes"
    )
    for number, part in enumerate(("train", "validation")):
        lines = [header]
        for video in (2 * number, 2 * number + 1):
            for row, (label, start, end) in enumerate(instances(video, 4)):
                times = ",".join(f"00:00:{second:05.2f}" for second in (start, start, end))
                labels = f"take tap,take,{label},tap,{label},['tap'],[0]"
                lines.append(f"P01_0{video}_{row},P01,P01_0{video},{times},1,2,{labels}")
        (own / f"EPIC_100_{part}.csv").write_text("\n".join(lines) + "\n")
    for kind, count in (("verb", 97), ("noun", 300)):
        rows = "\n".join(f"{number},{kind} {number},['x'],y" for number in range(count))
        (own / f"EPIC_100_{kind}_classes.csv").write_text(f"id,key,instances,category\n{rows}\n")
    rows = "\n".join(f"P01_0{video},{SECONDS},59.94,1920x1080" for video in range(4))
    (own / "EPIC_100_video_info.csv").write_text(f"video_id,duration,fps,resolution\n{rows}\n")
    return [f"data.annotations={own}"]


def activitynet13(folder: Path) -> list[str]:
    subsets = ["training"] * 2 + ["validation"] * 2
    return activitynet_json(folder / "activitynet.json", ["a1", "a2", "v_3", "a4"], subsets)


def hacs(folder: Path) -> list[str]:
    subsets = ["training"] * 2 + ["validation"] * 2
    changes = activitynet_json(folder / "hacs.json", ["h1", "h2", "h3", "h4"], subsets)
    content = json.loads((folder / "hacs.json").read_text())
    for video in content["database"].values():
        video["duration"] = str(video["duration"])
    (folder / "hacs.json").write_text(json.dumps(content))
    return changes


#: By the name of the protocol: what writes its annotations into a folder and tells the changes to a recipe.
ANNOTATIONS = {
    "thumos14": thumos14,
    "multithumos": multithumos,
    "epic-kitchens-100": epic_kitchens,
    "activitynet13": activitynet13,
    "hacs": hacs,
}
