"""Wrong usage and wrong recipes."""

from bad_input import Case, changed, text

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
        'tiny.yaml: model.encoder.kind is "gmgg", but must be gmg',
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
