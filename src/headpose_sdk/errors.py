"""The errors about images, boxes, models, devices, outputs and data sets.

Each one says what was wrong, with which file or argument, and what to do next. Those that mean the same as a
builtin inherit from it as well, so that ``except ValueError`` or ``except FileNotFoundError`` works as expected.
A call that is wrong by itself, whatever the files and the machine, is a mistake in the program and raises what Python
does: plain ValueError for a value that cannot be (a device name, threads, batch_size, score_threshold), TypeError for
a value of the wrong type::

    HeadPoseError
    ├── InvalidImageError (ValueError)            the array or the file is not a usable picture
    ├── InvalidBoxError (ValueError)              a face box is not finite, is empty, or lies outside the picture
    ├── VideoError (OSError)                      a video or camera cannot be read, or not to its end
    ├── DatasetError (ValueError)                 a data set or its manifest is incomplete or wrong
    ├── RenderError (RuntimeError)                heads cannot be drawn on this machine
    ├── TrainingError (RuntimeError)              a training cannot start there, go on, or come to an end
    ├── OutputError (OSError)                     a result could not be written
    ├── ProviderError (RuntimeError)              the device asked for does not work here
    └── ModelError                                something about the weights
        ├── UnknownModelError (ValueError)        no model of that name
        ├── ModelNotFoundError (FileNotFoundError)  the folder or one of its files is missing
        ├── ModelDownloadError (ConnectionError)  the Hub could not be reached, or refused
        └── ModelIntegrityError (ValueError)      config.json or the weights are damaged, or do not fit each other
"""

from __future__ import annotations


class HeadPoseError(Exception):
    """Base of the errors about images, boxes, models, devices, outputs and data sets."""


class InvalidImageError(HeadPoseError, ValueError):
    """The array or the file is not a usable picture."""


class InvalidBoxError(HeadPoseError, ValueError):
    """A face box is not finite, is empty, or lies wholly outside the picture."""


class VideoError(HeadPoseError, OSError):
    """A video, camera or stream cannot be opened, or not be read to its end."""


class DatasetError(HeadPoseError, ValueError):
    """A data set or its manifest is incomplete or wrong."""


class RenderError(HeadPoseError, RuntimeError):
    """Heads cannot be drawn on this machine: OpenGL without a display is missing, or a process was killed."""


class TrainingError(HeadPoseError, RuntimeError):
    """A training cannot start in that folder, cannot go on from that checkpoint, or does not converge."""


class OutputError(HeadPoseError, OSError):
    """A result could not be written."""


class ProviderError(HeadPoseError, RuntimeError):
    """The device or execution provider that was asked for does not work on this machine."""


class ModelError(HeadPoseError):
    """Something about a model's files; the subclasses say what."""


class UnknownModelError(ModelError, ValueError):
    """No model of that name exists."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """A model folder, its config.json or its weights are missing."""


class ModelDownloadError(ModelError, ConnectionError):
    """The weights could not be fetched from the Hub."""


class ModelIntegrityError(ModelError, ValueError):
    """A model's config.json or weights are damaged, do not fit each other, or answer NaN."""


def first_line(error: BaseException) -> str:
    """What another library's error says, short enough for a message of ours: its first line, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
