"""The five benchmarks: where their annotations and features are to be had, under which terms, how large they are.

What the features are (dimension, rate, stride, window) and where they are looked for stands in the recipes.
Videos, instances and hours were counted in the annotation files, where nothing else is said.
"""

from dataclasses import dataclass

NOT_STATED = "not stated"

_ACTIONFORMER = "linked from the README of github.com/happyharrycn/actionformer_release"
_VIDEOMAE = "th14_mae_g_16_4.tar.gz, linked from docs/TAD.md of github.com/OpenGVLab/VideoMAEv2"
_TRIDET = "linked from the README of github.com/dingfengshi/TriDet"


@dataclass(frozen=True)
class FeatureSet:
    """Features that a recipe is for.

    Attributes:
        recipe: its name.
        encoder: what made the features.
        source: where they are published.
        files: what a file is.
        note: what else must be known, "" for nothing.
    """

    recipe: str
    encoder: str
    source: str
    files: str
    note: str = ""


@dataclass(frozen=True)
class Dataset:
    """A benchmark.

    Attributes:
        name: of its protocol, see evaluation.protocols.
        title: as papers write it.
        classes: how many.
        training: its training subset: videos and instances.
        judged: the same of the subset that is judged.
        hours: of video in both.
        annotations: the file or folder.
        source: where that is to be had.
        licence: of the annotations.
        features: what recipes are for.
        note: what else must be known, "" for nothing.
    """

    name: str
    title: str
    classes: str
    training: str
    judged: str
    hours: str
    annotations: str
    source: str
    licence: str
    features: tuple[FeatureSet, ...]
    note: str = ""


THUMOS14 = Dataset(
    name="thumos14",
    title="THUMOS14",
    classes="20",
    training="200 videos, 3,007 instances",
    judged="212 videos, 3,358 instances",
    hours="24",
    annotations="thumos14.json (ActivityNet's layout, with the frame rate of each video)",
    source=f"in the archive with the I3D features, {_ACTIONFORMER}; the official text files: "
    "www.crcv.ucf.edu/THUMOS14/download.html",
    licence=NOT_STATED,
    features=(
        FeatureSet(
            "thumos14-i3d",
            "I3D, RGB and flow, pre-trained on Kinetics",
            f"thumos.tar.gz, {_ACTIONFORMER}",
            "VIDEO.npy, (T, 2048): 1024 values of RGB, then 1024 of flow",
        ),
        FeatureSet(
            "thumos14-videomaev2",
            "VideoMAEv2-g",
            _VIDEOMAE,
            "VIDEO.npy, (T, 1408)",
        ),
        FeatureSet(
            "thumos14-internvideo2",
            "InternVideo2-6B, 7th layer",
            "linked from video-mamba-suite/temporal-action-localization/README.md of "
            "github.com/OpenGVLab/video-mamba-suite",
            "VIDEO.pt, a tensor (T, 3200)",
            "a split archive: join its parts with cat before unpacking",
        ),
    ),
    note="the training subset is THUMOS14's validation subset: its own training videos are trimmed",
)

MULTITHUMOS = Dataset(
    name="multithumos",
    title="MultiTHUMOS",
    classes="65",
    training="200 videos, 18,482 instances",
    judged="213 videos, 20,208 instances",
    hours="24",
    annotations="multithumos.json, or the folder of the authors' text files; and data.videos, a file of THUMOS14 "
    "with the frame rates",
    source="multithumos.tar.gz, linked from the README of github.com/TuanTNG/TemporalMaxer",
    licence=NOT_STATED,
    features=(
        FeatureSet(
            "multithumos-i3d-rgb",
            "I3D, RGB, pre-trained on Kinetics",
            NOT_STATED,
            "VIDEO.npy, (T, 1024)",
            "the first 1024 values of the features of multithumos-i3d are of this stream",
        ),
        FeatureSet(
            "multithumos-i3d",
            "I3D, RGB and flow, pre-trained on Kinetics",
            f"those of THUMOS14: thumos.tar.gz, {_ACTIONFORMER}",
            "VIDEO.npy, (T, 2048): 1024 values of RGB, then 1024 of flow",
        ),
        FeatureSet(
            "multithumos-videomaev2",
            "VideoMAEv2-g",
            f"those of THUMOS14: {_VIDEOMAE}",
            "VIDEO.npy, (T, 1408)",
        ),
    ),
    note="the videos are those of THUMOS14; one, video_test_0001292, is not in thumos14.json, so that its frame "
    "rate is not known",
)

_EPIC_FEATURES = (
    "SlowFast, trained on the actions of the training subset",
    f"epic_kitchens.tar.gz, {_ACTIONFORMER}",
    "VIDEO.npz, its array feats (T, 2304)",
)
EPIC_KITCHENS = Dataset(
    name="epic-kitchens-100",
    title="EPIC-KITCHENS-100",
    classes="97 verbs, 300 nouns",
    training=NOT_STATED,
    judged="138 videos, 9,668 instances",
    hours="100 (all 700 videos, the test subset included)",
    annotations="a folder with EPIC_100_train.csv, EPIC_100_validation.csv, EPIC_100_verb_classes.csv, "
    "EPIC_100_noun_classes.csv, EPIC_100_video_info.csv",
    source="github.com/epic-kitchens/epic-kitchens-100-annotations",
    licence="CC BY-NC 4.0: no commercial use",
    features=(
        FeatureSet("epic-verb-slowfast", *_EPIC_FEATURES),
        FeatureSet("epic-noun-slowfast", *_EPIC_FEATURES),
    ),
    note="a detector is trained for the verbs and another for the nouns, on the same features",
)

ACTIVITYNET = Dataset(
    name="activitynet13",
    title="ActivityNet-1.3",
    classes="200",
    training="10,024 videos, 15,410 instances",
    judged="4,926 videos, 7,654 instances",
    hours="488 (849 with the test videos, says the paper)",
    annotations="activity_net.v1-3.min.json (ActivityNet's layout)",
    source=f"activity-net.org; also in the archive with the TSP features, {_ACTIONFORMER}",
    licence=NOT_STATED,
    features=(
        FeatureSet(
            "activitynet-tsp",
            "R(2+1)D-34, pre-trained with TSP on ActivityNet",
            f"anet_1.3.tar.gz, with the scores of a classifier of whole videos, {_ACTIONFORMER}",
            "v_VIDEO.npy, (T, 512)",
        ),
        FeatureSet(
            "activitynet-i3d",
            "I3D, RGB and flow",
            NOT_STATED,
            "v_VIDEO.npy, (T, 2048)",
        ),
    ),
    note="some videos cannot be had any more; figures are comparable only on the same videos",
)

HACS = Dataset(
    name="hacs",
    title="HACS",
    classes="200",
    training="37,613 videos (the authors' README, v1.1.1)",
    judged="5,981 videos (the authors' README, v1.1.1)",
    hours=NOT_STATED,
    annotations="HACS_segments_v1.1.1.json (ActivityNet's layout)",
    source="github.com/hangzhaomit/HACS-dataset",
    licence=NOT_STATED,
    features=(
        FeatureSet(
            "hacs-i3d",
            "I3D, RGB",
            f"hacs_segments_features.zip, {_TRIDET}",
            "VIDEO.npy, (T, 2048)",
            "the archive has a folder for each subset: give the folder that holds these",
        ),
        FeatureSet(
            "hacs-slowfast",
            "SlowFast-101, trained on HACS",
            "linked from the README of github.com/qinzhi-0110/Temporal-Context-Aggregation-Network-Pytorch",
            "VIDEO.pkl, an array (T, 2304)",
            "there is a folder for each subset: give the folder that holds these",
        ),
    ),
)

DATASETS = (THUMOS14, MULTITHUMOS, EPIC_KITCHENS, ACTIVITYNET, HACS)
