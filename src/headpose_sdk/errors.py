"""Every error that headpose_sdk raises on purpose.

Each one says what was wrong, with which file or argument, and what to do next. Those that mean the same as a
builtin inherit from it as well, so that ``except ValueError`` or ``except FileNotFoundError`` works as expected::

    HeadPoseError
    ├── InvalidImageError (ValueError)            the array or the file is not a usable picture
    ├── InvalidBoxError (ValueError)              a face box is not finite, is empty, or lies outside the picture
    ├── DatasetError (ValueError)                 a data set or its manifest is incomplete or wrong
    ├── OutputError (OSError)                     a result could not be written
    ├── ProviderError (RuntimeError)              the device asked for does not work here
    └── ModelError                                something about the weights
        ├── UnknownModelError (ValueError)        no model of that name
        ├── ModelNotFoundError (FileNotFoundError)  the folder or one of its files is missing
        ├── ModelDownloadError (ConnectionError)  the Hub could not be reached, or refused
        └── ModelIntegrityError (ValueError)      config.json or the weights are not what they should be
"""

from __future__ import annotations


class HeadPoseError(Exception):
    """Base of every error raised on purpose by this package."""


class InvalidImageError(HeadPoseError, ValueError):
    """The array or the file is not a usable picture."""


class InvalidBoxError(HeadPoseError, ValueError):
    """A face box is not finite, is empty, or lies wholly outside the picture."""


class DatasetError(HeadPoseError, ValueError):
    """A data set or its manifest is incomplete or wrong."""


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
    """A model's config.json or weights are damaged or not what the registry expects."""
