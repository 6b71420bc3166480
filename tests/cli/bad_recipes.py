"""Wrong usage and wrong recipes."""

import json
from pathlib import Path

from bad_input import Case, changed, text
from safetensors import safe_open
from safetensors.torch import save_file

TAKING = """\
from untrimmed.config.encoders import EncoderSection
from untrimmed.plugins import add_encoder
class Own(EncoderSection): kind: __import__("typing").Literal["gmg"] = "gmg"
add_encoder(Own, print)
"""


def of_a_stranger(world: Path) -> None:
    """To make of the trained model one of a kind that a plugin of somebody else's adds."""
    recipe = world / "trained" / "recipe.yaml"
    before = recipe.read_text()
    recipe.write_text(
        before.replace("plugins: []", "plugins: [strangers_encoder]").replace("kind: gmg", "kind: gmh")
    )
    model = world / "trained" / "last.safetensors"
    with safe_open(model, framework="pt") as file:
        header, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    content = json.loads(header["untrimmed"])
    content["recipe"]["plugins"] = ["strangers_encoder"]
    content["recipe"]["model"]["encoder"]["kind"] = "gmh"
    save_file(weights, model, metadata={"untrimmed": json.dumps(content)})


USAGE = [
    Case("misspelt command", "detct run task/features", "No such command 'detct'.[...]"),
    Case("missing argument", "train", "Missing argument 'RECIPE'."),
    Case(
        "no features to detect in, and a recipe without a test subset",
        "detect trained",
        "the recipe names no protocol, and so no test subset: say which with --subset, or give the features to "
        "detect in",
    ),
    Case(
        "detecting in the data of a run, of a checkpoint",
        "detect trained/last.safetensors",
        "trained/last.safetensors is no run folder: it holds no recipe.yaml; give the folder of a training",
    ),
    Case(
        "annotations without features",
        "detect trained --annotations task/annotations.json",
        "--annotations, --label and --videos belong to feature files: give some INPUT",
    ),
    Case(
        "durations without annotations",
        "detect trained task/features --videos task/annotations.json",
        "--videos needs --annotations, which says what videos there are",
    ),
    Case("unknown flag", "detect trained task/features --outt x.json", "No such option: --outt[...]"),
    Case(
        "number out of its range",
        "detect trained task/features --min-score 2",
        "Invalid value for '--min-score': [...]",
    ),
    Case(
        "subset without annotations",
        "detect trained task/features --subset test",
        "--subset needs --annotations, which says what videos there are",
    ),
    Case(
        "unknown device",
        "detect trained task/features --device gpu",
        "there is no device gpu: give cpu, cuda, or auto",
    ),
    Case(
        "device that is not there",
        "detect trained task/features --device cuda:99",
        "the device cuda:99 is not there or cannot be used: give cpu, or auto",
    ),
]

RECIPES = [
    Case(
        "misspelt recipe",
        "train dmeo",
        "there is no recipe dmeo: give a YAML file or one of [...]; did you mean demo?",
    ),
    Case(
        "misspelt key",
        "train tiny.yaml model.chanels=32",
        "tiny.yaml: model.chanels is not a key of a recipe; did you mean model.channels?",
    ),
    Case(
        "key in the wrong section",
        "train tiny.yaml training.levels=4",
        "tiny.yaml: training.levels is not a key of a recipe; did you mean model.levels?",
    ),
    Case(
        "wrong type",
        "train tiny.yaml training.epochs=many",
        'tiny.yaml: training.epochs is "many", but must be a whole number at least 1',
    ),
    Case(
        "number out of its range",
        "train tiny.yaml training.weight_decay=-1",
        "tiny.yaml: training.weight_decay is -1, but must be a number at least 0",
    ),
    Case(
        "unknown kind of encoder",
        "train tiny.yaml model.encoder.kind=gmgg",
        'tiny.yaml: model.encoder.kind is "gmgg", but must be one of [...]; did you mean gmg?',
    ),
    Case(
        "kind of encoder that no plugin has added",
        "train tiny.yaml model.encoder.kind=mine",
        'tiny.yaml: model.encoder.kind is "mine", but must be one of [...]; a module that adds another one '
        "belongs into plugins",
    ),
    Case(
        "key that another kind of encoder has",
        "train tiny.yaml model.encoder.kind=max_pooling model.encoder.heads=2",
        "tiny.yaml: model.encoder.heads is not a key of a recipe; model.encoder of kind max_pooling has the keys "
        "kind",
    ),
    Case(
        "plugin that is nowhere",
        "train tiny.yaml plugins=[my_encoder]",
        "tiny.yaml: there is no module my_encoder for the plugin my_encoder; install its package, or put its "
        "file into the working directory",
    ),
    Case(
        "plugin that is named as a file",
        "train tiny.yaml plugins=[my_encoder.py]",
        "tiny.yaml: 'my_encoder.py' is no plugin: name the module, as in my_encoders for my_encoders.py",
    ),
    Case(
        "plugin that fails",
        "train tiny.yaml plugins=[failing_encoder]",
        "tiny.yaml: the plugin failing_encoder fails while it is imported at [...]failing_encoder.py:2: "
        "ZeroDivisionError: division by zero",
        prepare=text("failing_encoder.py", "import math\n1 / 0\n"),
        writes=("__pycache__",),
    ),
    Case(
        "plugin whose encoder has a name that is taken",
        "train tiny.yaml plugins=[taking_encoder]",
        "tiny.yaml: the plugin taking_encoder fails while it is imported at [...]taking_encoder.py:4: "
        "ValueError: the kind gmg of taking_encoder.Own is taken by untrimmed.config.encoders.GMGSection; choose "
        "another name",
        prepare=text("taking_encoder.py", TAKING),
        writes=("__pycache__",),
    ),
    Case(
        "model that needs a plugin which was not named",
        "detect trained task/features",
        "the recipe in trained/last.safetensors needs the plugin strangers_encoder (model.encoder.kind is gmh); "
        "to import it is to run it, so say that you trust it: --plugin strangers_encoder, or in Python "
        'plugins=["strangers_encoder"]',
        prepare=of_a_stranger,
    ),
    Case(
        "run folder that needs a plugin which was not named",
        "evaluate trained task/annotations.json",
        "trained/recipe.yaml needs the plugin strangers_encoder (model.encoder.kind is gmh); to import it is to "
        "run it, so say that you trust it: --plugin strangers_encoder, or in Python "
        'plugins=["strangers_encoder"]',
        prepare=of_a_stranger,
    ),
    Case(
        "plugin of a model that is nowhere",
        "detect trained task/features --plugin my_encoder",
        "the recipe in trained/last.safetensors: there is no module my_encoder for the plugin my_encoder; "
        "install its package, or put its file into the working directory",
    ),
    Case(
        "several mistakes at once",
        "train tiny.yaml epochs=3 model.channels=20 data.raw=1 training.seed=null",
        "tiny.yaml has 4 mistakes:\n"
        "  data.raw is 1, but must be true or false\n"
        "  model.channels is 20, but must be a whole number at least 1 and divisible by 16\n"
        "  training.seed is null, but must be a whole number at least 0\n"
        "  epochs is not a key of a recipe; did you mean training.epochs?",
    ),
    Case(
        "keys that fit no value together",
        "train tiny.yaml training.warmup_epochs=5",
        "tiny.yaml: training: warmup_epochs is 5, but must be at most 2 epochs",
    ),
    Case(
        "two ways to validate",
        "train tiny.yaml data.validation_subset=test data.hold_out.folds=3",
        "tiny.yaml: data: give either validation_subset or hold_out, not both",
    ),
    Case(
        "tIoU in the wrong order",
        "train tiny.yaml evaluation.tiou=0.7:0.3:0.1",
        'tiny.yaml: evaluation.tiou: tIoU thresholds "0.7:0.3:0.1" are no range: write '
        "start:stop:step with the start below the stop and a step above 0, like 0.3:0.7:0.1",
    ),
    Case(
        "change without a value",
        "train tiny.yaml training.epochs",
        "'training.epochs' changes nothing in a recipe: write it as section.key=value",
    ),
    Case(
        "change with a broken value",
        "train tiny.yaml training.crop_ratio=[0.9",
        "the value of 'training.crop_ratio=[0.9' is not valid YAML; is a bracket or a quote not closed?",
    ),
    Case(
        "keys that must be given",
        "train hapt",
        "hapt has 2 mistakes:\n"
        "  data.annotations is not set; give it in the file or as data.annotations=VALUE\n"
        "  data.features is not set; give it in the file or as data.features=VALUE",
    ),
    Case(
        "broken YAML",
        "train tiny.yaml",
        "tiny.yaml is not valid YAML at line 8, column 10: [...]",
        prepare=changed("tiny.yaml", "hidden: 16}", "hidden: 16"),
    ),
    Case(
        "key that stands twice",
        "train tiny.yaml",
        "tiny.yaml is not valid YAML at line 6, column 3: found duplicate key channels",
        prepare=changed("tiny.yaml", "  levels: 2", "  channels: 2"),
    ),
    Case(
        "section with a single value",
        "train tiny.yaml training=5",
        "tiny.yaml: training is 5, but must be a section with keys such as epochs, warmup_epochs, batch_size",
    ),
    Case(
        "recipe that is a list",
        "train list.yaml",
        "list.yaml is not a recipe: its top level must hold sections such as data and model",
        prepare=text("list.yaml", "- model\n- data\n"),
    ),
    Case(
        "recipe with code in it",
        "train evil.yaml",
        "evil.yaml is not valid YAML at line 1, column 7: [...]",
        prepare=text("evil.yaml", "data: !!python/object/apply:os.system ['touch ran']\n"),
    ),
    Case(
        "more GPUs than there are",
        "train tiny.yaml training.accelerator=cuda training.devices=64 training.batch_size=64",
        "training.accelerator is cuda and training.devices 64, but this machine has [...] "
        "GPUs that can be used; change one of them, or the accelerator to auto",
    ),
]
