"""HeadPoseEstimator: detect, crop, run, report. Wiring only; every step lives in a room of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.config import PoseModelConfig
from headpose_sdk.detection import FaceDetector, OnnxFaceDetector
from headpose_sdk.errors import InvalidBoxError, InvalidImageError, UnknownModelError
from headpose_sdk.hardware import available_threads
from headpose_sdk.images import MAX_BYTES, MAX_PIXELS, check_image, read_image
from headpose_sdk.preprocessing import check_box, crop_faces
from headpose_sdk.results import BoundingBox, HeadPose, Image, ImageResult, PoseBatch
from headpose_sdk.runtime import Device, OneWarning, OnnxModel, Provider
from headpose_sdk.streaming import prepare_ahead
from headpose_sdk.weights import DEFAULT_MODEL, absolute_folder, find_model

__all__ = ["HeadPoseEstimator"]

Item = TypeVar("Item")
Label = TypeVar("Label")
_Faces: TypeAlias = list[tuple[BoundingBox, float | None]]
_Crops: TypeAlias = NDArray[np.uint8]

LARGEST_BATCH = 128
"""Crops in one run of the network; more are split, so that memory does not grow with the number asked for."""


class HeadPoseEstimator:
    """Finds the faces in a photo and tells the yaw, pitch and roll of each head.

    Args:
        model: a name from :func:`list_models`, a model folder, or ``org/repo[@revision]`` on the Hugging Face Hub.
        detector: your own face detector; by default the bundled one that the model's config.json names.
        device: "auto" (a GPU that works, else the CPU), "cpu", or "cuda", which fails rather than fall back.
        threads: CPU threads of ONNX Runtime; by default as many as CPUs this process may use.
        providers: ONNX Runtime's own list of execution providers, instead of ``device``.
        cache_dir: where models of the Hub are kept; by default where huggingface_hub keeps its own.
        local_files_only: never ask the Hub. Bundled and cached models never touch the network anyway.

    Raises:
        UnknownModelError, ModelNotFoundError, ModelIntegrityError, ModelDownloadError: what is wrong with the model.
        ProviderError: the device asked for does not work here.
        ValueError, TypeError: a value that ``device``, ``threads`` or ``detector`` cannot have.

    One estimator may be used from several threads at once. It pickles as its arguments, folders as absolute paths:
    another process gets an estimator that loads its model anew. So does a forked one at its first prediction; forked
    from a process that uses a GPU it cannot, which is a ProviderError.
    """

    def __init__(
        self,
        model: str | PathLike[str] = DEFAULT_MODEL,
        *,
        detector: FaceDetector | None = None,
        device: Device = "auto",
        threads: int | None = None,
        providers: Sequence[Provider] | None = None,
        cache_dir: str | PathLike[str] | None = None,
        local_files_only: bool = False,
    ) -> None:
        self._rebuild = partial(
            type(self),
            absolute_folder(model),
            detector=detector,
            device=device,
            threads=threads,
            providers=providers,
            cache_dir=None if cache_dir is None else Path(cache_dir).absolute(),
            local_files_only=local_files_only,
        )
        if detector is not None and (isinstance(detector, type) or not isinstance(detector, FaceDetector)):
            raise TypeError(
                f"detector={detector!r} has no detect(image) to call; "
                "give an object that has, e.g. OnnxFaceDetector(), or None for the bundled one"
            )
        folder = find_model(model, cache_dir=cache_dir, local_files_only=local_files_only)
        if not isinstance(folder.config, PoseModelConfig):
            raise UnknownModelError(
                f"{folder.config.name} is a {folder.config.kind} model, not a pose model; see `headpose models`"
            )
        self.config = folder.config
        with OneWarning():  # what is so for both networks is told once
            self._network = OnnxModel(folder, device=device, threads=threads, providers=providers)
            if detector is None:
                detector = OnnxFaceDetector(
                    folder.config.detector,
                    device=device,
                    threads=threads,
                    providers=providers,
                    cache_dir=cache_dir,
                    local_files_only=local_files_only,
                )
        self.providers: tuple[str, ...] = self._network.providers
        self.detector: FaceDetector = detector
        # Somebody's own detector need not bear several threads at once, one derived from ours included.
        self._stream_threads = (threads or available_threads()) if type(detector) is OnnxFaceDetector else 1
        self._stream_detector: FaceDetector | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return self._rebuild, ()

    def predict(self, image: Image, boxes: Sequence[BoundingBox] | None = None) -> list[HeadPose]:
        """The poses of all faces in ``image`` ((H, W, 3) uint8 BGR); an empty list if there are none.

        With ``boxes`` no faces are looked for: the result has their length and order.

        Raises:
            InvalidImageError: the array is no such image.
            InvalidBoxError: ``boxes`` holds something else, or a box that lies wholly outside the image; or the
                detector found such a box.
        """
        checked = check_image(image)
        if boxes is None:
            faces, crops = self._crop_found(checked, self.detector, "image")
        else:
            given = [check_box(box, checked) for box in _listed(boxes)]
            faces, crops = [(box, None) for box in given], self._cut(checked, given)
        return _poses(faces, self.predict_crops(crops))

    def predict_batch(self, images: Iterable[Image], *, batch_size: int = 32) -> Iterator[list[HeadPose]]:
        """The poses of each of ``images``, in order; about ``batch_size`` crops go through the network at once.

        Any iterable will do, a generator of a million photos too. Faces are looked for on threads while the network
        runs, so up to two batches of photos are read before the first result, and no array may be written to before
        its result is there; ``batch_size=1`` reads nothing ahead. Threads end when the iterator is abandoned. Your
        own detector is called from one of them.

        An invalid image raises InvalidImageError, which says which one it was, once those before it are yielded;
        so does a detector's box outside of its photo, as InvalidBoxError.
        """
        _check_stream("images", images, batch_size, single=isinstance(images, np.ndarray) and images.ndim < 4)

        def crop(item: tuple[int, Image], detector: FaceDetector) -> tuple[None, _Faces, _Crops]:
            index, image = item
            name = f"image {index}"
            return None, *self._crop_found(check_image(image, name=name), detector, name)

        return (poses for _, poses in self._stream(enumerate(images), crop, batch_size))

    def predict_files(
        self,
        paths: Iterable[str | PathLike[str]],
        *,
        batch_size: int = 32,
        max_pixels: int = MAX_PIXELS,
        max_bytes: int = MAX_BYTES,
    ) -> Iterator[ImageResult]:
        """The poses in each image file, in order; a file that cannot be read is a result with ``error``.

        So is one where the detector finds a box outside of the photo. Any iterable of paths will do; about
        ``batch_size`` crops go through the network at once. Files are read on threads, ahead as in
        :meth:`predict_batch`; ``max_pixels`` and ``max_bytes`` are the limits of :func:`read_image`.
        """
        _check_stream("paths", paths, batch_size, single=isinstance(paths, str | bytes | PathLike))

        def read(path: str | PathLike[str], detector: FaceDetector) -> tuple[ImageResult, _Faces, _Crops]:
            name = fspath(path)
            try:
                image = read_image(path, max_pixels=max_pixels, max_bytes=max_bytes)
            except InvalidImageError as error:
                return ImageResult(name, None, None, (), str(error)), [], self._no_crops()
            height, width = image.shape[:2]
            try:
                return ImageResult(name, width, height, ()), *self._crop_found(image, detector, name)
            except InvalidBoxError as error:
                return ImageResult(name, width, height, (), str(error)), [], self._no_crops()

        return (replace(empty, faces=tuple(poses)) for empty, poses in self._stream(paths, read, batch_size))

    def predict_crops(self, crops: NDArray[np.uint8]) -> PoseBatch:
        """Angles and std of N face crops (N, S, S, 3) uint8 BGR, S = ``config.input_size``: the fast path.

        Crops are squares of ``config.crop_margin`` times the face box, cut as
        :func:`headpose_sdk.preprocessing.crop_face` does.

        Raises:
            InvalidImageError: if ``crops`` is of another shape or dtype.
            ModelIntegrityError: if the network answers NaN or infinity.
        """
        size = self.config.input_size
        if not isinstance(crops, np.ndarray) or crops.dtype != np.uint8 or crops.shape[1:] != (size, size, 3):
            found = f"{crops.dtype} {crops.shape}" if isinstance(crops, np.ndarray) else type(crops).__name__
            raise InvalidImageError(
                f"crops must be a uint8 BGR array of shape (N, {size}, {size}, 3), not {found}; "
                "cut them with headpose_sdk.preprocessing.crop_faces"
            )
        angles, std = np.empty((len(crops), 3), np.float32), np.empty((len(crops), 3), np.float32)
        for start in range(0, len(crops), LARGEST_BATCH):
            part = slice(start, start + LARGEST_BATCH)
            angles[part], std[part] = self._network.run(crops[part])
        return PoseBatch(angles, std)

    def _crop_found(self, image: Image, detector: FaceDetector, name: str) -> tuple[_Faces, _Crops]:
        """The faces that ``detector`` finds in a checked image, and their crops.

        A box of its own that cannot be is told as its mistake, not the caller's.
        """
        try:
            found = detector.detect(image)
            faces: _Faces = [(check_box(face.box, image), face.score) for face in found]
        except InvalidBoxError as error:
            raise InvalidBoxError(
                f"{name}: the detector, {type(detector).__name__}, gave a box that cannot be: {error}; "
                "mend the detector, or have it leave such boxes out"
            ) from error
        return faces, self._cut(image, [face.face or face.box for face in found])

    def _cut(self, image: Image, boxes: Sequence[BoundingBox]) -> _Crops:
        return crop_faces(image, boxes, margin=self.config.crop_margin, size=self.config.input_size)

    def _stream(
        self,
        items: Iterable[Item],
        prepare: Callable[[Item, FaceDetector], tuple[Label, _Faces, _Crops]],
        batch_size: int,
    ) -> Iterator[tuple[Label, list[HeadPose]]]:
        """``prepare`` makes (label, faces, crops) of each item; (label, poses) come out, run in batches."""
        ahead = 0 if batch_size == 1 else batch_size
        waiting: list[tuple[Label, _Faces, _Crops]] = []
        count = 0
        threads = min(self._stream_threads, batch_size)
        detector = self._detector_of_streams() if threads > 1 and ahead > 0 else self.detector

        def prepare_one(item: Item) -> tuple[Label, _Faces, _Crops]:
            return prepare(item, detector)

        with closing(prepare_ahead(items, prepare_one, threads=threads, ahead=ahead)) as prepared:
            while True:
                try:
                    item = next(prepared)
                except StopIteration:
                    break
                except Exception:
                    yield from self._finish(waiting)  # what was good before it is not lost
                    raise
                waiting.append(item)
                count += len(item[1])
                if count >= batch_size or len(waiting) >= batch_size:
                    yield from self._finish(waiting)
                    waiting, count = [], 0
            yield from self._finish(waiting)

    def _detector_of_streams(self) -> FaceDetector:
        """On the CPU one with a single thread a photo: photos side by side gain more than halves of a photo."""
        if type(self.detector) is OnnxFaceDetector and self.detector.providers[0] == "CPUExecutionProvider":
            if self._stream_detector is None:  # two streams at once may both load it, and either will do
                self._stream_detector = self.detector.with_threads(1)
            return self._stream_detector
        return self.detector

    def _finish(self, waiting: list[tuple[Label, _Faces, _Crops]]) -> Iterator[tuple[Label, list[HeadPose]]]:
        batch = self.predict_crops(np.concatenate([self._no_crops(), *(crops for _, _, crops in waiting)]))
        start = 0
        for label, faces, _ in waiting:
            part = slice(start, start + len(faces))
            yield label, _poses(faces, PoseBatch(batch.angles[part], batch.std[part]))
            start = part.stop

    def _no_crops(self) -> _Crops:
        return np.empty((0, self.config.input_size, self.config.input_size, 3), np.uint8)


def _poses(faces: _Faces, batch: PoseBatch) -> list[HeadPose]:
    rows = np.concatenate([batch.angles, batch.std], axis=1).tolist()
    return [
        HeadPose(yaw, pitch, roll, yaw_std, pitch_std, roll_std, box, score)
        for (yaw, pitch, roll, yaw_std, pitch_std, roll_std), (box, score) in zip(rows, faces, strict=True)
    ]


def _listed(boxes: Sequence[BoundingBox]) -> list[BoundingBox]:
    """The caller's boxes, each of them one."""
    listed = [] if isinstance(boxes, BoundingBox) else list(boxes)
    wrong = [boxes] if isinstance(boxes, BoundingBox) else [box for box in listed if not isinstance(box, BoundingBox)]
    if wrong:
        raise InvalidBoxError(
            f"boxes must be a list of BoundingBox objects, not {wrong[0]!r}; write [BoundingBox(x1, y1, x2, y2)]"
        )
    return listed


def _check_stream(name: str, items: object, batch_size: int, *, single: bool) -> None:
    """Refuse at the call, not at the first result, what would be wrong for all of them."""
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size} is not possible; give at least 1")
    if single:
        raise InvalidImageError(f"{name} is a single {type(items).__name__}; give a list, [...], or another iterable")
