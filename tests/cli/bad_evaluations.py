"""Wrong questions to `evaluate`, and wrong submissions."""

from collections.abc import Callable
from pathlib import Path

from bad_input import Case, text

VERBS = "id,key,instances,category\n0,take,[],retrieve\n1,put,[],leave\n"
NOUNS = "id,key,instances,category\n0,tap,[],appliances\n13,cup,[],crockery\n"
FOUND = '{"results": {"P01_11": [{"label": "LABEL", "score": 0.9, "segment": [1.0, 3.0]}]}}'


def kitchen(**labels: str) -> Callable[[Path], object]:
    """To write the two files of classes into `epic`, and a file of one detection for each label."""

    def prepare(world: Path) -> None:
        text("epic/EPIC_100_verb_classes.csv", VERBS)(world)
        text("epic/EPIC_100_noun_classes.csv", NOUNS)(world)
        for name, label in labels.items():
            text(f"{name}.json", FOUND.replace("LABEL", label))(world)

    return prepare


def with_detections(world: Path) -> None:
    """The run has detections, in videos of both subsets."""
    content = (world / "detections.json").read_text().replace("sequence-005", "sequence-001")
    (world / "trained/detections.json").write_text(content)


JUDGING = [
    Case(
        "detections that are not there",
        "evaluate nothing.json task/annotations.json",
        "there is no file or run folder nothing.json; check its name",
    ),
    Case(
        "misspelt protocol",
        "evaluate detections.json task/annotations.json --protocol thumos",
        "there is no protocol thumos: give one of thumos14, multithumos, epic-kitchens-100, activitynet13, hacs; "
        "did you mean thumos14?",
    ),
    Case(
        "protocol of another data set",
        "evaluate detections.json task/annotations.json --protocol hacs",
        'the annotations have no subset "validation"; theirs are: "test", "training"',
    ),
    Case(
        "detections of another subset",
        "evaluate detections.json task/annotations.json --subset training",
        'the detections are in 2 videos, none of which is of subset "training": detect in its videos, or judge '
        "another subset",
    ),
    Case(
        "unknown label",
        "evaluate detections.json task/annotations.json --label verbs",
        "Invalid value for '--label': Value error, 'verbs' is not one of 'verb', 'noun', 'action'.",
    ),
    Case(
        "no annotations",
        "evaluate detections.json",
        "nothing says what is true of detections.json: give the file of annotations after it, or a run folder, "
        "whose recipe names one",
    ),
    Case(
        "folder that is no run",
        "evaluate task",
        "task is no run folder: it holds no recipe.yaml; give the folder of a training",
    ),
    Case(
        "run without detections",
        "evaluate trained",
        "trained holds no detections.json: make it with `untrimmed detect trained`",
    ),
    Case(
        "run with detections in two subsets",
        "evaluate trained",
        'trained/detections.json names videos of 2 subsets, "test", "training": say with --subset which is to be '
        "judged",
        prepare=with_detections,
    ),
]

SUBMISSIONS = [
    Case(
        "misspelt server",
        "submit epic-kitchens detections.json",
        "there is no server epic-kitchens: give one of activitynet, epic-kitchens-100; did you mean "
        "epic-kitchens-100?",
    ),
    Case(
        "ending that no server takes",
        "submit activitynet detections.json --out a.csv",
        "a.csv must end in .json: the servers take nothing else",
    ),
    Case("nothing to submit", "submit activitynet", "give DETECTIONS, the file to submit"),
    Case(
        "verbs for ActivityNet",
        "submit activitynet detections.json --verbs verbs.json",
        "--verbs is for epic-kitchens-100; leave it out for activitynet",
    ),
    Case(
        "one video under two names",
        "submit activitynet a.json",
        "the detections name videos both with v_ and without: sJFgo9H6zNo; keep one",
        prepare=text("a.json", '{"results": {"v_sJFgo9H6zNo": [], "sJFgo9H6zNo": []}}'),
    ),
    Case(
        "no levels of supervision",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --classes epic",
        "give --supervision PT,TL,TD, from 0 to 5 each, for pretraining, training labels and training data: the "
        "server asks for them, and only you know",
    ),
    Case(
        "level of supervision that does not exist",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --classes epic --supervision 2,3,6",
        "the supervision '2,3,6' is not PT,TL,TD: three whole numbers from 0 to 5, for pretraining, training "
        "labels and training data, like 2,3,3",
    ),
    Case(
        "no numbers of classes",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --supervision 2,3,3",
        "give --classes DIR, the folder of EPIC_100_verb_classes.csv and EPIC_100_noun_classes.csv",
    ),
    Case(
        "folder without the numbers of classes",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --supervision 2,3,3 --classes task",
        "task/EPIC_100_verb_classes.csv cannot be read: no such file or directory",
    ),
    Case(
        "file of classes with other columns",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --supervision 2,3,3 --classes epic",
        "epic/EPIC_100_verb_classes.csv, line 2: it must give a class as id,key, the id a whole number",
        prepare=text("epic/EPIC_100_verb_classes.csv", "verb_id,verb\n0,take\n"),
    ),
    Case(
        "verbs alone",
        "submit epic-kitchens-100 --verbs verbs.json --supervision 2,3,3 --classes epic",
        "give --verbs FILE and --nouns FILE, or DETECTIONS of actions: the server judges both",
        prepare=kitchen(verbs="take"),
    ),
    Case(
        "actions, and verbs too",
        "submit epic-kitchens-100 actions.json --verbs verbs.json --supervision 2,3,3 --classes epic",
        "give either DETECTIONS of actions, or --verbs and --nouns (with --pairs), not both",
        prepare=kitchen(actions="take cup", verbs="take"),
    ),
    Case(
        "verb that does not exist",
        "submit epic-kitchens-100 --verbs verbs.json --nouns nouns.json --supervision 2,3,3 --classes epic",
        '"tkae" is none of the 2 verbs of EPIC-KITCHENS-100; did you mean take?',
        prepare=kitchen(verbs="tkae", nouns="cup"),
    ),
    Case(
        "verbs where nouns are meant",
        "submit epic-kitchens-100 --verbs verbs.json --nouns verbs.json --supervision 2,3,3 --classes epic",
        '"take" is none of the 2 nouns of EPIC-KITCHENS-100[...]',
        prepare=kitchen(verbs="take"),
    ),
    Case(
        "class that is no action",
        "submit epic-kitchens-100 actions.json --supervision 2,3,3 --classes epic",
        'the class "take" is no action: a verb, a space and a noun, like "take cup"',
        prepare=kitchen(actions="take"),
    ),
    Case(
        "scores below 0",
        "submit epic-kitchens-100 --verbs verbs.csv --nouns nouns.json --supervision 2,3,3 --classes epic",
        "verbs.csv has 1 scores below 0, which cannot be joined with others; give probabilities",
        prepare=lambda world: [
            kitchen(nouns="cup")(world),
            text("verbs.csv", "video,start,end,label,score\nP01_11,1,2,take,-0.5\n")(world),
        ],
    ),
]
