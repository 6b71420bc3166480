"""Wrong grids, and sweeps that cannot be made."""

from bad_input import Case, text
from surroundings import locked, without

GRID = "base: tiny.yaml\ngrid:\n  model.levels: [1, 2]\n"

SWEEPS = [
    Case(
        "misspelt table",
        "sweep tabel-6",
        "there is no grid tabel-6: give a YAML file or one of [...]; did you mean table-6?",
    ),
    Case(
        "grid where a recipe must be",
        "train table-6",
        "table-6 is a grid of recipes, not one: run it with `untrimmed sweep table-6`",
    ),
    Case(
        "recipe where a grid must be",
        "sweep hapt",
        "hapt holds no grid; give one of [...] with --base hapt",
    ),
    Case(
        "file without a grid",
        "sweep tiny.yaml",
        "tiny.yaml holds no grid; give it one, or train it with `untrimmed train tiny.yaml`",
    ),
    Case(
        "several mistakes in a grid",
        "sweep grid.yaml",
        "grid.yaml has 5 mistakes:\n"
        '  measure is "speed", but must be one of accuracy, cost\n'
        "  grid.model.chanels lists values, but model.chanels is not a key of a recipe; did you mean "
        "model.channels?\n"
        "  grid.size.small is 16, but must be a section of changes, such as {model.levels: 4}\n"
        "  grid.model.levels lists 2 twice\n"
        "  grid.training.seed.1 sets training.seed; how many seeds a cell has is said with --seeds",
        prepare=text(
            "grid.yaml",
            "base: tiny.yaml\nmeasure: speed\ngrid:\n  model.chanels: [16]\n  size: {small: 16}\n"
            "  model.levels: [2, 2]\n  training.seed: [1]\n",
        ),
    ),
    Case(
        "mistakes in the recipes of a grid",
        "sweep grid.yaml training.epoch=3",
        "grid.yaml has 2 mistakes:\n"
        "  training.epoch is not a key of a recipe; did you mean training.epochs?\n"
        "  cell 0: model.levels is 0, but must be a whole number at least 1",
        prepare=text("grid.yaml", "base: tiny.yaml\ngrid:\n  model.levels: [0, 1]\n"),
    ),
    Case(
        "two axes that set one key",
        "sweep grid.yaml",
        "grid.yaml: grid.model.levels and grid.size both set model.levels",
        prepare=text("grid.yaml", f"{GRID}  size: {{small: {{model.levels: 1}}}}\n"),
    ),
    Case(
        "change of what the grid changes",
        "sweep grid.yaml model.levels=3",
        "grid.yaml: model.levels=3 would change nothing, because the grid sets model.levels; leave it out",
        prepare=text("grid.yaml", GRID),
    ),
    Case(
        "sweep without a test subset",
        "sweep grid.yaml",
        "the recipe names no protocol, and so no test subset: say which to judge on with --subset",
        prepare=text("grid.yaml", GRID),
    ),
    Case(
        "sweep on a subset that is not there",
        "sweep grid.yaml --subset tset",
        'the annotations have no subset "tset"; theirs are: "test", "training"',
        prepare=text("grid.yaml", GRID),
    ),
    Case(
        "sweep into a place that may not be written",
        "sweep grid.yaml --subset test --out locked/table",
        "locked/table/table.csv cannot be written: permission denied; choose another place",
        prepare=text("grid.yaml", GRID),
        around=locked,
    ),
    Case(
        "sweep on Ray without Ray",
        "sweep grid.yaml --subset test --engine ray",
        "--engine ray needs the package ray, which is not installed; install it with: "
        "pip install 'untrimmed[ray]'",
        prepare=text("grid.yaml", GRID),
        around=lambda world: without("ray"),
    ),
    Case(
        "seeds where nothing is trained",
        "sweep table-15 --seeds 3",
        "--seeds belongs to grids whose runs are trained; this one measures cost: leave it out",
    ),
    Case(
        "cost of a network whose input nobody knows",
        "sweep table-15 --base hapt",
        "the recipe does not say data.dimension: say with --input-dim how long a feature vector is",
    ),
]
