"""Every error that srgan raises on purpose.

    SRGANError
    ├── UsageError        an argument has no meaning (command line: exit status 2)
    ├── ImageRefused      an input is not a picture or video that can be read
    ├── LimitExceeded     a picture is larger than a limit that protects the machine
    ├── OutputFailed      a result could not be written
    ├── ModelRefused      a model is unknown, or its weights file is damaged or foreign
    ├── RuntimeFailed     the network could not be run, or gave values that are no picture
    ├── Cancelled         the caller asked to stop
    ├── DataRefused       training or test data that cannot be used
    └── TrainingStopped   a training run that must not go on

The message of each says what is wrong and how to mend it, in one line. ``SRGANWarning``, one of
Python's warnings, is no error: there is a result.
"""


class SRGANError(Exception):
    """Base of all errors that srgan raises on purpose."""


class UsageError(SRGANError, ValueError):
    """An argument has no meaning, such as a scale of 0."""


class ImageRefused(SRGANError):
    """An input is not a picture or video that can be read, or none that the model takes."""


class LimitExceeded(SRGANError):
    """A picture is larger than a limit; the message names the limit and its flag."""


class OutputFailed(SRGANError):
    """A result could not be written; whatever stood there before is untouched."""


class ModelRefused(SRGANError):
    """A model is unknown, or its weights file is damaged, foreign or of another shape."""


class RuntimeFailed(SRGANError):
    """The network could not be run, or gave values that are no picture."""


class Cancelled(SRGANError):
    """The caller asked to stop; nothing was written."""


class DataRefused(SRGANError):
    """Training or test data that cannot be used."""


class TrainingStopped(SRGANError):
    """A training run that must not go on; the last good checkpoint is kept."""


class SRGANWarning(UserWarning):
    """Something of an input was made up or is not in the result, which is whole otherwise."""
