"""The errors that a user can mend: each is one sentence that says what is wrong and what to do."""


class UntrimmedError(Exception):
    """Base of all errors that are reported without a traceback; the command line exits with code 1."""

    exit_code = 1


class InputError(UntrimmedError):
    """Something given by the user is wrong: a file, a key, a value. The command line exits with code 2."""

    exit_code = 2


class MissingExtraError(InputError):
    """A feature needs a package that is only installed with an extra."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed; "
            f"install it with: pip install 'untrimmed[{extra}]'"
        )
